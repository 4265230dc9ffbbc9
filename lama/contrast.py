"""Local contrast tells which of several fills to trust.

Patches that are put together deep inside a large hole agree on something flat, or on a lattice of
dots. Large pieces keep the photo's texture there; where the photo is smooth they show their edges.

Where a network is unsure it may draw over a good copy: flecks at regular distances on grass, a
relief on a stone front. Both have more contrast than anything near them in the photo, and a copy
has the photo's own. So the answer is moved towards the copy by as much as it is busier.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

CELL = 8  # pixels on a side; contrast is measured by cells, which costs next to nothing
WINDOW = 3  # cells on a side over which it is measured, and over which the change is made smooth
_FLOOR = 1e-3  # of contrast, below what eight bits can show
# Where pieces are not taken at all, and where they are taken wholly; a mixture between the two.
TEXTURE = 0.03, 0.06  # contrast of the pieces
UNLIKE = 0.10, 0.05  # mean difference of their colours from the guide's
COHERENT = 0.90, 0.86  # of the patches


def calmed(answer: Tensor, copied: Tensor) -> Tensor:
    """The answer, mixed with the copy where it has more contrast than that.

    Contrast is the standard deviation over 24 x 24 pixels or so, a mean of the channels.

    Args:
        answer: (B, 3, H, W) in [0, 1].
        copied: the same, a copy for the hole, equal to the answer elsewhere.

    Returns:
        (B, 3, H, W) in [0, 1]; the answer itself wherever it is no busier.
    """
    ratio = (_contrast(copied) + _FLOOR) / (_contrast(answer) + _FLOOR)
    share = _windowed(ratio.clamp(max=1))
    return copied.lerp(answer, _enlarged(share, answer))


def textured(patches: Tensor, coherence: Tensor, pieces: Tensor, guide: Tensor) -> Tensor:
    """Pieces instead of incoherent patches, where they have texture and the colours wanted there.

    Args:
        patches: (B, 3, H, W) in [0, 1], as `lama.exemplar` fills the hole.
        coherence: (B, 1, H, W) in [0, 1], of the patches.
        pieces: the same, as `lama.shift_map` does.
        guide: the same, a coarse fill.

    Returns:
        (B, 3, H, W) in [0, 1], a smooth mixture of both; they are equal outside the hole.
    """
    apart = (_windowed(_cells(pieces)) - _windowed(_cells(guide))).abs().mean(1, keepdim=True)
    share = _between(_contrast(pieces), *TEXTURE) * _between(apart, *UNLIKE)
    share = share * _between(_cells(coherence), *COHERENT)
    return patches.lerp(pieces, _enlarged(share, patches))


def _between(x: Tensor, none: float, whole: float) -> Tensor:
    """0 up to one value and 1 from the other on, in whichever direction that lies."""
    return ((x - none) / (whole - none)).clamp(0, 1)


def _enlarged(share: Tensor, like: Tensor) -> Tensor:
    """A value for each cell as one for each pixel."""
    large = F.interpolate(share, scale_factor=CELL, mode="bilinear", align_corners=False)
    return large[..., : like.shape[-2], : like.shape[-1]]


def _contrast(x: Tensor) -> Tensor:
    """(B, 1, H / CELL, W / CELL), rounded up."""
    mean, square = (_windowed(_cells(t)) for t in (x, x.square()))
    return (square - mean.square()).clamp(min=0).sqrt().mean(1, keepdim=True)


def _cells(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, CELL, ceil_mode=True, count_include_pad=False)


def _windowed(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, WINDOW, 1, WINDOW // 2, count_include_pad=False)
