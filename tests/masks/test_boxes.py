import numpy as np
import pytest

import masks
from masks import boxes


def values(**changed):
    return {**masks.get("box").values, **changed}


def paint(seed, height=256, width=300, scale=1.0, **changed):
    return boxes.paint(height, width, values(**changed), scale, np.random.default_rng(seed))


def test_one_rectangle_has_sides_and_place_within_the_published_limits():
    sides, edges = [], []
    for seed in range(800):
        canvas = paint(seed, max_boxes=1)
        rows, columns = np.flatnonzero(canvas.any(1)), np.flatnonzero(canvas.any(0))
        h, w = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert canvas.sum() == h * w
        sides += [h, w]
        edges.append((rows[0], columns[0], 256 - rows[-1] - 1, 300 - columns[-1] - 1))
    assert (min(sides), max(sides)) == (30, 150)
    assert abs(np.mean(sides) - 90) < 3
    assert np.min(edges, 0).tolist() == [10, 10, 10, 10]


def test_the_margin_stays_known():
    for seed in range(50):
        canvas = paint(seed, margin=40)
        canvas[40:-40, 40:-40] = 0
        assert not canvas.any()


def test_as_many_rectangles_as_allowed():
    one, many = paint(3, max_boxes=1), paint(3, min_boxes=50, max_boxes=50)
    assert many.sum() > 3 * one.sum()


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 90), (61, 16)])
@pytest.mark.parametrize("margin", [0, 200])
def test_small_pictures_never_fill_up_at_once(height, width, margin):
    for seed in range(20):
        canvas = paint(seed, height, width, 1.0, margin=margin, max_boxes=1)
        assert 0 < canvas.sum() < height * width
