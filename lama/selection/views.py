"""Square windows on a photo: cutting them out with the prompt drawn in, and laying answers back."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import Image
from masks.selection import Box, Point, Prompt

CHANNELS = 6
"""Red, green, blue; clicks on the object; clicks off it; the box."""
_MEAN = np.array([123.675, 116.28, 103.53], np.float32)
_SCALE = np.array([58.395, 57.12, 57.375], np.float32)
CLICK_WIDTH = 1 / 14
"""Standard deviation of a click's blob, as a share of the window."""
MARGIN = 1.35
"""Side of a window around a box, as a multiple of the box's longer side."""


@dataclass(frozen=True)
class Window:
    """A square of the photo in pixels; may stick out where the photo is narrower than it."""

    left: float
    top: float
    side: float


def window(centre: Point, side: float, height: int, width: int) -> Window:
    """Return a window about a point, pushed into the photo as far as it fits."""
    side = max(16.0, side)

    def push(middle: float, length: int) -> float:
        low, high = min(0.0, length - side), max(0.0, length - side)
        return float(np.clip(middle - side / 2, low, high))

    return Window(push(centre[0], width), push(centre[1], height), side)


def around(box: Box, height: int, width: int) -> Window:
    """Return a window around a box, `MARGIN` times as large as its longer side."""
    left, top, right, bottom = box
    side = max(right - left, bottom - top) * MARGIN
    return window(((left + right) / 2, (top + bottom) / 2), side, height, width)


def cut(image: Image, at: Window, size: int, prompt: Prompt) -> NDArray[np.float32]:
    """Return the network's input: float32 (6, size, size)."""
    step = at.side / size
    left, top = at.left, at.top
    if step > 1.6:  # shrink by areas first: bilinear samples alone would skip pixels
        shrunk = max(1, round(image.shape[1] / step)), max(1, round(image.shape[0] / step))
        left, top = left * shrunk[0] / image.shape[1], top * shrunk[1] / image.shape[0]
        image = cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        step = 1.0
    matrix = np.array([[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]])
    pixels = cv2.warpAffine(
        image,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_MEAN.tolist(),
    )
    colours = ((pixels.astype(np.float32) - _MEAN) / _SCALE).transpose(2, 0, 1)
    return np.concatenate([colours, _drawn(prompt, at, size)]).astype(np.float32)


def _drawn(prompt: Prompt, at: Window, size: int) -> NDArray[np.float32]:
    maps = np.zeros((3, size, size), np.float32)
    grid = np.arange(size, dtype=np.float32) + 0.5
    factor = size / at.side
    for channel, points in ((0, prompt.points), (1, prompt.not_points)):
        for x, y in points:
            column, row = (x + 0.5 - at.left) * factor, (y + 0.5 - at.top) * factor
            square = (grid - column)[None] ** 2 + (grid - row)[:, None] ** 2
            blob = np.exp(-square / (2 * (size * CLICK_WIDTH) ** 2))
            maps[channel] = np.maximum(maps[channel], blob)
    if prompt.box is not None:
        left, top, right, bottom = prompt.box
        columns = [max(0, round((x - at.left) * factor)) for x in (left, right)]
        rows = [max(0, round((y - at.top) * factor)) for y in (top, bottom)]
        maps[2, rows[0] : rows[1], columns[0] : columns[1]] = 1
    return maps


def lay_back(answer: NDArray[np.float32], at: Window, height: int, width: int) -> NDArray:
    """Return an answer, float32 (size, size), at its place on the photo: float32 (H, W)."""
    factor = answer.shape[0] / at.side
    matrix = np.array(
        [
            [factor, 0, -at.left * factor + factor / 2 - 0.5],
            [0, factor, -at.top * factor + factor / 2 - 0.5],
        ]
    )
    return cv2.warpAffine(
        answer, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
