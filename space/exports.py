"""Files made for somebody to fetch: each in an unguessable folder, gone after an hour."""

import secrets
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lama.files import names_in

SECONDS = 3600
_FUTURE_SECONDS = 60  # clocks are not that exact, and are corrected
_NAME_BYTES = 200  # file systems take 255; Gradio writes a copy under a longer name


class Exports:
    """A folder of short-lived files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self) -> Path:
        """A new folder for files of one answer; those of more than an hour ago are thrown away."""
        self.sweep()
        place = self.folder / secrets.token_urlsafe(16)
        place.mkdir(parents=True)
        return place

    def put(self, content: bytes, name: str) -> Path:
        """Write a file under its own name, shortened where file systems would not take it."""
        path = self.place() / fitting(name)
        path.write_bytes(content)
        return path

    def address(self, content: bytes, name: str) -> str:
        """Write a file and say the address from which the page fetches it."""
        return address_of(self.put(content, name))

    def sweep(self) -> None:
        """Throw away what was made more than an hour ago, or before the clock was set back."""
        now = time.time()
        for made, _, place in self.kept():
            if not now - SECONDS <= made <= now + _FUTURE_SECONDS:
                self.remove(place)

    def kept(self) -> list[tuple[float, int, Path]]:
        """What there is: when it was made, how many bytes it has, and its folder."""
        found = []
        for place in names_in(self.folder):
            try:
                size = sum(file.stat().st_size for file in place.iterdir())
                found.append((place.stat().st_mtime, size, place))
            except (FileNotFoundError, NotADirectoryError):  # another process threw it away first
                continue
        return found

    def remove(self, place: Path) -> None:
        """Throw one folder away."""
        shutil.rmtree(place, ignore_errors=True)

    def clear(self) -> None:
        """Throw everything away at once.

        Raises:
            OSError: Something refuses to go.
        """
        for place in names_in(self.folder):
            if place.is_dir():
                shutil.rmtree(place, onerror=_unless_gone)
            else:
                place.unlink(missing_ok=True)


def _unless_gone(*failed: Any) -> None:  # noqa: ANN401 - as `rmtree` calls it
    """Let `rmtree` go on where another process was quicker, and nowhere else."""
    error = failed[2][1]
    if not isinstance(error, FileNotFoundError):
        raise error


def fitting(name: str, tail: str | None = None) -> str:
    """A file name that every file system takes: at most 200 bytes of UTF-8.

    Args:
        name: What somebody called it; a folder in front of it is left out.
        tail: What is added to it, and never shortened; the name's own ending if not given.
    """
    clean = "".join(c for c in name if c >= " " and not "\ud800" <= c <= "\udfff")
    clean = Path(clean).name.lstrip(".")
    if tail is None:
        short = len(Path(clean).suffix.encode()) <= _NAME_BYTES // 2
        tail = Path(clean).suffix if short else ""
        clean = clean[: len(clean) - len(tail)]
    room = _NAME_BYTES - len(tail.encode())
    return (clean.encode()[:room].decode(errors="ignore") or "file") + tail


def address_of(path: Path) -> str:
    """From where the page fetches a file that it may have."""
    return f"gradio_api/file={quote(str(path.resolve()))}"
