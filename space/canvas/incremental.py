"""What a new stroke leaves alone: holes far from every change keep the fill they have.

So a stroke costs what the stroke costs, however much was removed before, and what the reader has
already seen filled does not change again under the reader's eyes.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from masks.ops import Box, as_bytes, bounding_box, hole_cells, holes_together
from space.canvas.results import KeptResult

_CELL = 8


def changed_holes(mask: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The holes of `mask` that lie together with a change since `before`.

    Args:
        mask: bool (H, W), True = hole: what is marked now.
        before: bool (H, W): what was marked when the last result was made.

    Returns:
        bool (H, W), a part of `mask`. Holes closer than about two cells lie together.
    """
    numbers = holes_together(mask | before, _CELL)
    again = np.isin(numbers, np.unique(numbers[hole_cells(mask != before, _CELL)]))
    height, width = mask.shape
    wide = again.repeat(_CELL, axis=0)[:height].repeat(_CELL, axis=1)[:, :width]
    return mask & wide


@dataclass(frozen=True)
class Start:
    """What a run begins with."""

    base: np.ndarray
    """uint8 (H, W, 3): the photo with the fills that stay."""
    todo: np.ndarray
    """bool (H, W): the holes left to fill in it."""
    changed: np.ndarray
    """bool (H, W): where the picture will differ from the last result, `todo` included."""
    rough: np.ndarray
    """bool (H, W): holes whose fill stays and was only a first look."""
    own: bool = False
    """Whether `base` is a copy of the photo, which nobody else sees."""


def start_from(
    rgb: np.ndarray, mask: np.ndarray, last: KeptResult | None, sharpen: bool = False
) -> Start:
    """The picture to fill and the holes that are left to fill in it.

    Args:
        rgb: uint8 (H, W, 3), the photo.
        mask: bool (H, W), everything marked.
        last: The page's last result of this photo and model, if any.
        sharpen: Also do those holes anew that were only looked at quickly.

    Returns:
        Where to begin; without a last result that is the photo and all of `mask`.
    """
    if last is None:
        return Start(rgb, mask, mask, np.zeros_like(mask))
    # Only the rectangle around what is and was marked is looked at: the photo may be very large.
    outer = _on_grid((bounding_box(mask) or last.box).union(last.box), mask.shape)
    inner = last.box.moved(-outer.left, -outer.top)  # the last result's, within the outer one
    hole = mask[outer.slices]
    before = _placed(last.mask, inner, hole.shape)
    todo = changed_holes(hole, before)
    if sharpen:
        todo[inner.slices] |= last.rough & hole[inner.slices]
    changed = todo | (before & ~hole)
    stays = hole[inner.slices] & ~todo[inner.slices]
    base = rgb
    if stays.any():
        base = rgb.copy()
        cv2.copyTo(last.rgb, as_bytes(stays), base[last.box.slices])
    return Start(
        base,
        _placed(todo, outer, mask.shape),
        _placed(changed, outer, mask.shape),
        _placed(last.rough & stays, last.box, mask.shape),
        own=base is not rgb,
    )


def _placed(part: np.ndarray, box: Box, shape: tuple[int, ...]) -> np.ndarray:
    """A bool array of a shape: False, with `part` in the box."""
    whole = np.zeros(shape, dtype=bool)
    whole[box.slices] = part
    return whole


def _on_grid(box: Box, shape: tuple[int, ...]) -> Box:
    """The box widened to whole cells, within the photo."""
    return Box(
        box.left // _CELL * _CELL,
        box.top // _CELL * _CELL,
        min(-(-box.right // _CELL) * _CELL, shape[1]),
        min(-(-box.bottom // _CELL) * _CELL, shape[0]),
    )
