import numpy as np
import pytest

import masks
from masks import boxes, mixture, strokes


@pytest.mark.parametrize(
    ("name", "share"), [("training", 0.5), ("narrow", 0.5), ("thick", 0.3 / 1.3)]
)
def test_the_published_share_of_masks_are_rectangles(name, share, monkeypatch):
    painted = []
    for painter in (boxes, strokes):
        monkeypatch.setattr(painter, "paint", lambda *_, p=painter.__name__: painted.append(p))
    rng = np.random.default_rng(0)
    for _ in range(3000):
        mixture.paint(64, 64, masks.get(name).values, 1.0, rng)
    assert painted.count("masks.boxes") / 3000 == pytest.approx(share, abs=0.03)


def test_a_share_of_one_draws_rectangles_only():
    image = np.zeros((256, 256, 3), np.uint8)
    for item in masks.generate("training", image, 20, 0, box_share=1, max_boxes=1):
        box = masks.describe(item.mask).bounding_box
        assert item.mask.sum() == box.width * box.height
