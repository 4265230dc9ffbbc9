"""What a pen marks, pixel by pixel: the canvas's raster alone, on an empty page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser

import space.canvas

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 131, 67
RASTER = Path(space.canvas.__file__).with_name("js").joinpath("raster.js").read_text("utf-8")
DRAW = """([points, radius, width, height]) => {
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  %s
  const raster = createRaster(width, height);
  points.forEach(([x, y], i) => {
    const [u, v] = points[Math.max(0, i - 1)];
    raster.capsule({ x: u, y: v }, { x, y }, radius, 1);
  });
  return [raster.count, Array.from(raster.data)];
}"""
Draw = Callable[[list[tuple[float, float]], float], np.ndarray]


@pytest.fixture(scope="module")
def draw(browser: Browser) -> Iterator[Draw]:
    page = browser.new_page()

    def drawn(points: list[tuple[float, float]], radius: float) -> np.ndarray:
        count, data = page.evaluate(DRAW % RASTER, [points, radius, WIDTH, HEIGHT])
        mask = np.array(data, np.uint8).reshape(HEIGHT, WIDTH)
        assert count == mask.sum()
        return mask

    yield drawn
    page.close()


def test_the_thinnest_pen_draws_lines_without_gaps(draw: Draw) -> None:
    rng = np.random.default_rng(2)
    ends = [((3.2, 5.7), (104.1, 41.3)), ((9.5, 60.0), (120.5, 60.0)), ((3.0, 3.0), (60.0, 60.0))]
    ends += [tuple(map(tuple, rng.uniform(1, (WIDTH - 1, HEIGHT - 1), (2, 2)))) for _ in range(60)]
    for a, b in ends:
        mask = draw([a, b], 0.25)
        assert cv2.connectedComponents(mask, connectivity=8)[0] == 2, (a, b)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        for marked, one, two in ((columns, a[0], b[0]), (rows, a[1], b[1])):
            assert abs(marked[0] - int(min(one, two))) <= 1
            assert abs(marked[-1] - int(max(one, two))) <= 1
        length = max(abs(a[0] - b[0]), abs(a[1] - b[1]))
        assert mask.sum() <= 2 * length + 5, "it stays a thin line"


def test_a_wide_pen_marks_the_centres_within_its_radius(draw: Draw) -> None:
    a, b, radius = np.array([20.3, 15.8]), np.array([90.1, 44.2]), 6.4
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    along = ((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1]) / ((b - a) ** 2).sum()
    along = along.clip(0, 1)
    distance = np.hypot(x - a[0] - along * (b - a)[0], y - a[1] - along * (b - a)[1])
    assert np.array_equal(draw([tuple(a), tuple(b)], radius) > 0, distance <= radius)
