"""What a new stroke leaves alone: holes far from every change keep the fill they have.

So a stroke costs what the stroke costs, however much was removed before, and what the reader has
already seen filled does not change again under the reader's eyes.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from masks.ops import hole_cells, holes_together
from space.canvas.results import Box, KeptResult, bounding_box, union

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
    outer = _on_grid(union(bounding_box(mask), last.box), mask.shape)
    inner = Box(
        last.box.x - outer.x, last.box.y - outer.y, last.box.width, last.box.height
    )  # the last result's, within the outer one
    hole = outer.of(mask)
    before = _placed(last.mask, inner, hole.shape)
    todo = changed_holes(hole, before)
    if sharpen:
        inner.of(todo)[...] |= last.rough & inner.of(hole)
    changed = todo | (before & ~hole)
    stays = inner.of(hole) & ~inner.of(todo)
    base = rgb
    if stays.any():
        base = rgb.copy()
        cv2.copyTo(last.rgb, stays.view(np.uint8), last.box.of(base))
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
    box.of(whole)[...] = part
    return whole


def _on_grid(box: Box, shape: tuple[int, ...]) -> Box:
    """The box widened to whole cells, within the photo."""
    x, y = box.x // _CELL * _CELL, box.y // _CELL * _CELL
    right = min(-(-(box.x + box.width) // _CELL) * _CELL, shape[1])
    bottom = min(-(-(box.y + box.height) // _CELL) * _CELL, shape[0])
    return Box(x, y, right - x, bottom - y)
