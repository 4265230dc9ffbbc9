import numpy as np
import pytest

import masks
from space.mask_lab import drawing, wishes


@pytest.mark.parametrize("name", masks.names())
def test_the_page_draws_what_the_library_draws(name, scenery, photo):
    wish = wishes.read({"photo": photo.id, "strategy": name, "count": 4, "seed": 6}, scenery)
    ours = [item.mask for item in drawing.draw(wish, scenery)]
    theirs = [item.mask for item in masks.generate(name, wish.image, 4, 6)]
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert np.array_equal(drawing.draw_one(wish, scenery, 2).mask, theirs[2])
    assert drawing.areas(wish, scenery) == pytest.approx([mask.mean() for mask in theirs])


def test_a_mask_beyond_the_count_is_refused(scenery):
    wish = wishes.read({"count": 4}, scenery)
    with pytest.raises(ValueError, match="masks 0 to 3"):
        drawing.draw_one(wish, scenery, 4)


def test_figures_are_those_of_the_library(scenery):
    item = next(drawing.draw(wishes.read({"width": 300, "height": 200}, scenery), scenery))
    found, expected = drawing.figures(item), masks.describe(item.mask)
    assert found.area == pytest.approx(expected.area)
    assert found.components == expected.components
    assert found.widest_stroke == expected.widest_stroke
    assert found.touches_border == expected.touches_border


def test_large_masks_are_measured_small_and_told_in_full_pixels(scenery):
    mask = np.zeros((2400, 3600), bool)
    mask[500:1100, 300:2000] = True
    mask[2000, 3000] = True
    found = drawing.figures(masks.GeneratedMask(mask, "box"))
    assert found.area == mask.mean()
    assert found.widest_stroke == pytest.approx(600, abs=8)
    assert not found.touches_border


def test_a_dot_on_a_large_picture_is_still_described():
    mask = np.zeros((2400, 3600), bool)
    mask[2000, 3000] = True
    assert drawing.figures(masks.GeneratedMask(mask, "wide")).components == 1
