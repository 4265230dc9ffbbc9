import numpy as np
import pytest

import masks
from masks import preview


def square(height=90, width=120):
    mask = np.zeros((height, width), bool)
    mask[30:60, 40:80] = True
    return mask


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), preview.RED])
def test_the_outline_shows_on_any_colour(colour):
    image = np.full((90, 120, 3), colour, np.uint8)
    painted = masks.overlay(image, square())
    assert tuple(painted[29, 50]) == preview.LIGHT
    assert tuple(painted[30, 50]) == preview.DARK
    assert tuple(painted[10, 10]) == colour
    assert painted[45, 60, 0] > max(painted[45, 60, 1:]) or colour == (255, 255, 255)


def test_the_hole_is_tinted_and_the_photo_shines_through():
    image = np.zeros((90, 120, 3), np.uint8)
    image[:, 60:] = 255
    painted = masks.overlay(image, square())
    dark, light = painted[45, 50].astype(int), painted[45, 70].astype(int)
    assert dark[0] > dark[2] + 40
    assert (light - dark > 100).all()


def test_the_image_is_not_painted_on():
    image = np.zeros((90, 120, 3), np.uint8)
    masks.overlay(image, square())
    assert not image.any()


def test_a_hole_at_the_border_has_no_outline_along_it():
    mask = np.zeros((60, 60), bool)
    mask[:, :30] = True
    painted = masks.overlay(np.full((60, 60, 3), 90, np.uint8), mask)
    assert tuple(painted[30, 0]) != preview.DARK


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="must agree"):
        masks.overlay(np.zeros((90, 121, 3), np.uint8), square())


@pytest.mark.parametrize(
    ("count", "columns", "grid"), [(1, None, (1, 1)), (5, None, (2, 3)), (5, 5, (1, 5))]
)
def test_a_sheet_holds_every_mask(count, columns, grid):
    image = np.zeros((90, 120, 3), np.uint8)
    made = preview.sheet(image, [square()] * count, columns, tile=60)
    rows, wide = grid
    assert made.shape == (
        rows * (45 + preview.GAP) + preview.GAP,
        wide * (60 + preview.GAP) + preview.GAP,
        3,
    )


def test_of_holes_that_would_all_vanish_the_largest_share_stays():
    mask = np.zeros((901, 1200), bool)
    mask[100:103, 303:305] = mask[700, 900] = True
    assert preview.shrink_mask(mask, 100).sum() == 1
    assert preview.shrink_mask(mask, 100)[8, 25]
    mask[400:500, 600:700] = True
    assert masks.describe(preview.shrink_mask(mask, 100)).components == 1


def test_a_sheet_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        preview.sheet(np.zeros((90, 120, 3), np.uint8), [])
