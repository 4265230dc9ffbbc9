"""Polygonal chains of thick strokes, the published generator's irregular masks.

A chain starts anywhere and is one to five straight segments, each with a random angle, length and
brush; every other chain, the first included, turns the other way round.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import Values
from masks.parameter import Number, Parameter

SHORTEST = 10
THINNEST = 5
WIDEST = 32_767  # pixels that OpenCV draws; only very large pictures ask for more
MOST_SEGMENTS = 5
FIRST_ANGLE = 0.01


def parameters(
    min_chains: int, max_chains: int, max_width: int, max_length: int
) -> tuple[Parameter, ...]:
    """Return the dials of the chains with these published values as defaults."""
    return (
        Parameter(
            "min_chains", min_chains, minimum=1, maximum=100, help="Fewest chains in a mask."
        ),
        Parameter(
            "max_chains",
            max_chains,
            minimum=1,
            maximum=100,
            help="Most chains in a mask; as published, one more than this can come.",
        ),
        Parameter(
            "max_width",
            max_width,
            minimum=1,
            maximum=500,
            help="Brushes are between 5 px and this + 4 px wide.",
            unit="px",
        ),
        Parameter(
            "max_length",
            max_length,
            minimum=1,
            maximum=1000,
            help="Segments are between 10 px and this + 9 px long.",
            unit="px",
        ),
        Parameter(
            "max_angle",
            4,
            minimum=1,
            maximum=7,
            help="As published, a segment takes one of this many directions, one radian apart.",
            unit="rad",
        ),
        Parameter.switch(
            "continuous_angles",
            False,
            "Let segments take any direction up to the largest instead of the few published ones.",
        ),
    )


def paint(
    height: int, width: int, values: Values, scale: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Paint the chains of one mask: uint8 (H, W) of 0 and 1, which may be empty or full.

    All random numbers are drawn in bulk, several times as quick as one by one.
    """
    # The published class adds one to the count's upper end twice: min .. max + 1 can come.
    chains = int(rng.integers(int(values["min_chains"]), int(values["max_chains"]) + 2))
    segments = rng.integers(1, MOST_SEGMENTS + 1, chains).tolist()
    total = sum(segments)
    starts_x = rng.integers(0, width, chains).tolist()
    starts_y = rng.integers(0, height, chains).tolist()
    if values["continuous_angles"]:
        angles = FIRST_ANGLE + rng.random(total) * values["max_angle"]
    else:
        angles = FIRST_ANGLE + rng.integers(0, int(values["max_angle"]), total)
    lengths = _scaled(SHORTEST, scale) + rng.integers(
        0, _scaled(values["max_length"], scale), total
    )
    brushes = _scaled(THINNEST, scale) + rng.integers(0, _scaled(values["max_width"], scale), total)
    steps_x, steps_y = (lengths * np.sin(angles)).tolist(), (lengths * np.cos(angles)).tolist()
    brush = brushes.clip(max=WIDEST).tolist()

    canvas = np.zeros((height, width), np.uint8)
    k = 0
    for chain in range(chains):
        turn = -1 if chain % 2 == 0 else 1  # 2 pi - angle: the sine changes sign, the cosine stays
        x, y = starts_x[chain], starts_y[chain]
        for _ in range(segments[chain]):
            next_x = min(max(int(x + turn * steps_x[k]), 0), width)
            next_y = min(max(int(y + steps_y[k]), 0), height)
            cv2.line(canvas, (x, y), (next_x, next_y), 1, brush[k])
            x, y = next_x, next_y
            k += 1
    return canvas


def _scaled(length: Number, scale: float) -> int:
    return max(1, round(length * scale))
