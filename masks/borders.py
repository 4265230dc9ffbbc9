"""Strips along the picture's border, as the published outpainting masks have them."""

import numpy as np
from numpy.typing import NDArray

from masks.base import Values
from masks.parameter import Parameter

SIDES = ("left", "top", "right", "bottom")

PARAMETERS = (
    Parameter.share(
        "min_share", 0.04, "Thinnest strip.", "of the picture's side", minimum=0.01, maximum=0.45
    ),
    Parameter.share(
        "max_share", 0.25, "Thickest strip.", "of the picture's side", minimum=0.01, maximum=0.45
    ),
    *(Parameter.share(side, 0.5, f"Chance of a strip on the {side}.", step=0.05) for side in SIDES),
)


def paint(
    height: int, width: int, values: Values, _scale: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Paint the strips of one mask: uint8 (H, W) of 0 and 1, at least one strip.

    Strips are shares of the picture and never fill it, so there is no length to scale.

    Raises:
        ValueError: every side's chance is 0.
    """
    chances = np.array([values[side] for side in SIDES])
    if not chances.any():
        raise ValueError(
            "no side may have a strip: give left, top, right or bottom a chance above 0"
        )
    chosen = rng.random(len(SIDES)) < chances
    if not chosen.any():  # as published, one side in proportion to the chances
        chosen[rng.choice(len(SIDES), p=chances / chances.sum())] = True
    shares = rng.uniform(values["min_share"], values["max_share"], len(SIDES))
    left, top, right, bottom = (
        max(1, round(share * side)) if strip else 0
        for strip, share, side in zip(chosen, shares, (width, height, width, height), strict=True)
    )
    canvas = np.ones((height, width), np.uint8)
    canvas[top : height - bottom, left : width - right] = 0
    return canvas
