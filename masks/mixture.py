"""Chains for some masks, rectangles for the others, never both: the published mixtures."""

import numpy as np
from numpy.typing import NDArray

from masks import boxes, strokes
from masks.base import Parameter, Values


def share(default: float) -> Parameter:
    """Return the dial that says how many of the masks are rectangles."""
    return Parameter(
        "box_share",
        default,
        minimum=0.0,
        maximum=1.0,
        step=0.01,
        integer=False,
        help="Share of the masks that are rectangles; the others are chains.",
        unit="of the masks",
    )


def paint(
    height: int, width: int, values: Values, scale: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Paint one mask by one of the two painters: uint8 (H, W) of 0 and 1."""
    chosen = boxes if rng.random() < values["box_share"] else strokes
    return chosen.paint(height, width, values, scale, rng)
