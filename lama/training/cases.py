"""What an evaluation fills: squares of photos with one hole each, the same for every method.

Protocol: each photo's centre square is brought to a size and gets one hole of a strategy, drawn
from the seed and the photo's place. As in the published evaluation a hole is at most half of the
picture; that one takes random crops, scaled bicubically, and five holes for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import masks
from lama.training.validation import centre_square
from masks.ops import BUCKETS, area_bucket

MOST_HOLE = 0.5  # the published protocol's largest hole, as a share of the picture
MOST_DRAWS = 1000


@dataclass(frozen=True)
class Cell:
    """One kind of task: holes of a strategy in squares of `size` pixels a side."""

    strategy: str
    size: int

    def __str__(self) -> str:
        return f"{self.strategy}-{self.size}"


@dataclass(frozen=True)
class Case:
    """One photo with its hole: `rgb` uint8 (S, S, 3), `mask` bool (S, S).

    `enlarged` says that the photo is smaller than the cell, so that its texture is not that of a
    photo of this size.
    """

    path: Path
    cell: Cell
    rgb: np.ndarray
    mask: np.ndarray
    enlarged: bool = False

    @property
    def bucket(self) -> str:
        """The paper's hole-area bin, for example "10-20 %"."""
        wide = 100 // BUCKETS
        low = area_bucket(float(self.mask.mean())) * wide
        return f"{low}-{low + wide} %"


def cells(strategies: Sequence[str], sizes: Sequence[int]) -> list[Cell]:
    """Every strategy at every size.

    Raises:
        ValueError: An unknown strategy, or a size below 32 pixels.
    """
    for strategy in strategies:
        masks.get(strategy)
    small = [size for size in sizes if size < 32]
    if small:
        raise ValueError(f"pictures of {small[0]} pixels are too small to measure: 32 at least")
    # Twice the same would count every photo twice.
    return list(dict.fromkeys(Cell(strategy, size) for strategy in strategies for size in sizes))


def cases(
    path: Path, photo: np.ndarray, number: int, wanted: Sequence[Cell], seed: int
) -> Iterator[Case]:
    """One case for each cell.

    Args:
        path: where the photo came from, for the report.
        photo: uint8 (H, W, 3).
        number: of the photo in the run; its holes depend on it and on `seed`.
        wanted: the cells.
        seed: of the run.
    """
    squares: dict[int, np.ndarray] = {}
    for cell in wanted:
        if cell.size not in squares:
            squares[cell.size] = centre_square(photo, cell.size)
        rgb, rng = squares[cell.size], np.random.default_rng([seed, number])
        mask = _draw(cell.strategy, rgb, rng)
        yield Case(path, cell, rgb, mask, min(photo.shape[:2]) < cell.size)


def _draw(name: str, rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hole of the strategy that is not too large."""
    strategy = masks.get(name)
    for _ in range(MOST_DRAWS):
        mask = strategy(rgb, rng)
        if mask.mean() <= MOST_HOLE:
            return mask
    raise ValueError(
        f"{name} drew {MOST_DRAWS} holes of more than {MOST_HOLE:.0%} of a picture of "
        f"{rgb.shape[0]} pixels: take another strategy or size"
    )
