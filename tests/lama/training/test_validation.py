"""The quick look at a run: the same photos, holes and copied fills every time."""

import numpy as np
import pytest
import torch
from PIL import Image

import masks
from lama.checkpoint import build
from lama.config import UNetConfig
from lama.training.validation import Validation


def test_copied_fills_are_made_once(tmp_path):
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (70, 90 + i, 3), dtype=np.uint8) for i in range(3)]
    watched = Validation(photos, masks.get("thick"), 64)
    torch.manual_seed(0)
    generator = build(UNetConfig(width=8, n_blocks=1, copies=True))
    made = []
    copier = generator.copier
    generator.copier = lambda image, mask: made.append(copier(image, mask)) or made[-1]
    sheet = tmp_path / "samples" / "000001.png"
    first = watched.measure(generator, sheet)
    assert watched.measure(generator, sheet) == first
    assert len(made) == 3
    with torch.no_grad():
        alone = torch.cat(
            [
                generator(*one)
                for one in zip(watched.images.split(1), watched.masks.split(1), strict=True)
            ]
        )
    l1 = ((alone - watched.images).abs() * watched.masks).sum() / (3 * watched.masks.sum())
    assert first["val_l1"] == pytest.approx(l1.item(), rel=1e-4)
    with Image.open(sheet) as picture:
        assert picture.size == (3 * 64, 3 * 64)
