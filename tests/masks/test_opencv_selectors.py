"""Selecting with OpenCV alone: on drawn objects the answer is known."""

import cv2
import numpy as np
import pytest

from masks.opencv_selectors import FloodFill, GrabCut, Regions
from masks.selection import Prompt, select_all, tidy

PROVIDERS = [FloodFill(), GrabCut(), Regions()]


def drawing(height=211, width=333):
    rng = np.random.default_rng(0)
    image = np.full((height, width, 3), (70, 110, 150), np.uint8)
    truth = np.zeros((height, width), np.uint8)
    centre = (width * 2 // 3, height // 2)
    cv2.circle(truth, centre, 40, 1, -1)
    image[truth > 0] = (210, 80, 40)
    cv2.rectangle(image, (20, 20), (70, 90), (230, 230, 80), -1)
    noise = rng.integers(-4, 5, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), truth > 0, centre


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)
def test_a_click_and_a_box_find_the_disc(provider):
    image, truth, (x, y) = drawing()
    click = provider.select(image, Prompt(points=((x, y),)))
    box = provider.select(image, Prompt(box=(x - 44, y - 43, x + 43, y + 44)))
    for found in (click, box):
        assert found.shape == truth.shape
        assert found.dtype == np.bool_
        assert overlap(found, truth) > 0.9
    again = provider.select(image, Prompt(points=((x, y),)))
    assert (again == click).all()


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)
@pytest.mark.parametrize("size", [(16, 16), (17, 301), (64, 16)])
def test_any_size_gives_a_mask(provider, size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    for prompt in (Prompt(points=((3, 4),)), Prompt(box=(0, 0, size[1], size[0]))):
        assert provider.select(image, prompt).shape == size


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)
@pytest.mark.parametrize("size", [(1001, 2000), (853, 1280), (333, 777)])
def test_the_last_pixel_can_be_pointed_at(provider, size):
    """Sides are rounded when the picture is made small, up and down."""
    image = np.zeros((*size, 3), np.uint8)
    height, width = size
    corner = (width - 0.001, height - 0.001)
    for prompt in (
        Prompt(points=(corner,), not_points=((0.0, height - 1),)),
        Prompt(box=(width - 1, height - 1, width, height)),
        Prompt(points=((width - 1, 0.0),), not_points=(corner,)),
    ):
        assert provider.select(image, prompt).shape == size


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)
def test_bad_prompts_are_refused(provider):
    image, *_ = drawing()
    for prompt, message in (
        (Prompt(), "nothing was pointed at"),
        (Prompt(points=((333, 5),)), "outside the picture"),
        (Prompt(points=((5, 5),), not_points=((5, -1),)), "outside the picture"),
        (Prompt(box=(400, 10, 500, 60)), "covers nothing"),
    ):
        with pytest.raises(ValueError, match=message):
            provider.select(image, prompt)


def test_an_unwanted_part_goes_with_a_click():
    image, _, (x, y) = drawing()
    prompt = Prompt(points=((x, y), (45, 50)), not_points=((45, 85),))
    both = Regions().select(image, Prompt(points=((x, y), (45, 50))))
    less = Regions().select(image, prompt)
    assert both[y, x]
    assert both[50, 45]
    assert not less[85, 45]


def test_tidy_keeps_what_was_clicked_and_closes_small_gaps():
    mask = np.zeros((60, 80), bool)
    mask[5:45, 5:45] = True
    mask[20:22, 20:22] = False
    mask[30:40, 30:40] = False
    mask[50:55, 60:70] = True
    tidied = tidy(mask, Prompt(points=((10, 10),)))
    assert tidied[20, 20]
    assert not tidied[35, 35]
    assert not tidied[52, 65]
    assert not tidy(mask, Prompt(points=((10, 10),), not_points=((21, 21),)))[21, 21]
    assert not tidy(mask, Prompt(box=(0, 0, 80, 60)))[52, 65], "a crumb beside the object"


def test_tidy_leaves_what_is_open_to_the_border():
    mask = np.ones((100, 120), bool)
    mask[:5, :6] = False
    mask[50:53, 60:63] = False
    tidied = tidy(mask, Prompt(points=((80, 80),)))
    assert not tidied[:5, :6].any()
    assert tidied[50:53, 60:63].all()


class Columns:
    """Every ten columns are one object."""

    name = "columns"

    def select(self, image, prompt):
        mask = np.zeros(image.shape[:2], bool)
        for x, _ in prompt.points:
            mask[:, int(x) // 10 * 10 :][:, :10] = True
        return mask


def test_an_object_that_is_clicked_away_goes_as_a_whole():
    image = np.zeros((20, 40, 3), np.uint8)
    wanted = [Prompt(points=((5, 5),)), Prompt(points=((15, 5),))]
    found = select_all(Columns(), image, wanted, [(12, 7), (33, 3)])
    assert np.flatnonzero(found.any(0)).tolist() == list(range(10))
