import xml.etree.ElementTree as ET

import pytest

import masks
from masks.statistics import summarize
from space.mask_lab import plot
from space.mask_lab.reference import _SHARES, published


def elements(svg, kind):
    return [node for node in ET.fromstring(svg).iter() if kind in node.get("class", "").split()]


def test_bars_stand_for_the_shares_of_the_ten_buckets():
    svg = plot.hole_areas(summarize([0.05, 0.15, 0.15, 0.15]), None)
    heights = [float(bar.get("height")) for bar in elements(svg, "pl-bar")]
    assert len(heights) == 10
    assert heights[1] == pytest.approx(3 * heights[0], rel=0.01)
    assert heights[2:] == [0.0] * 8
    assert not elements(svg, "pl-other")


def test_mean_and_median_stand_where_they_belong():
    svg = plot.hole_areas(summarize([0.1, 0.2, 0.9]), None)
    bars = elements(svg, "pl-bar")
    for kind, after in (("pl-mean", 4), ("pl-median", 2)):
        (line,) = elements(svg, kind)
        ended = float(bars[after - 1].get("x")) + float(bars[after - 1].get("width"))
        middle = (ended + float(bars[after].get("x"))) / 2
        assert float(line.get("x1")) == pytest.approx(middle, abs=0.2)


def test_the_published_curve_lies_over_the_bars_and_says_whose_it_is():
    svg = plot.hole_areas(summarize([0.3]), published("wide", 256))
    (curve,) = elements(svg, "pl-other")
    assert len(curve.get("points").split()) == 10
    assert "published parameters at 256" in svg


def test_colours_are_left_to_the_page():
    svg = plot.hole_areas(summarize([0.3]), published("thin", 512)) + plot.hole_sizes([0.1])
    assert "#" not in svg
    assert "fill=" not in svg
    assert "stroke=" not in svg


def test_holes_are_sorted_by_size():
    bars = plot.hole_sizes([0.0001, 0.02, 0.03, 0.5, 1.0])
    counts = [int(part.split("<")[0]) for part in bars.split("<b>")[1:]]
    assert counts == [1, 0, 2, 0, 2]


@pytest.mark.parametrize(("key", "shares"), _SHARES.items())
def test_the_reference_is_what_the_strategies_draw(key, shares):
    name, side = key
    assert sum(shares) == pytest.approx(1, abs=0.01)
    count = 800 if side == 256 else 300
    image = masks.scene(side, side)
    found = summarize([item.mask.mean() for item in masks.generate(name, image, count, 2)])
    for ours, theirs in zip(found.histogram, shares, strict=True):
        assert ours / count == pytest.approx(theirs, abs=5 * 0.5 / count**0.5)


def test_the_reference_follows_the_short_side():
    assert "256" in published("thick", 384).label
    assert "512" in published("thick", 385).label
    assert "256" in published("wide", 4000).label
    assert published("segmentation", 512) is None
