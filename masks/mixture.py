"""Chains for some masks, rectangles for the others, never both: the published mixtures."""

import numpy as np
from numpy.typing import NDArray

from masks import boxes, strokes
from masks.base import Values
from masks.parameter import Parameter


def share(default: float) -> Parameter:
    """Return the dial that says how many of the masks are rectangles."""
    text = "Share of the masks that are rectangles; the others are chains."
    return Parameter.share("box_share", default, text, "of the masks")


def paint(
    height: int, width: int, values: Values, scale: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Paint one mask by one of the two painters: uint8 (H, W) of 0 and 1."""
    chosen = boxes if rng.random() < values["box_share"] else strokes
    return chosen.paint(height, width, values, scale, rng)
