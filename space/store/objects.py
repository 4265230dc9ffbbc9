"""Photos and masks as files named by the SHA-256 of their bytes.

Content is the name, so the same photo under ten masks lies here once, nothing is ever
overwritten, and a damaged file gives itself away.
"""

import hashlib
from pathlib import Path

from space.store.errors import StoreError
from space.store.files import sync_directory, write_atomically

KINDS = ("originals", "masks")
_MEND = (
    "Opening the data directory again takes it from its Parquet file; if it does not, restore it "
    "from a backup."
)


class Objects:
    """The files of a data directory. `DATA_DIR/originals/ab/abcd...`, the same for `masks`."""

    def __init__(self, root: Path, workshop: Path) -> None:
        self._root = root
        self._workshop = workshop

    def path(self, kind: str, sha256: str) -> Path:
        """Where a file is, or would be."""
        return self._root / kind / sha256[:2] / sha256

    def names(self, kind: str) -> set[str]:
        """The SHA-256 of every file that is there."""
        return {path.name for path in (self._root / kind).glob("*/*")}

    def put(self, kind: str, sha256: str, data: bytes) -> None:
        """Store a file durably unless it is there already."""
        path = self.path(kind, sha256)
        if path.is_file() and path.stat().st_size == len(data):
            return
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            sync_directory(path.parent.parent)
            sync_directory(self._root)
        write_atomically(path, data, self._workshop)

    def read(self, kind: str, sha256: str) -> bytes:
        """The bytes of a file.

        Raises:
            StoreError: It is missing, or not what its name says.
        """
        path = self.path(kind, sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise StoreError(f"The file {path} is missing. {_MEND}") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(f"The file {path} is damaged. Delete it. {_MEND}")
        return data

    def remove(self, kind: str, sha256: str) -> None:
        """Delete a file, durably; no error when there is none."""
        path = self.path(kind, sha256)
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_directory(path.parent)
