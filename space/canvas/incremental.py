"""What a new stroke leaves alone: holes far from every change keep the fill they have.

So a stroke costs what the stroke costs, however much was removed before, and what the reader has
already seen filled does not change again under the reader's eyes.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from space.canvas.results import Box, KeptResult, bounding_box, union

_CELL = 8


def changed_holes(mask: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The holes of ``mask`` that lie together with a change since ``before``.

    Args:
        mask: bool (H, W), True = hole: what is marked now.
        before: bool (H, W): what was marked when the last result was made.

    Returns:
        bool (H, W), a part of ``mask``. Holes closer than about two cells lie together.
    """
    cells = _cells(mask | before)
    near = cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(near, connectivity=8)
    touched = np.unique(labels[_cells(mask != before)])
    again = np.isin(labels, touched) & cells
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
    """bool (H, W): where the picture will differ from the last result, ``todo`` included."""
    rough: np.ndarray
    """bool (H, W): holes whose fill stays and was only a first look."""


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
        Where to begin; without a last result that is the photo and all of ``mask``.
    """
    if last is None:
        return Start(rgb, mask, mask, np.zeros_like(mask))
    outer = _on_grid(union(bounding_box(mask), last.box), mask.shape)
    before = np.zeros(mask.shape, dtype=bool)
    last.box.of(before)[...] = last.mask
    todo = np.zeros(mask.shape, dtype=bool)
    outer.of(todo)[...] = changed_holes(outer.of(mask), outer.of(before))
    if sharpen:
        last.box.of(todo)[...] |= last.rough & last.box.of(mask)
    changed = todo | (before & ~mask)
    stays = last.box.of(mask) & ~last.box.of(todo)
    rough = np.zeros(mask.shape, dtype=bool)
    last.box.of(rough)[...] = last.rough & stays
    if not stays.any():
        return Start(rgb, todo, changed, rough)
    base = rgb.copy()
    part = last.box.of(base)
    part[...] = cv2.copyTo(last.rgb, stays.view(np.uint8), np.ascontiguousarray(part))
    return Start(base, todo, changed, rough)


def _on_grid(box: Box, shape: tuple[int, ...]) -> Box:
    """The box widened to whole cells, within the photo."""
    x, y = box.x // _CELL * _CELL, box.y // _CELL * _CELL
    right = min(-(-(box.x + box.width) // _CELL) * _CELL, shape[1])
    bottom = min(-(-(box.y + box.height) // _CELL) * _CELL, shape[0])
    return Box(x, y, right - x, bottom - y)


def _cells(mask: np.ndarray) -> np.ndarray:
    """Which cells of the grid hold a True."""
    height, width = mask.shape
    rows, columns = -(-height // _CELL), -(-width // _CELL)
    padded = np.zeros((rows * _CELL, columns * _CELL), dtype=bool)
    padded[:height, :width] = mask
    # A cell's row is eight bytes, one word: much quicker to look at than eight truth values.
    words = padded.view(np.uint64).reshape(rows, _CELL, columns)
    cells: np.ndarray = np.asarray(np.bitwise_or.reduce(words, axis=1) != 0)
    return cells
