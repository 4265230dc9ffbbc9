"""The pull-push pyramid: a smooth fill from a hole's surroundings, the simplest first guess."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pull_push(image: Tensor, mask: Tensor) -> Tensor:
    """Fill the hole smoothly from its surroundings (pull-push, Gortler et al. 1996).

    Args:
        image: (B, 3, H, W); values in the hole are ignored.
        mask: (B, 1, H, W), 1 = hole.

    Returns:
        (B, 3, H, W) equal to `image` where known. A picture that is all hole becomes 0.5.
    """
    known = 1 - mask
    levels = [(image * known, known)]
    # Pull: halve colours weighted by what is known, down to one pixel.
    while max(levels[-1][0].shape[-2:]) > 1:
        colour, weight = (F.avg_pool2d(t, 2, ceil_mode=True) for t in levels[-1])
        seen = (weight > 0).to(weight.dtype)
        levels.append((colour / weight.clamp(min=1e-8) * seen, seen))
    colour, weight = levels[-1]
    filled = colour * weight + 0.5 * (1 - weight)
    # Push: where a level knows nothing, the coarser one shows through.
    for colour, weight in reversed(levels[:-1]):
        up = F.interpolate(filled, size=colour.shape[-2:], mode="bilinear", align_corners=False)
        filled = colour * weight + up * (1 - weight)
    return filled
