"""Files that are whole or not there, and their fingerprints."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from pathlib import Path
from uuid import uuid4


def sha256_file(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def code_digest(*rooms: str, without: str = "") -> str:
    """First digits of a sha256 over program code: a version that needs no repository.

    Args:
        rooms: packages of the project, with all that is in them.
        without: one in them that does not count.
    """
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for room in rooms:
        for path in sorted((root / room).rglob("*.py")):
            if without and path.is_relative_to(root / without):
                continue
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def names_in(folder: Path) -> list[Path]:
    """What lies in a folder; nothing if there is no folder (any more)."""
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a file in one step: readers see the old bytes or the new ones, even after a crash.

    Who may read it stays as it was; of a new file that is the system's choice (umask).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".unfinished-{uuid4().hex[:8]}"
    try:
        with temporary.open("xb") as file:
            if path.exists():
                temporary.chmod(path.stat().st_mode & 0o777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
