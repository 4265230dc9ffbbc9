"""Small charts of the tabs: SVG, or HTML for bars that lie on their side.

Their colours are classes of `plots.css`, so that light and dark need nothing here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

_TOP = 12
_GAP = 0.05  # of a bar's place, on either side


@dataclass
class Plot:
    """A chart that is being drawn.

    Attributes:
        across: Values at its left and right ends.
        up: Values at its bottom and top.
        width: Of the whole, in the units that its letters are 12 of.
        height: Of the whole.
        left: Room for words beside it.
        right: Room for half of a word below its end.
        bottom: Room for words below it.
        parts: What has been drawn.
    """

    across: tuple[float, float]
    up: tuple[float, float]
    width: int = 420
    height: int = 170
    left: int = 52
    right: int = 8
    bottom: int = 24
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Where a value lies from left to right."""
        first, last = self.across
        return self.left + (value - first) / (last - first) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """Where a value lies from the top down."""
        low, high = self.up
        return _TOP + (high - value) / (high - low) * (self.height - _TOP - self.bottom)

    def grid(self, levels: Iterable[tuple[float, str]]) -> None:
        """Lines across the chart, with what stands beside each."""
        for value, words in levels:
            self._level(value, "grid")
            self._words(self.left - 6, self.y(value) + 4, words, "end")

    def level(self, value: float) -> None:
        """A broken line across the chart: what a curve is compared with."""
        self._level(value, "level")

    def bars(self, heights: Sequence[float], words: Sequence[str]) -> None:
        """Bars side by side over the whole width, and what each stands for."""
        first, last = self.across
        step = (self.x(last) - self.x(first)) / len(heights)
        for k, (value, title) in enumerate(zip(heights, words, strict=True)):
            x, y = self.x(first) + (k + _GAP) * step, self.y(value)
            self.parts.append(
                f'<rect class="pl-bar" x="{x:.1f}" y="{y:.1f}" width="{step * (1 - 2 * _GAP):.1f}" '
                f'height="{max(0.0, self.y(self.up[0]) - y):.1f}" rx="2">{_title(title)}</rect>'
            )

    def line(self, points: Iterable[tuple[float, float]]) -> None:
        """A curve that the chart is about."""
        self._line(points, "line", "")

    def other(self, points: Sequence[tuple[float, float]], words: str) -> None:
        """A curve that the bars are compared with, and whose it is."""
        self._line(points, "other", words)
        self.parts += [
            f'<circle class="pl-dot" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="2.5"/>'
            for x, y in points
        ]

    def mark(self, value: float, kind: str, words: str) -> None:
        """An upright line at a value, of the kind `mean` or `median`."""
        x, top, bottom = self.x(value), self.y(self.up[1]), self.y(self.up[0])
        self.parts.append(
            f'<line class="pl-{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}">'
            f"{_title(words)}</line>"
        )

    def ticks(self, values: Iterable[tuple[float, str]]) -> None:
        """Words below values, e.g. below where bars meet."""
        for value, words in values:
            self._words(self.x(value), self.height - self.bottom + 17, words, "middle")

    def ends(self, first: str, last: str) -> None:
        """Words below both ends of the chart, which keep within it."""
        for value, words, anchor in zip(self.across, (first, last), ("start", "end"), strict=True):
            self._words(self.x(value), self.height - self.bottom + 17, words, anchor)

    def caption(self, words: str) -> None:
        """What the values from left to right are."""
        x = (self.left + self.width - self.right) / 2
        self._words(x, self.height - 8, words, "middle", "pl-axis")

    def svg(self, label: str) -> str:
        """The chart; `label` says it to whoever cannot see it."""
        return (
            f'<svg class="pl" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(label)}">{"".join(self.parts)}</svg>'
        )

    def _level(self, value: float, kind: str) -> None:
        y = self.y(value)
        self.parts.append(
            f'<line class="pl-{kind}" x1="{self.left}" x2="{self.width - self.right}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
        )

    def _line(self, points: Iterable[tuple[float, float]], kind: str, words: str) -> None:
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.parts.append(
            f'<polyline class="pl-{kind}" points="{places}">{_title(words)}</polyline>'
        )

    def _words(self, x: float, y: float, words: str, anchor: str, kind: str = "") -> None:
        named = f' class="{kind}"' if kind else ""
        self.parts.append(
            f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
        )


class Row(NamedTuple):
    """A bar that lies on its side."""

    name: str
    share: float
    """Of the longest that a bar can be."""
    figure: str
    """What stands at its end."""
    kind: str = "bar"
    """`bar`, or `other` for what the bars are compared with."""


def rows_html(rows: Iterable[Row], label: str) -> str:
    """Bars one below the other; `label` says what they are of."""
    bars = "".join(
        f'<span>{escape(row.name)}</span><i class="pl-row-{row.kind if row.share else "none"}" '
        f'style="--share:{row.share:.3f}"></i><b>{escape(row.figure)}</b>'
        for row in rows
    )
    return f'<div class="pl-rows" role="group" aria-label="{escape(label)}">{bars}</div>'


def figure_html(caption: str, chart: str) -> str:
    """A chart below a line about it; `caption` is HTML."""
    return f'<figure class="pl-figure"><figcaption>{caption}</figcaption>{chart}</figure>'


def figures_html(figures: Iterable[str], label: str, key: Sequence[tuple[str, str]] = ()) -> str:
    """Charts side by side.

    Args:
        figures: Of `figure_html`.
        label: What they are about, together.
        key: What each kind of bar and line stands for.
    """
    kinds = "".join(f'<span class="pl-key-{kind}">{escape(words)}</span>' for kind, words in key)
    legend = f'<p class="pl-key">{kinds}</p>' if key else ""
    inside = legend + "".join(figures)
    return f'<div class="pl-figures" role="group" aria-label="{escape(label)}">{inside}</div>'


def _title(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""
