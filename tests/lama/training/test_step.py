"""The phases of a step: what the discriminator is told; nothing is looked at twice."""

from dataclasses import replace

import pytest
import torch

from lama.checkpoint import build
from lama.config import FourierConfig, UNetConfig
from lama.training import step as phases
from lama.training.config import LossWeights
from lama.training.data import Sample
from lama.training.discriminator import Discriminator
from lama.training.losses import hole_l1_loss, known_l1_loss, r1_penalty
from lama.training.perceptual import EfficientNetFeatures
from lama.training.projected import ProjectedDiscriminator
from lama.training.step import (
    CachedFeatures,
    LossNetworks,
    ScaleBatch,
    cut_at,
    discriminator_phase,
    generator_phase,
)


@pytest.fixture
def batch(generator):
    image, fake = torch.rand((2, 3, 3, 50, 71), generator=generator)
    mask = torch.zeros(3, 1, 50, 71)
    mask[..., 10:40, 20:60] = 1
    return image, fake, mask


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(2)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Discriminator(ndf=4, n_layers=2)


def scale(image, fake, mask, network=None):
    """A picture and a prediction as the discriminator is shown them."""
    return ScaleBatch(CachedFeatures(image, network), CachedFeatures(fake, network), mask)


def test_the_penalty_of_one_pass_is_that_of_its_own(network, batch):
    image, fake, mask = batch
    loss, stats = discriminator_phase(network, scale(image, fake, mask), network.grid, r1=True)
    real = image.clone().requires_grad_()
    torch.testing.assert_close(stats["r1"], r1_penalty(network(real)[0], real))
    alone, _ = discriminator_phase(network, scale(image, fake, mask), network.grid)
    torch.testing.assert_close(loss, alone)
    (loss + stats["r1"]).backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
    assert image.grad is None
    assert not image.requires_grad


def test_logits_of_holes_are_told_apart(network, batch):
    image, fake, mask = batch
    _, stats = discriminator_phase(network, scale(image, fake, mask), network.grid)
    logits, _ = network(fake)
    rows = [4 * i - 5.5 for i in range(logits.shape[2])]
    columns = [4 * i - 5.5 for i in range(logits.shape[3])]
    inside = [
        logits[:, 0, i, j].mean()
        for i, y in enumerate(rows)
        for j, x in enumerate(columns)
        if 10 <= round(y) < 40 and 20 <= round(x) < 60
    ]
    torch.testing.assert_close(stats["logits_hole"], torch.stack(inside).mean())
    nothing = discriminator_phase(network, scale(image, fake, mask * 0))[1]
    assert nothing["logits_hole"] == 0


def test_the_penalty_goes_through_a_shared_network(batch):
    image, fake, mask = (x[..., :48, :64] for x in batch)
    network = EfficientNetFeatures(dilated=False)
    judge = ProjectedDiscriminator(network).eval()
    shared, alone = (
        discriminator_phase(judge, scale(image, fake, mask, eyes), r1=True)[1]
        for eyes in (network, None)
    )
    assert shared["r1"] > 0
    torch.testing.assert_close(shared, alone)


def test_losses_see_every_shift_in_turn_at_one_size():
    picture = torch.arange(20.0 * 23).view(1, 1, 20, 23)
    corners = set()
    for step in range(16):
        seen = cut_at(step, 4)(picture)
        assert seen.shape == (1, 1, 17, 20)
        corners.add(divmod(int(seen[0, 0, 0, 0]), 23))
    assert corners == {(top, left) for top in range(4) for left in range(4)}
    assert cut_at(5, 1)(picture) is picture


def test_a_network_that_two_losses_look_through_runs_once_for_each_picture(batch, monkeypatch):
    image, _, mask = (x[..., :48, :64] for x in batch)
    network = EfficientNetFeatures(dilated=False)
    weights = LossWeights(known_l1=0, adversarial=0.5, perceptual=2, r1=0)
    looks = []
    features = EfficientNetFeatures.features
    monkeypatch.setattr(
        EfficientNetFeatures, "features", lambda *a: looks.append(a) or features(*a)
    )

    def step(perceptual, judged):
        torch.manual_seed(3)
        judge = ProjectedDiscriminator(judged).eval()
        generator = build(UNetConfig(width=8, n_blocks=1)).eval()
        looks.clear()
        loss, [seen], stats = generator_phase(
            generator, judge, Sample(image, mask, ()), weights, LossNetworks(perceptual)
        )
        stats |= discriminator_phase(judge, seen)[1]
        loss.backward()
        return stats, [p.grad for p in generator.parameters()], len(looks)

    shared, gradients, ran = step(network, network)
    apart, same, ran_apart = step(network, EfficientNetFeatures(dilated=False))
    assert (ran, ran_apart) == (2, 5)
    torch.testing.assert_close(shared, apart)
    torch.testing.assert_close(gradients, same)


def test_the_loss_is_the_weighted_sum_of_its_terms(network, batch):
    image, _, mask = (x[..., :48, :64] for x in batch)
    weights = LossWeights(
        known_l1=3, hole_l1=5, adversarial=0.5, perceptual=0, feature_matching=7, r1=0
    )
    generator = build(UNetConfig(width=8, n_blocks=1)).eval()
    given = Sample(image, mask, ())
    loss, *_, stats = generator_phase(generator, network, given, weights, LossNetworks())
    wanted = {"known_l1": 3, "hole_l1": 5, "adversarial": 0.5, "feature_matching": 7}
    assert set(stats) == set(wanted)
    torch.testing.assert_close(loss, sum(weight * stats[name] for name, weight in wanted.items()))


def test_the_sum_is_taken_again_at_half_the_size_and_at_a_quarter(batch, monkeypatch):
    image, _, mask = (x[..., :48, :64] for x in batch)
    monkeypatch.setattr(phases, "SMALLEST", 12)
    given, networks = Sample(image, mask, ()), LossNetworks()
    weights = LossWeights(known_l1=3, hole_l1=5, adversarial=0, perceptual=0, feature_matching=0)
    torch.manual_seed(3)
    generator = build(UNetConfig(width=8, n_blocks=1, base=12)).train()
    alone, *_, stats = generator_phase(generator, None, given, weights, networks)
    halved = replace(weights, halves=0.5)
    loss, seen, same = generator_phase(generator, None, given, halved, networks)
    assert [tuple(s.mask.shape[-2:]) for s in seen] == [(48, 64), (24, 32), (12, 16)]
    assert [s.weight for s in seen] == [1, 0.5, 0.25]
    torch.testing.assert_close(same, stats)
    wanted = alone
    for s in seen[1:]:
        one = LossWeights(known_l1=3, hole_l1=5)
        terms = {
            "known_l1": known_l1_loss(s.fake.picture, s.real.picture, s.mask),
            "hole_l1": hole_l1_loss(s.fake.picture, s.real.picture, s.mask),
        }
        wanted = wanted + s.weight * sum(getattr(one, name) * x for name, x in terms.items())
    torch.testing.assert_close(loss, wanted)
    assert wanted > alone


def test_networks_that_compare_fills_see_the_photo_around_the_hole(batch):
    image, _, mask = (x[..., :48, :64] for x in batch)
    seen = []

    def distance(fill, photo):
        seen.append(fill.detach())
        return (fill - photo).square().mean((1, 2, 3))

    weights = LossWeights(
        known_l1=0, adversarial=0, perceptual=0, feature_matching=0, r1=0, lpips=1
    )
    generator = build(FourierConfig(ngf=4, n_blocks=1)).eval()
    generator_phase(generator, None, Sample(image, mask, ()), weights, LossNetworks(lpips=distance))
    [fill] = seen
    known = mask.expand_as(image) == 0
    assert torch.equal(fill[known], image[known])
    assert not torch.equal(fill, image)
