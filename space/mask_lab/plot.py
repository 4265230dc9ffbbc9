"""Two small charts as SVG; their colours are classes, so that light and dark need nothing here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from masks.ops import BUCKETS
from masks.statistics import SetStatistics

WIDTH, HEIGHT = 640, 236
LEFT, RIGHT, TOP, BOTTOM = 60, 18, 14, 46
SIZE_CLASSES = ((0.001, "under 0.1 %"), (0.01, "0.1 to 1 %"), (0.05, "1 to 5 %"),
                (0.2, "5 to 20 %"), (1.01, "over 20 %"))  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """What a set is compared with: shares of the ten buckets, and whose they are."""

    shares: tuple[float, ...]
    label: str


def hole_areas(summary: SetStatistics, reference: Reference | None) -> str:
    """The hole areas of a set over the paper's buckets, with mean, median and the reference."""
    shares = [n / summary.count for n in summary.histogram]
    highest = max([*shares, *(reference.shares if reference else ()), 0.1])
    top = _ceiling(highest)
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    step = plot_width / BUCKETS

    def y(share: float) -> float:
        return TOP + plot_height * (1 - share / top)

    parts = [_grid(top, y)]
    for k, share in enumerate(shares):
        count = summary.histogram[k]
        title = f"{10 * k} to {10 * (k + 1)} %: {count} of {summary.count} masks ({share:.0%})"
        parts.append(
            f'<rect class="ml-bar" x="{LEFT + k * step + 3:.1f}" y="{y(share):.1f}" '
            f'width="{step - 6:.1f}" height="{max(0.0, y(0) - y(share)):.1f}" rx="2">'
            f"<title>{title}</title></rect>"
        )
    if reference:
        points = [(LEFT + (k + 0.5) * step, y(s)) for k, s in enumerate(reference.shares)]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(
            f'<polyline class="ml-curve" points="{line}"><title>{escape(reference.label)}</title>'
            "</polyline>"
        )
        parts += [
            f'<circle class="ml-dot" cx="{px:.1f}" cy="{py:.1f}" r="2.5"/>' for px, py in points
        ]
    for value, kind in ((summary.mean, "mean"), (summary.median, "median")):
        x = LEFT + plot_width * value
        parts.append(
            f'<line class="ml-{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{y(0):.1f}">'
            f"<title>{kind} {value:.1%}</title></line>"
        )
    for k in range(BUCKETS + 1):
        parts.append(
            f'<text x="{LEFT + k * step:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">'
            f"{10 * k}</text>"
        )
    parts.append(
        f'<text class="ml-axis" x="{LEFT + plot_width / 2}" y="{HEIGHT - 8}" '
        'text-anchor="middle">hole area, % of the picture</text>'
    )
    label = (
        f"Hole areas of {summary.count} masks: mean {summary.mean:.1%}, median {summary.median:.1%}"
    )
    return _svg(parts, label)


def hole_sizes(component_areas: Sequence[float]) -> str:
    """How many single holes there are of each size class, as horizontal bars."""
    counts = [0] * len(SIZE_CLASSES)
    for area in component_areas:
        counts[next(k for k, (limit, _) in enumerate(SIZE_CLASSES) if area < limit)] += 1
    most = max([*counts, 1])
    rows = []
    for count, (_, name) in zip(counts, SIZE_CLASSES, strict=True):
        rows.append(
            f'<div class="ml-size"><span>{name}</span>'
            f'<i style="--share:{count / most:.3f}"></i><b>{count}</b></div>'
        )
    bars = "".join(rows)
    return f'<div class="ml-sizes" role="group" aria-label="Sizes of single holes">{bars}</div>'


def _grid(top: float, y: Callable[[float], float]) -> str:
    lines = []
    for k in range(5):
        share = top * k / 4
        at = y(share)
        lines.append(
            f'<line class="ml-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        )
        if k:
            lines.append(
                f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{share:.0%}</text>'
            )
    return "".join(lines)


def _ceiling(share: float) -> float:
    """The next round share above, in steps that divide by four into whole percents."""
    return next(step for step in (0.2, 0.4, 0.6, 0.8, 1.0) if share <= step)


def _svg(parts: Sequence[str], label: str) -> str:
    return (
        f'<svg class="ml-plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
