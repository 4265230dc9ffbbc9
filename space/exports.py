"""Files made for somebody to fetch: each in an unguessable folder, gone after an hour."""

import secrets
import shutil
import time
from pathlib import Path

_SECONDS = 3600


class Exports:
    """A folder of short-lived files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes, name: str) -> Path:
        """Write a file under its own name; those of more than an hour ago are thrown away."""
        for old in self.folder.iterdir() if self.folder.is_dir() else ():
            try:
                outdated = old.stat().st_mtime < time.time() - _SECONDS
            except FileNotFoundError:  # another process threw it away first
                continue
            if outdated:
                shutil.rmtree(old, ignore_errors=True)
        place = self.folder / secrets.token_urlsafe(16)
        place.mkdir(parents=True)
        path = place / name
        path.write_bytes(content)
        return path

    def address(self, content: bytes, name: str) -> str:
        """The same, as the address from which the page fetches it."""
        return f"gradio_api/file={self.put(content, name).resolve()}"
