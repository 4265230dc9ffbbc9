"""Masks like a set of others: their distributions agree, at any size, and the file says it all."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

import masks
from masks import fitted
from masks.statistics import describe


def drawn(name: str, count: int, height: int = 96, width: int = 131) -> list[np.ndarray]:
    image = np.zeros((height, width, 3), np.uint8)
    strategy = masks.get(name)
    return [strategy(image, np.random.default_rng([1, i])) for i in range(count)]


def like(found: fitted.Fitted, count: int, height: int = 96, width: int = 131) -> list[np.ndarray]:
    image = np.zeros((height, width, 3), np.uint8)
    strategy = masks.Strategy(found.recipe(), {})
    return [strategy(image, np.random.default_rng([2, i])) for i in range(count)]


def text_like(count: int) -> list[np.ndarray]:
    """Rows of level strokes, as over writing."""
    found = []
    for i in range(count):
        rng = np.random.default_rng([3, i])
        mask = np.zeros((96, 131), bool)
        for top in range(8, 80, 22)[: rng.integers(1, 5)]:
            left = rng.integers(4, 30)
            mask[top : top + rng.integers(3, 13), left : left + rng.integers(40, 90)] = True
        found.append(mask)
    return found


def kolmogorov_smirnov(one: list[float], other: list[float]) -> float:
    """Largest distance of the two empirical distribution functions, 0 to 1."""
    a, b = np.sort(one), np.sort(other)
    every = np.concatenate([a, b])
    gap = np.searchsorted(a, every, "right") / len(a) - np.searchsorted(b, every, "right") / len(b)
    return float(np.abs(gap).max())


FIGURES = {
    "area": lambda mask, found: found.area,
    "components": lambda mask, found: found.components,
    "stroke width": lambda mask, found: found.widest_stroke / min(mask.shape),
    "border": lambda mask, found: float(found.touches_border),
}


def distances(one: list[np.ndarray], other: list[np.ndarray]) -> dict[str, float]:
    a, b = ([(mask, describe(mask)) for mask in group] for group in (one, other))
    return {
        name: kolmogorov_smirnov([of(*pair) for pair in a], [of(*pair) for pair in b])
        for name, of in FIGURES.items()
    }


SOURCES = {name: lambda n, name=name: drawn(name, n) for name in ("wide", "narrow", "box")}
SOURCES["text"] = text_like


@pytest.mark.parametrize("name", SOURCES)
def test_distributions_agree(name: str) -> None:
    """Two sets of 60 drawn alike are 0.25 apart in one of 40 cases."""
    examples = SOURCES[name](60)
    found = distances(examples, like(fitted.fit(examples), 60))
    assert max(found.values()) <= 0.3, found
    other = drawn("outpaint", 60)
    assert max(distances(examples, other).values()) > 0.45, "the test can tell strangers"


def test_other_sizes_take_the_same_shares() -> None:
    examples = drawn("box", 60)
    found = distances(examples, like(fitted.fit(examples), 40, 150, 90))
    assert found["area"] <= 0.35
    assert found["stroke width"] <= 0.35


def test_direction_and_extent_are_kept() -> None:
    longer, spread = [], []
    for mask in like(fitted.fit(text_like(20)), 15):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
        largest = 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
        rows, columns = np.nonzero(labels == largest)
        longer.append(np.ptp(columns) / max(1, np.ptp(rows)))
        spread.append(describe(mask).bounding_box.width / 131)
    assert np.median(longer) > 2, "level strokes"
    theirs = [describe(mask).bounding_box.width / 131 for mask in text_like(20)]
    assert abs(np.median(spread) - np.median(theirs)) < 0.15


@pytest.mark.parametrize("shape", [(16, 16), (17, 300), (301, 33)])
def test_any_size_has_a_hole_and_something_known(shape: tuple[int, int]) -> None:
    examples = [*drawn("thick", 12), np.pad(np.ones((94, 129), bool), 1)]
    for mask in like(fitted.fit(examples), 12, *shape):
        assert mask.shape == shape
        assert mask.dtype == np.bool_
        assert 0 < mask.sum() < mask.size


def test_the_file_is_all_it_takes(tmp_path: Path) -> None:
    found = fitted.fit(drawn("medium", 9))
    path = tmp_path / "mine.json"
    found.save(path)
    assert path.stat().st_size < 4_000
    image = np.zeros((64, 77, 3), np.uint8)
    strategy = masks.get(f"fitted:{path}")
    assert strategy.name == f"fitted:{path}"
    first, second = (strategy(image, np.random.default_rng(5)) for _ in range(2))
    assert (first == second).all()
    again = pickle.loads(pickle.dumps(strategy))  # a loader's worker gets a copy
    assert (again(image, np.random.default_rng(5)) == first).all()
    assert len(masks.generate(f"fitted:{path}", image, 3, 0)) == 3


def test_few_rows_are_kept_of_many_masks() -> None:
    found = fitted.fit(drawn("box", 20), most=8)
    assert (len(found.rows), found.masks) == (8, 20)
    assert found == fitted.fit(drawn("box", 20), most=8)


def test_what_cannot_be_fitted_or_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no mask to learn from"):
        fitted.fit([np.zeros((20, 20), bool), np.ones((20, 20), bool)])
    with pytest.raises(ValueError, match="cannot be read"):
        masks.get(f"fitted:{tmp_path / 'none.json'}")
    path = tmp_path / "bad.json"
    for text in ("{", "[]", '{"masks_fitted": 2}', '{"masks_fitted": 1, "masks": 1, "rows": []}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"no strategy that masks\.fitted has made"):
            fitted.load(path)


@pytest.mark.parametrize(
    "change", [{"area": 0}, {"area": 1.5}, {"holes": 0}, {"width": 0}, {"shares": []}]
)
def test_rows_that_make_no_sense_are_refused(tmp_path: Path, change: dict) -> None:
    path = tmp_path / "mine.json"
    fitted.fit(drawn("box", 1)).save(path)
    content = json.loads(path.read_text())
    content["rows"][0] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="makes no sense"):
        fitted.load(path)
