"""One optimizer step of the generator and one of the discriminator, in named phases.

The generator runs forward once a step; the discriminator sees that same output. A frozen network
that several losses look through runs once for each picture as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lama.generator import Answer, Generator
from lama.training import losses
from lama.training.config import LossWeights
from lama.training.data import Sample
from lama.training.matching import KernelMatching
from lama.training.parallel import mean_over_processes
from lama.training.perceptual import LPIPS, EfficientNetFeatures
from lama.training.projected import ProjectedDiscriminator

Stats = dict[str, Tensor]
Cut = Callable[[Tensor], Tensor]
SMALLEST = 128  # shorter side in pixels of the pictures that the losses look at


def whole(x: Tensor) -> Tensor:
    """The `Cut` that cuts nothing off."""
    return x


def cut_at(step: int, shifts: int) -> Cut:
    """Crop a few pixels off the edges, others at each step, so that strides fall elsewhere.

    Networks that look at pictures in strides (LPIPS' first one is of 4 pixels) are blind to some
    patterns of that period. A generator that always meets them on the same grid learns to draw such
    patterns; the weave is seen by people.

    Args:
        step: of the run.
        shifts: from how many places along each side the cut starts; 1 = nothing is cut off.
    """
    top, left = step % shifts, step // shifts % shifts

    def cut(x: Tensor) -> Tensor:
        height, width = (n - shifts + 1 for n in x.shape[-2:])
        return x[..., top : top + height, left : left + width]

    return cut if shifts > 1 else whole


class LossNetworks(NamedTuple):
    """The frozen networks that the generator's losses look through; None = that loss is off."""

    perceptual: nn.Module | None = None
    lpips: LPIPS | None = None
    matching: KernelMatching | None = None


class CachedFeatures:
    """A picture and a frozen network's maps of it, computed once for all losses that want them.

    Args:
        picture: (B, 3, H, W).
        network: maps are cached for an `EfficientNetFeatures` alone; others are called as they are.
    """

    def __init__(self, picture: Tensor, network: nn.Module | None = None) -> None:
        self.picture = picture
        self.network = network if isinstance(network, EfficientNetFeatures) else None

    @cached_property
    def maps(self) -> list[Tensor]:
        """As `EfficientNetFeatures.features`."""
        assert self.network is not None
        return self.network.features(self.picture)

    def detached(self) -> CachedFeatures:
        """The same without gradients; maps that are there are kept."""
        other = CachedFeatures(self.picture.detach(), self.network)
        if "maps" in self.__dict__:
            other.maps = [x.detach() for x in self.maps]
        return other


class ScaleBatch(NamedTuple):
    """What the losses saw at one size, without gradients.

    Attributes:
        real: the picture.
        fake: the generator's prediction.
        mask: (B, 1, H, W), 1 = hole.
        weight: of this size in the sum.
    """

    real: CachedFeatures
    fake: CachedFeatures
    mask: Tensor
    weight: float = 1.0


def generator_phase(
    generator: Generator,
    discriminator: nn.Module | None,
    batch: Sample,
    weights: LossWeights,
    networks: LossNetworks,
    cut: Cut = whole,
) -> tuple[Tensor, list[ScaleBatch], Stats]:
    """The generator's loss: a weighted sum, over every size if `weights.halves` is not 0.

    Args:
        generator: runs forward once.
        discriminator: gives logits and features; None = no adversarial loss.
        batch: on the generator's device.
        weights: of the losses.
        networks: that the losses look through.
        cut: taken off pictures, masks and predictions before the losses see them.

    Returns:
        The loss to differentiate, what the losses saw at each size, and each unweighted term by
        name, of the picture's own size.
    """
    image, mask, _, copied = batch
    answers = (
        generator.answers(image, mask, copied, SMALLEST)
        if weights.halves
        else [Answer(image, mask, generator(image, mask, copied))]
    )
    total, scales, stats = torch.zeros((), device=image.device), [], list[Stats]()
    for number, answer in enumerate(answers):
        seen = Answer(*(cut(t.float()) for t in answer))
        terms, real, fake = _terms(discriminator, seen, weights, networks)
        weight = weights.halves**number
        for name, value in terms.items():
            total = total + weight * getattr(weights, name) * value
        scales.append(ScaleBatch(real.detached(), fake.detached(), seen.mask, weight))
        stats.append(terms)
    return total, scales, stats[0]


def _terms(
    discriminator: nn.Module | None, seen: Answer, weights: LossWeights, networks: LossNetworks
) -> tuple[Stats, CachedFeatures, CachedFeatures]:
    """The unweighted losses of one prediction by name, and the features of picture and prediction.

    A loss whose weight is 0, or whose network is None, is left out.
    """
    image, mask, prediction = seen
    perceptual, lpips, matching = networks
    real, fake = CachedFeatures(image, perceptual), CachedFeatures(prediction, perceptual)
    # Made here, not where it is used: gradients are summed in an order that depends on it.
    wanted = (weights.lpips and lpips) or (weights.matching and matching)
    blended = prediction * mask + image * (1 - mask) if wanted else prediction
    stats: Stats = {}
    if weights.known_l1:
        stats["known_l1"] = losses.known_l1_loss(prediction, image, mask)
    if weights.hole_l1:
        stats["hole_l1"] = losses.hole_l1_loss(prediction, image, mask, mean_over_processes)
    if weights.perceptual and perceptual is not None:
        stats["perceptual"] = _perceptual(perceptual, fake, real)
    if weights.lpips and lpips is not None:
        stats["lpips"] = lpips(blended, image).mean()
    if weights.matching and matching is not None:
        stats["matching"] = matching(blended, image, mask)
    if discriminator is not None:
        logits_fake, features_fake = _judge(discriminator, fake)
        stats["adversarial"] = losses.generator_adversarial_loss(logits_fake)
        if features_fake:
            with torch.no_grad():
                _, features_real = _judge(discriminator, real)
            stats["feature_matching"] = losses.feature_matching_loss(features_fake, features_real)
    return stats, real, fake


def discriminator_phase(
    discriminator: nn.Module,
    scale: ScaleBatch,
    grid: losses.Grid | None = None,
    r1: bool = False,
) -> tuple[Tensor, Stats]:
    """The discriminator's loss at one size: patches of the real picture against holes of the fake.

    Args:
        discriminator: gives logits and features.
        scale: of `generator_phase`.
        grid: where its patches are, see `losses.patch_labels`.
        r1: whether to look at the gradient penalty as well, in the same forward pass.

    Returns:
        The loss to differentiate, without the penalty, and figures by name, `r1` if asked for.
    """
    real, fake, mask, _ = scale
    if r1:  # its maps are needed with their gradients then
        real = CachedFeatures(real.picture.detach().requires_grad_(), real.network)
    logits_real, _ = _judge(discriminator, real)
    logits_fake, _ = _judge(discriminator, fake)
    loss = losses.discriminator_loss(logits_real, logits_fake, mask, grid)
    with torch.no_grad():
        hole = losses.patch_labels(mask, logits_fake.shape[-2:], grid)
        patches = mean_over_processes(hole.sum()).clamp(min=1e-6)
        in_holes = (logits_fake.mean(1, keepdim=True) * hole).sum() / patches
    stats = {
        "discriminator": loss,
        "logits_real": logits_real.mean(),
        "logits_fake": logits_fake.mean(),
        "logits_hole": in_holes,
    }
    if r1:
        stats["r1"] = losses.r1_penalty(logits_real, real.picture)
    return loss, stats


def _judge(discriminator: nn.Module, seen: CachedFeatures) -> tuple[Tensor, list[Tensor]]:
    """Logits and features in fp32, whatever the convolutions ran in: sums want the digits."""
    if isinstance(discriminator, ProjectedDiscriminator) and seen.network is discriminator.network:
        logits, features = discriminator.judge(seen.maps)
    else:
        logits, features = discriminator(seen.picture)
    return logits.float(), [feature.float() for feature in features]


def _perceptual(network: nn.Module, fake: CachedFeatures, real: CachedFeatures) -> Tensor:
    if fake.network is not None:
        with torch.no_grad():
            target = real.maps
        return losses.relative_feature_loss(fake.maps, target, mean_over_processes)
    return network(fake.picture, real.picture)
