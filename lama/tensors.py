"""Pictures and holes as tensors: blended, found, and padded to sizes that a generator takes.

Two paddings, each for its place. `pad_symmetric` is the published predictor's; it is numpy's, since
torch has no such mode, so that it takes tensors on the CPU. `pad` repeats the edge, on any device
and with gradients, and unlike torch's reflection also where more is added than there is.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lama.generator import Generator

Window = tuple[slice, slice]  # rows and columns


def blend(prediction: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """The prediction in the hole, the picture around it.

    Args:
        prediction: (B, 3, H, W).
        image: (B, 3, H, W).
        mask: (B, 1, H, W), 1 = hole.
    """
    return prediction * mask + image * (1 - mask)


def pad(x: Tensor, generator: Generator) -> Tensor:
    """(B, C, H, W) with its last column and row repeated until the generator takes it."""
    below, right = (_lacking(length, generator) for length in x.shape[-2:])
    return F.pad(x, (0, right, 0, below), mode="replicate")


def pad_symmetric(x: Tensor, generator: Generator) -> Tensor:
    """(B, C, H, W), on the CPU, mirrored on the right and below until the generator takes it."""
    below, right = (_lacking(length, generator) for length in x.shape[-2:])
    if not right and not below:
        return x
    widths = ((0, 0), (0, 0), (0, below), (0, right))
    return torch.from_numpy(np.pad(x.numpy(), widths, mode="symmetric"))


def _lacking(length: int, generator: Generator) -> int:
    """Pixels to add so that a side is a multiple and not below the smallest."""
    multiple = generator.multiple
    return max(generator.smallest, -(-length // multiple) * multiple) - length


def surroundings(mask: Tensor, margin: int, step: int) -> Window:
    """Rows and columns around all holes, from and to multiples of `step` or the picture's edge.

    Args:
        mask: (B, 1, H, W) with a hole.
        margin: how many pixels around it at least.
        step: of where they begin and end.
    """
    hole = mask.amax((0, 1)) > 0
    return _span(hole.any(1), margin, step), _span(hole.any(0), margin, step)


def _span(marked: Tensor, margin: int, step: int) -> slice:
    at = marked.nonzero()[:, 0]
    first, last = int(at[0]) - margin, int(at[-1]) + margin
    return slice(max(0, first // step * step), min(len(marked), (last // step + 1) * step))
