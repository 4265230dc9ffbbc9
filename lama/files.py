"""Files that are whole or not there, and their fingerprints."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from uuid import uuid4


def sha256_file(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
