"""What a new stroke leaves alone: holes far from every change keep the fill they have.

So a stroke costs what the stroke costs, however much was removed before, and what the reader has
already seen filled does not change again under the reader's eyes.
"""

import cv2
import numpy as np

from space.canvas.results import KeptResult

_CELL = 32


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


def start_from(
    rgb: np.ndarray, mask: np.ndarray, last: KeptResult | None
) -> tuple[np.ndarray, np.ndarray]:
    """The picture to fill and the holes that are left to fill in it.

    Args:
        rgb: uint8 (H, W, 3), the photo.
        mask: bool (H, W), everything marked.
        last: The page's last result of this photo and model, if any.

    Returns:
        The photo with the fills that stay, and the part of ``mask`` that is to be filled.
    """
    if last is None:
        return rgb, mask
    filled, before = last.whole(rgb)
    todo = changed_holes(mask, before)
    stays = mask & ~todo
    base = rgb.copy()
    base[stays] = filled[stays]
    return base, todo


def _cells(mask: np.ndarray) -> np.ndarray:
    """Which cells of the grid hold a True."""
    height, width = mask.shape
    rows, columns = -(-height // _CELL), -(-width // _CELL)
    padded = np.zeros((rows * _CELL, columns * _CELL), dtype=bool)
    padded[:height, :width] = mask
    cells: np.ndarray = np.asarray(padded.reshape(rows, _CELL, columns, _CELL).any(axis=(1, 3)))
    return cells
