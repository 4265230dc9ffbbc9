"""Holes far from a change keep their fill; whatever lies together with a change is filled anew."""

import numpy as np

from space.canvas.incremental import changed_holes, start_from
from space.canvas.results import ResultShelf
from space.engine import InpaintResult

SHAPE = (301, 407)


def hole(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    for y, x, height, width in boxes:
        mask[y : y + height, x : x + width] = True
    return mask


LEFT, RIGHT, BESIDE = (20, 20, 30, 30), (200, 330, 40, 40), (25, 52, 20, 20)


def test_a_far_new_hole_is_all_there_is_to_do() -> None:
    assert np.array_equal(changed_holes(hole(LEFT, RIGHT), hole(LEFT)), hole(RIGHT))


def test_a_new_hole_beside_an_old_one_takes_it_along() -> None:
    mask = hole(LEFT, BESIDE, RIGHT)
    assert np.array_equal(changed_holes(mask, hole(LEFT, RIGHT)), hole(LEFT, BESIDE))


def test_taking_a_hole_away_leaves_nothing_to_do_elsewhere() -> None:
    assert not changed_holes(hole(LEFT), hole(LEFT, RIGHT)).any()


def test_erasing_a_part_fills_the_rest_of_it_anew() -> None:
    smaller = (20, 20, 15, 30)
    assert np.array_equal(changed_holes(hole(smaller, RIGHT), hole(LEFT, RIGHT)), hole(smaller))


def test_nothing_before_is_everything_to_do() -> None:
    rgb = np.zeros((*SHAPE, 3), dtype=np.uint8)
    start = start_from(rgb, hole(LEFT), None)
    assert start.base is rgb
    assert not start.own, "the photo is not ours to change"
    assert np.array_equal(start.todo, hole(LEFT))
    assert np.array_equal(start.changed, hole(LEFT))


def test_the_photo_to_fill_has_the_fills_that_stay_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    before = hole(LEFT, RIGHT)
    filled = rgb.copy()
    filled[before] = 9
    shelf = ResultShelf()
    last = shelf.get(shelf.put("id", before, InpaintResult(filled, 0, "m", "cpu", "fp32", "")))
    start = start_from(rgb, hole(LEFT, BESIDE, RIGHT), last)
    assert np.array_equal(start.todo, hole(LEFT, BESIDE))
    assert (start.base[hole(RIGHT)] == 9).all()
    assert start.own
    assert not np.shares_memory(start.base, rgb)
    assert np.array_equal(start.base[~hole(RIGHT)], rgb[~hole(RIGHT)])
    fewer = start_from(rgb, hole(RIGHT), last)
    assert not fewer.todo.any()
    assert np.array_equal(fewer.changed, hole(LEFT))
