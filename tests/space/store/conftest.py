"""Small photos and masks, all different, made from a number."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.store import Record, Store, Submission


def make_photo(seed: int, height: int = 41, width: int = 67) -> bytes:
    """A PNG of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_mask(seed: int, height: int = 41, width: int = 67) -> np.ndarray:
    """A rectangle and some dots."""
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < 0.01
    top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
    mask[top : top + height // 3, left : left + width // 3] = True
    return mask


def make_submission(seed: int, **changes) -> Submission:
    """A submission that is fine as it stands."""
    values = {
        "image_bytes": make_photo(seed),
        "mask": make_mask(seed),
        "licence": "cc0-1.0",
        "consent": True,
        "strokes": f'[{{"tool": "brush", "seed": {seed}}}]',
        "note": f"number {seed}",
        **changes,
    }
    return Submission(**values)


def photo_of(store: Store, record: Record) -> bytes:
    """The stored file of a record's photo."""
    return store.core.objects.read("originals", record.image_sha256)


@pytest.fixture
def store(tmp_path: Path):
    opened = Store.open(tmp_path / "data")
    yield opened
    opened.close()
