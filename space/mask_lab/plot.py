"""The Masks tab's two charts: hole areas over the paper's buckets, and sizes of single holes."""

from collections.abc import Sequence
from dataclasses import dataclass

from masks.ops import BUCKETS
from masks.statistics import SetStatistics
from space.plots import Plot, Row, rows_html

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
    top = _ceiling(max([*shares, *(reference.shares if reference else ())]))
    plot = Plot((0.0, 1.0), (0.0, top), width=640, height=236, left=60, right=18, bottom=46)
    plot.grid((top * k / 4, f"{top * k / 4:.0%}" if k else "") for k in range(5))
    plot.bars(
        shares,
        [
            f"{10 * k} to {10 * (k + 1)} %: {count} of {summary.count} masks ({share:.0%})"
            for k, (count, share) in enumerate(zip(summary.histogram, shares, strict=True))
        ],
    )
    if reference:
        middles = [((k + 0.5) / BUCKETS, share) for k, share in enumerate(reference.shares)]
        plot.other(middles, reference.label)
    plot.mark(summary.mean, "mean", f"mean {summary.mean:.1%}")
    plot.mark(summary.median, "median", f"median {summary.median:.1%}")
    plot.ticks((k / BUCKETS, str(10 * k)) for k in range(BUCKETS + 1))
    plot.caption("hole area, % of the picture")
    return plot.svg(
        f"Hole areas of {summary.count} masks: mean {summary.mean:.1%}, median {summary.median:.1%}"
    )


def hole_sizes(component_areas: Sequence[float]) -> str:
    """How many single holes there are of each size class, as horizontal bars."""
    counts = [0] * len(SIZE_CLASSES)
    for area in component_areas:
        counts[next(k for k, (limit, _) in enumerate(SIZE_CLASSES) if area < limit)] += 1
    most = max([*counts, 1])
    rows = [
        Row(name, count / most, str(count))
        for count, (_, name) in zip(counts, SIZE_CLASSES, strict=True)
    ]
    return rows_html(rows, "Sizes of single holes")


def _ceiling(share: float) -> float:
    """The next round share above, in steps that divide by four into whole percents."""
    return next(step for step in (0.2, 0.4, 0.6, 0.8, 1.0) if share <= step)
