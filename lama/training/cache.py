"""Fills and numbers of earlier evaluations, kept on disk by what they were made from.

A fill is kept under its method's name and version and the exact photo and hole; numbers are kept
under the exact pixels they were measured on. So nothing kept can be out of date, an evaluation that
was cut off goes on where it was, and new weights cost their own run alone.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lama.files import write_atomic
from lama.photo import Photo
from lama.photo_write import save_photo


def fingerprint(*parts: str | np.ndarray) -> str:
    """Hex digest of words and arrays, their shapes and kinds included."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()


class Cache:
    """A folder of kept results; without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def picture(
        self, key: str, make: Callable[[], tuple[np.ndarray, float]]
    ) -> tuple[np.ndarray, float]:
        """A kept uint8 RGB picture and the seconds it took, or `make()`'s, kept from now on."""
        if self.folder is None:
            return make()
        path = self.folder / f"{key}.png"
        note = path.with_suffix(".seconds")
        if path.exists() and note.exists():
            kept = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if kept is not None:
                return cv2.cvtColor(kept, cv2.COLOR_BGR2RGB), float(note.read_text())
        rgb, seconds = make()
        save_photo(Photo(rgb, "PNG"), path)
        write_atomic(note, f"{seconds:.4f}".encode())
        return rgb, seconds

    def numbers(self, key: str) -> dict[str, Any]:
        """Kept numbers by metric, empty if there are none."""
        if self.folder is None:
            return {}
        path = self.folder / f"{key}.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def keep_numbers(self, key: str, values: dict[str, Any]) -> None:
        """Replace the numbers under a key."""
        if self.folder is not None:
            write_atomic(self.folder / f"{key}.json", json.dumps(values).encode())

    def array(self, key: str) -> np.ndarray | None:
        """A kept array."""
        path = None if self.folder is None else self.folder / f"{key}.npy"
        return np.load(path, allow_pickle=False) if path is not None and path.exists() else None

    def keep_array(self, key: str, array: np.ndarray) -> None:
        """Keep an array."""
        if self.folder is not None:
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            write_atomic(self.folder / f"{key}.npy", buffer.getvalue())
