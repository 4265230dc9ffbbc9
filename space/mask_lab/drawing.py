"""Draws the masks of a wish one by one: figures and a small overlay of each, never all at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from masks.base import GeneratedMask, Mask, Session
from masks.preview import shrink_mask
from masks.seeding import generators
from masks.statistics import MaskStatistics, describe
from space.mask_lab.scenery import Scenery
from space.mask_lab.wishes import Wish

MEASURED_SIDE = 1024
"""Masks with a longer side are measured at this size; their hole area stays exact."""


@dataclass(frozen=True)
class Figures:
    """What the page shows of one mask."""

    area: float
    components: int
    component_areas: tuple[float, ...]
    widest_stroke: int
    touches_border: bool
    strategy_used: str
    note: str


def session(wish: Wish, scenery: Scenery) -> Session:
    """The strategy made ready for the wish's picture."""
    needs_objects = wish.strategy.name == "segmentation"
    labels = scenery.labels(wish.view) if needs_objects else None
    return wish.strategy.on(wish.image, labels)


def draw(wish: Wish, scenery: Scenery) -> Iterator[GeneratedMask]:
    """The masks of the wish, the same as `masks.generate` gives."""
    paint = session(wish, scenery)
    for rng in generators(wish.seed, wish.count):
        yield paint(rng)


def draw_one(wish: Wish, scenery: Scenery, index: int) -> GeneratedMask:
    """Mask `index` of the wish alone.

    Raises:
        ValueError: There is no such mask.
    """
    if not 0 <= index < wish.count:
        raise ValueError(f"There are masks 0 to {wish.count - 1}, but no mask {index}.")
    return session(wish, scenery)(generators(wish.seed, wish.count)[index])


def areas(wish: Wish, scenery: Scenery) -> list[float]:
    """Hole areas of the wish's masks and nothing else of them: the quick way to a histogram."""
    return [_area(item.mask) for item in draw(wish, scenery)]


def figures(item: GeneratedMask) -> Figures:
    """Measure one mask."""
    found, shrunk = _describe(item.mask)
    return Figures(
        area=_area(item.mask),
        components=found.components,
        component_areas=found.component_areas,
        widest_stroke=round(found.widest_stroke * shrunk),
        touches_border=found.touches_border,
        strategy_used=item.strategy_used,
        note=item.note,
    )


def _describe(mask: Mask) -> tuple[MaskStatistics, float]:
    """Figures, and by how much lengths in them must be multiplied."""
    longest = max(mask.shape)
    if longest > MEASURED_SIDE:
        small = shrink_mask(mask, MEASURED_SIDE)
        if not small.all():
            return describe(small), longest / MEASURED_SIDE
    return describe(mask), 1.0


def _area(mask: Mask) -> float:
    return float(np.count_nonzero(mask)) / mask.size
