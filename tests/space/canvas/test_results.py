"""Kept results, the boxes that travel, and the check of what must not change."""

import numpy as np
import pytest

from space.canvas.results import ResultShelf, patches, untouched_outside
from space.engine import InpaintResult


def hole(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = (90, 131)) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    for y, x, height, width in boxes:
        mask[y : y + height, x : x + width] = True
    return mask


@pytest.mark.parametrize("seed", range(5))
def test_patches_hold_every_hole_pixel_and_do_not_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = [(int(y), int(x), 9, 14) for y, x in rng.integers(0, (80, 115), (5, 2))]
    mask = hole(*places)
    covered = np.zeros(mask.shape, dtype=int)
    for box in patches(mask):
        covered[box.slices] += 1
    assert (covered[mask] == 1).all()
    assert covered.max() == 1


def test_nothing_travels_of_an_empty_mask() -> None:
    assert patches(hole()) == []


def test_far_holes_travel_apart() -> None:
    assert len(patches(hole((2, 2, 5, 5), (80, 120, 5, 5)))) == 2


def test_a_crowd_of_holes_travels_in_one_box() -> None:
    mask = hole(*[(y, x, 2, 2) for y in range(0, 90, 20) for x in range(0, 130, 30)])
    assert len(patches(mask)) == 1


def test_untouched_outside_sees_one_changed_value() -> None:
    before = np.random.default_rng(0).integers(0, 256, (700, 31, 3), dtype=np.uint8)
    mask = hole((300, 4, 50, 9), shape=(700, 31))
    after = before.copy()
    after[mask] = 0
    assert untouched_outside(before, after, mask)
    for y, x in ((650, 30), (310, 0), (310, 30), (299, 6), (0, 0)):
        spoilt = after.copy()
        spoilt[y, x, 2] ^= 1
        assert not untouched_outside(before, spoilt, mask)
    ragged = mask.copy()
    ragged[320, 6] = False
    assert not untouched_outside(before, after, ragged)
    assert not untouched_outside(before, after[:-1], mask)


def test_a_result_comes_back_whole_and_the_oldest_go() -> None:
    shelf = ResultShelf(limit_mb=1)
    rng = np.random.default_rng(0)
    before = rng.integers(0, 256, (400, 500, 3), dtype=np.uint8)
    mask = hole((0, 0, 399, 499), shape=(400, 500))
    after = before.copy()
    after[mask] = 7
    ids = [
        shelf.put("photo", mask, InpaintResult(after, 0.1, "m", "cpu", "fp32", ""))
        for _ in range(4)
    ]
    filled, found = shelf.get(ids[-1]).whole(before)
    assert np.array_equal(filled, after)
    assert np.array_equal(found, mask)
    with pytest.raises(ValueError, match="no longer"):
        shelf.get(ids[0])


def test_many_small_results_count_as_what_they_take() -> None:
    shelf = ResultShelf(limit_mb=1)
    rgb, mask = np.zeros((9, 11, 3), np.uint8), np.zeros((9, 11), bool)
    mask[4, 5] = True
    first = shelf.put("photo", mask, InpaintResult(rgb, 0.1, "m", "cpu", "fp32", ""))
    for _ in range(700):
        last = shelf.put("photo", mask, InpaintResult(rgb, 0.1, "m", "cpu", "fp32", ""))
    shelf.get(last)
    with pytest.raises(ValueError, match="no longer has"):
        shelf.get(first)
    assert len(shelf._kept) < 600
    shelf.better(last, mask, InpaintResult(rgb, 0.1, "m", "cpu", "fp32", ""))
    assert shelf._bytes == sum(kept.bytes for kept in shelf._kept.values())
