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
from lama.training.matching import KernelMatching
from lama.training.parallel import mean_over_processes
from lama.training.perceptual import LPIPS, EfficientNetFeatures
from lama.training.projected import ProjectedDiscriminator

Stats = dict[str, Tensor]
Cut = Callable[[Tensor], Tensor]
SMALLEST = 128  # shorter side in pixels of the pictures that the losses look at


def whole(x: Tensor) -> Tensor:
    """Nothing cut off."""
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


class Look:
    """A picture (B, 3, H, W) and a frozen network's maps of it, made once for all who ask."""

    def __init__(self, picture: Tensor, network: nn.Module | None = None) -> None:
        self.picture = picture
        self.network = network if isinstance(network, EfficientNetFeatures) else None

    @cached_property
    def maps(self) -> list[Tensor]:
        """As `EfficientNetFeatures.features`."""
        assert self.network is not None
        return self.network.features(self.picture)

    def detached(self) -> Look:
        """The same without gradients; maps that are there are kept."""
        other = Look(self.picture.detach(), self.network)
        if "maps" in self.__dict__:
            other.maps = [x.detach() for x in self.maps]
        return other


class Seen(NamedTuple):
    """A picture, its hole and a prediction as the losses saw them at one size, and their weight."""

    real: Look
    fake: Look
    mask: Tensor
    weight: float


def generator_phase(
    generator: Generator,
    discriminator: nn.Module | None,
    image: Tensor,
    mask: Tensor,
    weights: LossWeights,
    networks: LossNetworks,
    copied: Tensor | None = None,
    cut: Cut = whole,
) -> tuple[Tensor, list[Seen], Stats]:
    """Gmain: the sum of the generator's losses.

    Returns:
        The loss to differentiate, what the losses saw at each size, without gradients, and each
        unweighted term by name, of the picture's own size.
    """
    answers = (
        generator.answers(image, mask, copied, SMALLEST)
        if weights.halves
        else [Answer(image, mask, generator(image, mask, copied))]
    )
    total, seen, stats = torch.zeros((), device=image.device), [], list[Stats]()
    for number, answer in enumerate(answers):
        image, mask, prediction = (cut(t.float()) for t in answer)
        terms, real, fake = _terms(discriminator, image, mask, prediction, weights, networks)
        weight = weights.halves**number
        for name, value in terms.items():
            total = total + weight * getattr(weights, name) * value
        seen.append(Seen(real.detached(), fake.detached(), mask, weight))
        stats.append(terms)
    return total, seen, stats[0]


def _terms(
    discriminator: nn.Module | None,
    image: Tensor,
    mask: Tensor,
    prediction: Tensor,
    weights: LossWeights,
    networks: LossNetworks,
) -> tuple[Stats, Look, Look]:
    """The losses of one prediction by name, and what they looked at."""
    perceptual, lpips, matching = networks
    real, fake = Look(image, perceptual), Look(prediction, perceptual)
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
    real: Look,
    fake: Look,
    mask: Tensor,
    grid: losses.Grid | None = None,
    r1: bool = False,
) -> tuple[Tensor, Stats]:
    """Dmain: patches of the real picture against the holes of the fake one.

    Args:
        discriminator: gives logits and features.
        real: the picture.
        fake: the generator's prediction, without gradients.
        mask: (B, 1, H, W).
        grid: where its patches are, see `losses.patch_labels`.
        r1: whether to look at the gradient penalty as well, in the same forward pass.

    Returns:
        The loss to differentiate, without the penalty, and figures by name, `r1` if asked for.
    """
    if r1:  # its maps are needed with their gradients then
        real = Look(real.picture.detach().requires_grad_(), real.network)
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


def _judge(discriminator: nn.Module, look: Look) -> tuple[Tensor, list[Tensor]]:
    """Logits and features in fp32, whatever the convolutions ran in: sums want the digits."""
    if isinstance(discriminator, ProjectedDiscriminator) and look.network is discriminator.network:
        logits, features = discriminator.judge(look.maps)
    else:
        logits, features = discriminator(look.picture)
    return logits.float(), [feature.float() for feature in features]


def _perceptual(network: nn.Module, fake: Look, real: Look) -> Tensor:
    if fake.network is not None:
        with torch.no_grad():
            target = real.maps
        return losses.relative_feature_loss(fake.maps, target, mean_over_processes)
    return network(fake.picture, real.picture)
