"""Filling a crop at a smaller size: made small without its hole, filled, enlarged again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import cv2
import numpy as np
import torch
from torch import Tensor

from masks.ops import Box, bounding_box

SCALING = 14  # bytes for each pixel of a crop, at most, besides the picture itself (13.3 measured)
_MOST_LOST = 0.1  # of what is known, by scaling
_LITTLE = 0.1  # of a pixel that must be known where much would be lost


def fill_small(
    rgb: np.ndarray,
    mask: np.ndarray,
    scale: float,
    run: Callable[[Tensor, np.ndarray], Tensor],
    room: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> np.ndarray:
    """Make a crop small, fill it, enlarge the result.

    Args:
        rgb: uint8 (H, W, 3).
        mask: bool (H, W), True = hole.
        scale: of its sides, below 1.
        run: fills (1, 3, h, w) in [0, 1] with a bool (h, w) hole; (1, 3, h, w) back.
        room: entered while memory is taken for scaling, before `run` and once more after it.

    Returns:
        uint8 (H, W, 3), of which only the hole is meant to be used.
    """
    height, width = mask.shape
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    with room():
        image, small_mask = shrink(rgb, mask, size)
    filled = run(image, small_mask)[0].numpy() * 255
    with room():
        return _enlarged(filled, rgb, mask)


def _enlarged(filled: np.ndarray, rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(3, h, w) from 0 to 255 at the size of `rgb`, where the hole is."""
    height, width = mask.shape
    where = (bounding_box(mask) or Box(0, 0, 0, 0)).slices
    result = np.zeros_like(rgb)
    # One colour after the other: a crop of many megapixels in 32 bits is what takes the memory.
    for channel, values in enumerate(filled):
        large = cv2.resize(values, (width, height), interpolation=cv2.INTER_CUBIC)[where]
        large += 0.5
        result[(*where, channel)] = np.clip(large, 0, 255, out=large)
    return result


def shrink(rgb: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> tuple[Tensor, np.ndarray]:
    """A picture and its hole at a smaller size; the hole's old content does not bleed out of it.

    Args:
        rgb: uint8 (H, W, 3).
        mask: bool (H, W), True = hole.
        size: (h, w) in pixels.

    Returns:
        (1, 3, h, w) in [0, 1], black in the hole, and bool (h, w): the pixels that were more than
        half hole; or, if those would swallow much that is known between scattered holes, only
        those that were nearly all hole.
    """
    known = (~mask).view(np.uint8)
    across = size[::-1]
    share = cv2.resize(known.astype(np.float32), across, interpolation=cv2.INTER_AREA)
    small = np.stack(
        [
            cv2.resize(
                (rgb[..., channel] * known).astype(np.float32), across, interpolation=cv2.INTER_AREA
            )
            for channel in range(rgb.shape[2])
        ],
        axis=2,
    )
    least = 0.5
    if (share < least).mean() > 1 - (1 - _MOST_LOST) * known.mean():
        least = _LITTLE
    small_mask = share < least
    small = np.where(small_mask[..., None], 0, small / np.maximum(share, least)[..., None])
    image = torch.from_numpy(small.transpose(2, 0, 1)[None] / 255).clamp(0, 1)
    return image, small_mask
