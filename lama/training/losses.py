"""LaMa's losses in the order of the paper (arXiv 2109.07161, section 2.2 and 2.3).

Pictures are (B, 3, H, W) in [0, 1], masks (B, 1, H, W) with 1 = hole. Each function returns a
scalar; weights are applied by whoever sums them.

With several ranks (processes that train together) each computes its losses on its own part of the
batch. A loss that divides by something counted in the batch, such as the pixels of the holes, takes
`mean_over_ranks`: it averages the count over the ranks, so that the mean of the per-rank losses
equals the loss of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

RankMean = Callable[[Tensor], Tensor]  # the mean of a tensor over the ranks, in its shape


class Grid(NamedTuple):
    """Centres of patches, in pixels: `stride * i + first`."""

    stride: int
    first: float


def single_rank(x: Tensor) -> Tensor:
    """The mean over the ranks where there is only one."""
    return x


# --- Section 2.2: perceptual loss with a high receptive field ---------------------------------


def perceptual_loss(features: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """Sum over the maps of their mean squared difference, whole picture (equation 2).

    The paper writes a mean over the maps; the published code sums, and its weight 30 belongs to
    the sum.
    """
    return torch.stack([F.mse_loss(f, t) for f, t in zip(features, target, strict=True)]).sum()


def relative_feature_loss(
    features: Sequence[Tensor], target: Sequence[Tensor], mean_over_ranks: RankMean = single_rank
) -> Tensor:
    """Mean over the maps of their mean squared difference, divided by the target's mean square.

    For networks whose maps differ in scale by orders of magnitude: 0 = alike, about 1 = unrelated.

    Args:
        features: maps of the prediction.
        target: maps of the photo.
        mean_over_ranks: averages the target's mean square over the ranks, see the module.
    """
    terms = [
        F.mse_loss(f, t) / (mean_over_ranks(t.square().mean()) + 1e-6)
        for f, t in zip(features, target, strict=True)
    ]
    return torch.stack(terms).mean()


# --- Section 2.3.1: adversarial loss ----------------------------------------------------------


def generator_adversarial_loss(logits_fake: Tensor) -> Tensor:
    """Non-saturating loss over all patches; the mask plays no role for the generator."""
    return F.softplus(-logits_fake).mean()


def discriminator_loss(
    logits_real: Tensor, logits_fake: Tensor, mask: Tensor, grid: Grid | None = None
) -> Tensor:
    """Patches of the fake picture that lie in the known area count as real.

    Equation 3 of the paper swaps the two labels; this is what the published weights were trained
    with, and what the text says.
    """
    hole = patch_labels(mask, logits_fake.shape[-2:], grid)
    fake = hole * F.softplus(logits_fake) + (1 - hole) * F.softplus(-logits_fake)
    return F.softplus(-logits_real).mean() + fake.mean()


def patch_labels(mask: Tensor, size: Sequence[int], grid: Grid | None = None) -> Tensor:
    """The hole mask on the patches that the logits judge.

    Args:
        mask: (B, 1, H, W).
        size: of the logits.
        grid: where the patches are. None stretches the mask over them as published, which is off by
            up to one and a half strides near the edges, since the outermost patches lie outside.

    Returns:
        (B, 1, *size): the mask at each patch's centre, at the edge's pixel for those beyond it.
    """
    if grid is None:
        return F.interpolate(mask, size=tuple(size), mode="nearest")
    rows, columns = (
        (torch.arange(n, device=mask.device) * grid.stride + grid.first)
        .round()
        .long()
        .clamp(0, length - 1)
        for n, length in zip(size, mask.shape[-2:], strict=True)
    )
    return mask[..., rows[:, None], columns]


# --- Section 2.3.2: gradient penalty ----------------------------------------------------------


def r1_penalty(logits_real: Tensor, real: Tensor) -> Tensor:
    """Mean over the batch of the squared gradient norm of the summed logits, real pictures only.

    Args:
        logits_real: the discriminator's answer to `real`.
        real: the pictures, with `requires_grad`.
    """
    (gradient,) = torch.autograd.grad(logits_real.sum(), real, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


# --- Section 2.3.3: feature matching (the paper's L_DiscPL) -----------------------------------


def feature_matching_loss(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean over the discriminator's maps of their mean squared difference."""
    return torch.stack([F.mse_loss(f, r.detach()) for f, r in zip(fake, real, strict=True)]).mean()


# --- Not in the paper's sum, but in the published configuration -------------------------------


def known_l1_loss(prediction: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """L1 where the picture is known, averaged over all pixels (not only the known ones)."""
    return ((prediction - image).abs() * (1 - mask)).mean()


def hole_l1_loss(
    prediction: Tensor, image: Tensor, mask: Tensor, mean_over_ranks: RankMean = single_rank
) -> Tensor:
    """L1 in the hole, averaged over the hole's pixels; ours, for residual generators.

    Args:
        prediction: of the generator.
        image: the photo.
        mask: 1 = hole; without any hole the loss is 0.
        mean_over_ranks: averages the number of hole pixels over the ranks, see the module.
    """
    difference = (prediction - image).abs() * mask
    pixels = mean_over_ranks(mask.sum())
    return difference.sum() / (pixels * image.shape[1]).clamp(min=1)
