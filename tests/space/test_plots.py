"""Charts: what is drawn lies where its value is, and words are text."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from space import plots
from space.plots import Plot, Row, figure_html, figures_html, rows_html


def drawn(plot: Plot, kind: str) -> list[ET.Element]:
    root = ET.fromstring(plot.svg("a chart"))
    return [node for node in root.iter() if node.get("class") == kind]


@pytest.fixture
def plot() -> Plot:
    """Ten to the right and four up; a value is ten units wide and 25 high."""
    return Plot((0, 10), (0, 4), width=120, height=136, left=12, right=8, bottom=24)


def test_values_lie_from_the_left_and_from_the_bottom(plot: Plot) -> None:
    assert [plot.x(0), plot.x(10)] == [12, 112]
    assert [plot.y(4), plot.y(0)] == [12, 112]
    plot.line([(0, 0), (5, 4)])
    assert drawn(plot, "pl-line")[0].get("points") == "12.0,112.0 62.0,12.0"


def test_bars_fill_the_width_and_stand_on_the_ground(plot: Plot) -> None:
    plot.bars([4, 1, 0, -1], ["most", "some", "none", "less"])
    bars = drawn(plot, "pl-bar")
    assert [float(bar.get("height")) for bar in bars] == [100, 25, 0, 0]
    assert [float(bar.get("width")) for bar in bars] == [22.5] * 4
    assert [float(bar.get("x")) for bar in bars] == pytest.approx([13.2, 38.2, 63.2, 88.2], abs=0.1)
    assert [bar.find("title").text for bar in bars] == ["most", "some", "none", "less"]


def test_lines_marks_and_words(plot: Plot) -> None:
    plot.grid([(2, "half")])
    plot.level(1)
    plot.mark(5, "mean", "mean 5")
    plot.other([(0, 1), (10, 3)], "theirs")
    plot.ticks([(5, "five")])
    plot.ends("0", "10 & more")
    plot.caption("steps")
    assert [drawn(plot, kind)[0].get("y1") for kind in ("pl-grid", "pl-level")] == ["62.0", "87.0"]
    [mark] = drawn(plot, "pl-mean")
    assert [mark.get(name) for name in ("x1", "x2")] == ["62.0", "62.0"]
    assert [mark.get(name) for name in ("y1", "y2")] == ["12.0", "112.0"]
    assert [dot.get("cx") for dot in drawn(plot, "pl-dot")] == ["12.0", "112.0"]
    words = {node.text: node for node in ET.fromstring(plot.svg("x")) if node.tag == "text"}
    assert set(words) == {"half", "five", "0", "10 & more", "steps"}
    assert [words[at].get("text-anchor") for at in ("0", "five", "10 & more")] == [
        *("start", "middle", "end")
    ]


def test_words_are_text_not_html(plot: Plot) -> None:
    plot.other([(0, 0)], "<b>")
    plot.ends("<b>", "<b>")
    plot.bars([1], ["<b>"])
    html = plot.svg('"<b>') + rows_html([Row("<b>", 0.5, "<b>")], "<b>")
    html += figures_html([], "<b>", [("bar", "<b>")])
    assert "<b>" not in html.replace("<b>&lt;b&gt;</b>", "")


def test_colours_are_left_to_the_page(plot: Plot) -> None:
    plot.grid([(1, "")])
    plot.bars([1], [""])
    svg = plot.svg("x")
    assert "fill=" not in svg
    assert "stroke=" not in svg
    css = Path(plots.__file__).with_suffix(".css").read_text()
    for kind in ("grid", "level", "bar", "line", "other", "dot", "mean", "median", "key-other"):
        assert f".pl-{kind}" in css


def test_bars_on_their_side() -> None:
    html = rows_html([Row("a", 1, "9"), Row("b", 0, "0"), Row("c", 0.5, "4", "other")], "sizes")
    assert html.count("--share") == 3
    for kind, share in (("bar", "1.000"), ("none", "0.000"), ("other", "0.500")):
        assert f'class="pl-row-{kind}" style="--share:{share}"' in html


def test_figures_with_and_without_a_key() -> None:
    one = figure_html("<b>Loss</b>", "chart")
    assert "<figcaption><b>Loss</b></figcaption>chart" in one
    assert "pl-key" not in figures_html([one, ""], "curves")
    assert "pl-key-bar" in figures_html([one], "curves", [("bar", "ours")])
