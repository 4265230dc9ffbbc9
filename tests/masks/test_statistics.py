import json

import cv2
import numpy as np
import pytest

import masks
from masks.statistics import summarize


def test_two_boxes_are_described_to_the_pixel():
    mask = np.zeros((100, 200), bool)
    mask[10:30, 20:80] = True
    mask[50:57, 100:170] = True
    found = masks.describe(mask)
    assert found.area == pytest.approx((1200 + 490) / 20000)
    assert found.bucket == 0
    assert found.components == 2
    assert found.component_areas == pytest.approx((0.06, 0.0245))
    assert found.widest_stroke == 20
    assert not found.touches_border
    assert found.bounding_box == (20, 10, 170, 57)


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_every_border_counts(side):
    mask = np.zeros((40, 60), bool)
    mask[
        {"top": np.s_[0, 5], "bottom": np.s_[39, 5], "left": np.s_[9, 0], "right": np.s_[9, 59]}[
            side
        ]
    ] = 1
    assert masks.describe(mask).touches_border


@pytest.mark.parametrize("width", [1, 2, 3, 8, 31])
@pytest.mark.parametrize("at", [0, 40])
def test_the_widest_stroke_is_a_width_also_at_the_border(width, at):
    mask = np.zeros((120, 150), bool)
    mask[at : at + width, 10:140] = True
    assert masks.describe(mask).widest_stroke == width


def test_a_brush_keeps_its_width_on_a_large_picture():
    canvas = np.zeros((1500, 2000), np.uint8)
    cv2.line(canvas, (200, 300), (1700, 1100), 1, 121)
    assert masks.describe(canvas.astype(bool)).widest_stroke == pytest.approx(121, abs=5)


@pytest.mark.parametrize("radius", [10, 41, 100, 300])
def test_a_disc_is_right_to_two_pixels_and_two_percent(radius):
    canvas = np.zeros((2 * radius + 31, 2 * radius + 50), np.uint8)
    cv2.circle(canvas, (radius + 13, radius + 7), radius, 1, -1)
    width = masks.describe(canvas.astype(bool)).widest_stroke
    assert 0.98 * (2 * radius + 1) - 2 <= width <= 2 * radius + 2


def test_touching_corners_are_one_hole():
    mask = np.eye(20, dtype=bool)
    assert masks.describe(mask).components == 1


def test_nothing_and_everything_cannot_be_described():
    with pytest.raises(ValueError, match="no hole"):
        masks.describe(np.zeros((20, 20), bool))


def test_figures_go_into_json():
    mask = np.zeros((30, 20), bool)
    mask[3:9, 4:8] = True
    data = json.loads(json.dumps(masks.describe(mask).as_dict()))
    assert data["bounding_box"] == {"left": 4, "top": 3, "right": 8, "bottom": 9}


def test_a_set_is_summarized_in_ten_buckets():
    found = summarize([0.05, 0.1, 0.15, 0.99])
    assert found.histogram == (1, 2, 0, 0, 0, 0, 0, 0, 0, 1)
    assert (found.count, found.smallest, found.largest) == (4, 0.05, 0.99)
    assert found.mean == pytest.approx(0.3225)
    assert found.median == pytest.approx(0.125)
    with pytest.raises(ValueError, match="no masks"):
        summarize([])


@pytest.mark.parametrize("width", [300, 613, 700])
def test_a_hole_that_is_measured_smaller_is_right_to_two_pixels(width):
    mask = np.zeros((1600, 2000), bool)
    mask[20 : 20 + width, 30:1930] = mask[1500, 30] = True
    assert masks.describe(mask).widest_stroke == pytest.approx(width, abs=2)
