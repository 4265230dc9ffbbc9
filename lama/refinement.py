"""Multi-scale feature refinement: a large hole agrees with what the network sees at a small size.

Source: Kulshreshtha, Pugh and Jiddi, "Feature Refinement to Improve High Resolution Image
Inpainting", arXiv 2206.13644. The network fills a small copy of the picture first. At each larger
size the features before its residual blocks are optimised, weights frozen, until the prediction,
made small, looks like the coarser fill. Generators that copy from the picture search longer
instead, which was as good where both were measured and takes seconds.

Where this differs from the published code: the features of the pass that agrees best are kept, not
those of the last one; edges are repeated, not mirrored; colours of the hole are kept out of the
smaller pictures; and a picture above `PIXELS` comes back at its own size.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lama.generator import Encoded, Generator
from lama.tensors import blend, pad

ITERATIONS = 15  # forward passes at each size above the smallest
RATE = 0.002
MOST_SCALES = 3
PIXELS = 1_800_000  # larger pictures are refined at this size and enlarged


def refine(
    generator: Generator,
    image: Tensor,
    mask: Tensor,
    step: Callable[[float], None] | None = None,
) -> tuple[Tensor, list[list[float]]]:
    """Fill a hole from coarse to fine.

    Args:
        generator: in evaluation mode, its plain form; without a copier.
        image: (1, 3, H, W) in [0, 1].
        mask: (1, 1, H, W), 1 = hole.
        step: called with the share done, 0 to 1, after every pass; may raise to stop.

    Returns:
        (1, 3, H, W), equal to `image` where known; and, at each size above the smallest, the
        consistency loss of each pass.

    Raises:
        ValueError: The generator copies.
    """
    if generator.copier is not None:
        raise ValueError("the features of networks that copy are not refined; see `Inpainter.fill`")
    levels = pyramid(image, mask, scales(generator, image.shape[-2], image.shape[-1]))
    total = sum(picture.numel() for picture, _ in levels[1:]) * ITERATIONS + levels[0][0].numel()
    done, losses = 0, []

    def tell(pixels: int) -> None:
        nonlocal done
        done += pixels
        if step is not None:
            step(done / total)

    tell(0)
    with torch.no_grad():
        picture, hole = levels[0]
        result = blend(padded_forward(generator, picture, hole), picture, hole)
    tell(picture.numel())
    for picture, hole in levels[1:]:
        result, passes = _refine_level(generator, picture, hole, result, tell)
        losses.append(passes)
    return result, losses


def scales(generator: Generator, height: int, width: int) -> int:
    """How many sizes a picture is filled at: the smallest is near what the network knows best."""
    base = min(512, generator.largest)
    return min(1 + round(max(0.0, math.log2(min(height, width) / base))), MOST_SCALES)


def pyramid(image: Tensor, mask: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    """Pictures and holes from the smallest to the given size; a hole never shrinks."""
    levels = [(image, mask)]
    for _ in range(count - 1):
        image, mask = levels[0]
        # The old content of the hole must not be blurred into what is known.
        known = 1 - mask
        colour = half(image * known) / half(known).clamp(min=1e-3)
        small = (half(mask) >= 1e-8).to(mask.dtype)
        levels.insert(0, (colour.clamp(0, 1) * (1 - small), small))
    return levels


def half(x: Tensor) -> Tensor:
    """5x5 Gaussian of sigma 1, then half the size, bilinear."""
    taps = torch.exp(-0.5 * torch.arange(-2.0, 3.0, device=x.device) ** 2)
    taps = taps / taps.sum()
    channels = x.shape[1]
    kernel = (taps[:, None] * taps).expand(channels, 1, 5, 5)
    blurred = F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=channels)
    size = (max(1, x.shape[-2] // 2), max(1, x.shape[-1] // 2))
    return F.interpolate(blurred, size=size, mode="bilinear", align_corners=False)


def consistency_region(mask: Tensor) -> Tensor:
    """Where a prediction is held to the coarser fill: the hole at half size, well inside it.

    Args:
        mask: (1, 1, H, W), 1 = hole.

    Returns:
        (1, 1, H // 2, W // 2) float; may be all zero for thin holes.
    """
    size = (max(1, mask.shape[-2] // 2), max(1, mask.shape[-1] // 2))
    small = F.interpolate(mask, size=size, mode="bilinear", align_corners=False) >= 1 - 1e-6
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))
    inside = cv2.erode(small[0, 0].cpu().numpy().astype(np.uint8), ellipse)
    return torch.from_numpy(inside.astype(np.float32))[None, None].to(mask.device)


def padded_forward(generator: Generator, image: Tensor, mask: Tensor) -> Tensor:
    """`generator(image, mask)` at any size: (1, 3, H, W) and (1, 1, H, W) to (1, 3, H, W)."""
    height, width = image.shape[-2:]
    return generator(pad(image, generator), pad(mask, generator))[..., :height, :width]


def _refine_level(
    generator: Generator,
    image: Tensor,
    mask: Tensor,
    coarse: Tensor,
    tell: Callable[[int], None],
) -> tuple[Tensor, list[float]]:
    """One size: optimise the features, keep the prediction nearest to the coarser fill."""
    height, width = image.shape[-2:]
    region, known = consistency_region(mask), 1 - mask
    grown = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    picture, hole, guess = (pad(t, generator) for t in (image, mask, blend(grown, image, mask)))
    with torch.no_grad():
        encoded = generator.encode(picture, hole, guess)
    features = [None if f is None else f.clone().requires_grad_() for f in encoded.features]
    optimizer = torch.optim.Adam([f for f in features if f is not None], lr=RATE)
    losses: list[float] = []
    best = grown
    for i in range(ITERATIONS):
        with torch.enable_grad():
            rear = Encoded(features, encoded.skips)
            prediction = generator.decode(rear)[..., :height, :width]
            consistency = _mean(half(prediction) - coarse, region)
            loss = _mean(prediction - image, known) + consistency
        losses.append(float(consistency.detach()))
        if losses[-1] <= min(losses):
            best = prediction.detach()
        tell(image.numel())
        # Nothing to agree on, as in thin holes: the first pass is the answer.
        if i == ITERATIONS - 1 or not region.any():
            break
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return blend(best, image, mask), losses


def _mean(difference: Tensor, where: Tensor) -> Tensor:
    """Mean absolute difference over a region; 0 for an empty one."""
    weight = where.sum() * difference.shape[1]
    return (difference.abs() * where).sum() / weight.clamp(min=1)
