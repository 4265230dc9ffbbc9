"""Who draws what: the users' masks against each strategy, as plots, and a strategy like the users.

Looked at on demand only: measuring hundreds of masks takes seconds. At most `MOST` of the newest
are taken, so that it takes as long with a hundred thousand records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

import numpy as np

import masks
from masks import fitted
from masks.resembling import Row
from space.store import Filters, Store, StoreError

MOST = 400
DRAWN = 150  # masks of the strategy that is compared with
SIDE = 256  # of the pictures that it draws on
_BARS = 10
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 300, 150, 34, 32, 8


@dataclass(frozen=True)
class Look:
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

    look: Look
    examples: fitted.Fitted


def look_at(rows: Sequence[Row]) -> Look:
    """Figures of masks that were measured."""
    return Look(
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
    for record in store.newest(MOST, 0, filters):
        try:  # one at a time: hundreds of a phone's size would be gigabytes
            rows.append(fitted.look(store.mask(record)))
        except (OSError, StoreError, ValueError):  # deleted a moment ago, damaged, empty or full
            continue
    if not rows:
        raise ValueError("There is no mask to look at. Save some, or change the filters.")
    return Users(look_at(rows), fitted.fit_rows(rows))


@lru_cache(maxsize=16)
def strategy_look(name: str) -> Look:
    """Figures of a strategy's masks, the same each time."""
    picture = masks.scene(SIDE, SIDE)
    made = masks.generate(name, picture, DRAWN, 0)
    return look_at([fitted.look(one.mask) for one in made])


def fitted_look(examples: fitted.Fitted) -> Look:
    """Figures of masks that are drawn like the users'."""
    strategy = masks.Strategy(examples.recipe(), {})
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    drawn = [strategy(picture, np.random.default_rng([5, i])) for i in range(60)]
    return look_at([fitted.look(mask) for mask in drawn])


def plots_html(mine: Look, other: Look, name: str) -> str:
    """Four plots: the users' masks as bars, the strategy's as a line."""
    most_area = max(0.05, float(np.quantile(np.concatenate([mine.area, other.area]), 0.98)))
    most_holes = max(4, int(np.quantile(np.concatenate([mine.holes, other.holes]), 0.98)))
    most_width = max(0.05, float(np.quantile(np.concatenate([mine.width, other.width]), 0.98)))
    plots = [
        _plot("Hole area", "% of the photo", mine.area * 100, other.area * 100, most_area * 100),
        _plot("Holes", "in a mask", mine.holes - 0.5, other.holes - 0.5, most_holes, whole=True),
        _plot(
            "Widest stroke", "% of the short side",
            mine.width * 100, other.width * 100, most_width * 100,
        ),
        _border(mine, other),
    ]  # fmt: skip
    key = (
        f'<p class="dw-key"><i class="dw-users"></i>{len(mine):,} saved masks'
        f'<i class="dw-other"></i>{escape(name)}</p>'
    )
    return f'<div class="dw" role="group" aria-label="Who draws what">{key}{"".join(plots)}</div>'


def _plot(
    title: str, unit: str, mine: np.ndarray, other: np.ndarray, most: float, *, whole: bool = False
) -> str:
    """A histogram of both; what lies beyond the end is in the last bar."""
    bars = min(_BARS, int(most)) if whole else _BARS
    edges = np.linspace(0, most, bars + 1)
    shares = [
        np.histogram(np.clip(values, 0, most), edges)[0] / len(values) for values in (mine, other)
    ]
    top = max(0.2, float(max(share.max() for share in shares)))
    width, height = _WIDTH - _LEFT - 6, _HEIGHT - _TOP - _BOTTOM
    step = width / bars

    def y(share: float) -> float:
        return _TOP + height * (1 - share / top)

    parts = []
    for level in (top / 2, top):
        parts.append(
            f'<line class="tr-grid" x1="{_LEFT}" x2="{_WIDTH - 6}" y1="{y(level):.1f}" '
            f'y2="{y(level):.1f}" /><text x="{_LEFT - 4}" y="{y(level) + 4:.1f}" '
            f'text-anchor="end">{level:.0%}</text>'
        )
    for k, share in enumerate(shares[0]):
        parts.append(
            f'<rect class="dw-bar" x="{_LEFT + k * step + 1:.1f}" y="{y(share):.1f}" '
            f'width="{step - 2:.1f}" height="{max(0.0, y(0) - y(share)):.1f}">'
            f"<title>{share:.0%} of the saved masks</title></rect>"
        )
    line = " ".join(
        f"{_LEFT + (k + 0.5) * step:.1f},{y(share):.1f}" for k, share in enumerate(shares[1])
    )
    parts.append(f'<polyline class="dw-line" points="{line}" />')
    first, last = ("1", f"{most:.0f} and more") if whole else ("0", f"{most:.0f} and more")
    for x, words, anchor in ((_LEFT, first, "start"), (_WIDTH - 6, last, "end")):
        parts.append(f'<text x="{x}" y="{_HEIGHT - 16}" text-anchor="{anchor}">{words}</text>')
    back = 0.5 if whole else 0.0  # whole numbers stand in the middle of their bars
    ours, theirs = float(np.median(mine)) + back, float(np.median(other)) + back
    label = f"{title}, {unit}: median {ours:.3g} of saved masks, {theirs:.3g} of the strategy"
    return _figure(f"<b>{title}</b>, {unit}: median {ours:.3g} | {theirs:.3g}", label, parts)


def _border(mine: Look, other: Look) -> str:
    """How many masks touch the border, as two bars."""
    parts = []
    for place, (look, kind) in enumerate(((mine, "dw-bar"), (other, "dw-bar2"))):
        share = float(look.border.mean())
        top, whole = _TOP + 14 + place * 40, _WIDTH - _LEFT - 6
        parts.append(
            f'<rect class="dw-back" x="{_LEFT}" y="{top}" width="{whole}" height="24" />'
            f'<rect class="{kind}" x="{_LEFT}" y="{top}" '
            f'width="{share * whole:.1f}" height="24" />'
            f'<text x="{_LEFT - 4}" y="{top + 16}" text-anchor="end">{share:.0%}</text>'
        )
    ours, theirs = mine.border.mean(), other.border.mean()
    label = f"Touch the border: {ours:.0%} of the saved masks, {theirs:.0%} of the strategy's"
    return _figure(f"<b>Touch the border</b>: {ours:.0%} | {theirs:.0%}", label, parts)


def _figure(caption: str, label: str, parts: Sequence[str]) -> str:
    return (
        f'<figure class="tr-plot"><figcaption>{caption}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg></figure>"
    )


def keep(examples: fitted.Fitted, folder: Path) -> Path:
    """Write the strategy where training and Python find it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "masks-like-users.json"
    examples.save(path)
    return path
