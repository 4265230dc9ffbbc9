"""Unions of rectangles with independent sides, the published generator's box masks."""

import numpy as np
from numpy.typing import NDArray

from masks.base import Values
from masks.parameter import Parameter


def parameters(
    min_boxes: int, max_boxes: int, min_side: int, max_side: int, margin: int
) -> tuple[Parameter, ...]:
    """Return the dials of the rectangles with these published values as defaults."""
    return (
        _count("min_boxes", min_boxes, "Fewest rectangles in a mask."),
        _count("max_boxes", max_boxes, "Most rectangles in a mask."),
        _side("min_side", min_side, "Shortest side of a rectangle."),
        _side("max_side", max_side, "Longest side of a rectangle."),
        Parameter(
            "margin",
            margin,
            minimum=0,
            maximum=200,
            help="Known frame that stays along the border.",
            unit="px",
        ),
    )


def _count(name: str, default: int, text: str) -> Parameter:
    return Parameter(name, default, minimum=1, maximum=50, help=text)


def _side(name: str, default: int, text: str) -> Parameter:
    return Parameter(name, default, minimum=1, maximum=1000, help=text, unit="px")


def paint(
    height: int, width: int, values: Values, scale: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Paint the rectangles of one mask: uint8 (H, W) of 0 and 1.

    As published, no side reaches the picture's short side less both margins.
    """
    short_side = min(height, width)
    margin = min(round(values["margin"] * scale), short_side // 2 - 1)
    limit = short_side - 2 * margin
    longest = max(1, min(round(values["max_side"] * scale), limit - 1))
    shortest = max(1, min(round(values["min_side"] * scale), longest))
    count = int(rng.integers(int(values["min_boxes"]), int(values["max_boxes"]) + 1))
    # Four numbers per rectangle in one draw: one by one they would cost more than painting.
    draws = rng.random((count, 4)).tolist()

    canvas = np.zeros((height, width), np.uint8)
    for for_width, for_height, for_left, for_top in draws:
        w = shortest + int(for_width * (longest + 1 - shortest))
        h = shortest + int(for_height * (longest + 1 - shortest))
        left = margin + int(for_left * (width - 2 * margin - w + 1))
        top = margin + int(for_top * (height - 2 * margin - h + 1))
        canvas[top : top + h, left : left + w] = 1
    return canvas
