"""Who draws what: the users' masks against each strategy, as plots, and a strategy like the users.

Looked at on demand only: measuring hundreds of masks takes seconds. At most `MOST` of the newest
are taken, so that it takes as long with a hundred thousand records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

import masks
from masks import fitted
from masks.resembling import Row as Measured
from space.plots import Plot, Row, figure_html, figures_html, rows_html
from space.store import Filters, Store, StoreError

MOST = 400
DRAWN = 150  # masks of the strategy that is compared with
SIDE = 256  # of the pictures that it draws on
_BARS = 10


@dataclass(frozen=True)
class MaskFigures:
    """The figures of a set of masks, one number a mask."""

    area: np.ndarray  # share of the picture
    holes: np.ndarray
    width: np.ndarray  # of the widest stroke, share of the short side
    border: np.ndarray  # 0 or 1

    def __len__(self) -> int:
        return len(self.area)


@dataclass(frozen=True)
class Users:
    """What the users' masks are like."""

    look: MaskFigures
    examples: fitted.Fitted


def look_at(rows: Sequence[Measured]) -> MaskFigures:
    """Figures of masks that were measured."""
    return MaskFigures(
        np.array([row.area for row in rows]),
        np.array([row.holes for row in rows]),
        np.array([row.width for row in rows]),
        np.array([float(row.border) for row in rows]),
    )


def users(store: Store, filters: Filters) -> Users:
    """Look at the newest masks that the filters let through.

    Raises:
        ValueError: There are none.
    """
    rows = []
    for record in store.newest(MOST, filters):
        try:  # one at a time: hundreds of a phone's size would be gigabytes
            rows.append(fitted.look(store.mask(record)))
        except (OSError, StoreError, ValueError):  # deleted a moment ago, damaged, empty or full
            continue
    if not rows:
        raise ValueError("There is no mask to look at. Save some, or change the filters.")
    return Users(look_at(rows), fitted.fit_rows(rows))


@lru_cache(maxsize=16)
def strategy_look(name: str) -> MaskFigures:
    """Figures of a strategy's masks, the same each time."""
    picture = masks.scene(SIDE, SIDE)
    made = masks.generate(name, picture, DRAWN, 0)
    return look_at([fitted.look(one.mask) for one in made])


def fitted_look(examples: fitted.Fitted) -> MaskFigures:
    """Figures of masks that are drawn like the users'."""
    strategy = masks.Strategy(examples.recipe(), {})
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    drawn = [strategy(picture, np.random.default_rng([5, i])) for i in range(60)]
    return look_at([fitted.look(mask) for mask in drawn])


def plots_html(mine: MaskFigures, other: MaskFigures, name: str) -> str:
    """Four plots: the users' masks as bars, the strategy's as a line."""
    border = [
        Row(whose, share, f"{share:.0%}", kind)
        for whose, share, kind in (
            ("saved masks", float(mine.border.mean()), "bar"),
            (name, float(other.border.mean()), "other"),
        )
    ]
    touch, stroke = "Touch the border", "% of the short side"
    figures = [
        _histogram("Hole area", "% of the photo", mine.area * 100, other.area * 100, 5.0),
        _histogram("Holes", "in a mask", mine.holes, other.holes, 4, whole=True),
        _histogram("Widest stroke", stroke, mine.width * 100, other.width * 100, 5.0),
        figure_html(f"<b>{touch}</b>", rows_html(border, touch)),
    ]
    key = (("bar", f"{len(mine):,} saved masks"), ("other", name))
    return figures_html(figures, "Who draws what", key)


def _histogram(
    title: str, unit: str, mine: np.ndarray, other: np.ndarray, least: float, *, whole: bool = False
) -> str:
    """A histogram of both; what lies beyond the end, which is at least `least`, is in the last bar.

    Whole numbers from 1 on have a bar each, in whose middle they stand.
    """
    first, most = 0.0, max(least, float(np.quantile(np.concatenate([mine, other]), 0.98)))
    if whole:
        first, most = 0.5, int(most) + 0.5
    bars = min(_BARS, int(most)) if whole else _BARS
    edges = np.linspace(first, most, bars + 1)
    ours, theirs = (
        np.histogram(np.clip(values, first, most), edges)[0] / len(values)
        for values in (mine, other)
    )
    top = max(0.2, float(ours.max()), float(theirs.max()))
    plot = Plot((first, most), (0.0, top), width=300, height=150, left=40)
    plot.grid((share, f"{share:.0%}") for share in (top / 2, top))
    plot.bars(ours.tolist(), [f"{share:.0%} of the saved masks" for share in ours])
    middles = (edges[:-1] + edges[1:]) / 2
    plot.other(list(zip(middles, theirs, strict=True)), f"the strategy's {title.lower()}")
    half = 0.5 if whole else 0.0
    plot.ends(f"{first + half:.0f}", f"{most - half:.0f} and more")
    our, their = float(np.median(mine)), float(np.median(other))
    label = f"{title}, {unit}: median {our:.3g} of saved masks, {their:.3g} of the strategy"
    caption = f"<b>{title}</b>, {unit}: median {our:.3g} | {their:.3g}"
    return figure_html(caption, plot.svg(label))


def keep(examples: fitted.Fitted, folder: Path) -> Path:
    """Write the strategy where training and Python find it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "masks-like-users.json"
    examples.save(path)
    return path
