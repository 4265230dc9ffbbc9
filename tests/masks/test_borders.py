import numpy as np
import pytest

import masks


def strips(mask):
    """Thickness of the hole at left, top, right and bottom, measured along the known middle."""
    known = np.argwhere(~mask)
    (top, left), (bottom, right) = known.min(0), known.max(0) + 1
    return left, top, mask.shape[1] - right, mask.shape[0] - bottom


def draws(count=400, **values):
    image = np.zeros((200, 500, 3), np.uint8)
    return [item.mask for item in masks.generate("outpaint", image, count, 0, **values)]


def test_strips_are_shares_of_their_own_side():
    seen = np.array([strips(mask) for mask in draws()])
    sides = np.array([500, 200, 500, 200])
    assert (seen > 0).any(1).all()
    present = np.where(seen > 0, seen / sides, np.nan)
    assert np.nanmin(present, 0) == pytest.approx([0.04] * 4, abs=0.01)
    assert np.nanmax(present, 0) == pytest.approx([0.25] * 4, abs=0.01)
    # p = 0.5 each; the 1 in 16 that had none gets one of the four.
    assert (seen > 0).mean(0) == pytest.approx([0.5 + 1 / 64] * 4, abs=0.08)


def test_the_known_part_is_one_rectangle():
    for mask in draws(40):
        left, top, right, bottom = strips(mask)
        assert (~mask).sum() == (500 - left - right) * (200 - top - bottom)


def test_chances_choose_the_sides():
    for mask in draws(30, left=1, top=0, right=0, bottom=0):
        left, top, right, bottom = strips(mask)
        assert left > 0
        assert (top, right, bottom) == (0, 0, 0)


def test_a_side_without_a_chance_never_stands_in():
    for mask in draws(100, left=0.3, top=0, right=0.1, bottom=0):
        left, top, right, bottom = strips(mask)
        assert left > 0 or right > 0
        assert (top, bottom) == (0, 0)


def test_without_any_chance_there_is_no_mask_and_a_word_on_it():
    with pytest.raises(ValueError, match="give left, top, right or bottom a chance"):
        draws(1, left=0, top=0, right=0, bottom=0)
