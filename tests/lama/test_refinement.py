"""Refinement: every kind of generator, odd sizes, thin holes, cancel, and what it is for."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

import lama
from lama.checkpoint import build
from lama.config import DilatedConfig, FourierConfig, GeneratorConfig, RegularConfig, UNetConfig
from lama.generator import Generator
from lama.inference import Inpainter
from lama.refinement import ITERATIONS, consistency_region, half, pyramid, refine, scales
from tests.conftest import randomised


def made(config: GeneratorConfig, largest: int = 64) -> Generator:
    torch.manual_seed(0)
    generator = build(config).eval().requires_grad_(False)
    generator.largest = largest
    return generator


def sample(height: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, 3, 6, 6), generator=source)
    image = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    mask = torch.zeros(1, 1, height, width)
    mask[..., height // 5 : -height // 5, width // 4 : -width // 4] = 1
    return image, mask


@pytest.mark.parametrize(
    "config",
    [
        FourierConfig(ngf=8, n_blocks=1),
        FourierConfig(ngf=8, n_blocks=1, ratio=0),
        FourierConfig(ngf=8, n_blocks=1, ratio=1),
        RegularConfig(ngf=8, n_blocks=1),
        DilatedConfig(ngf=8, n_blocks=1),
        UNetConfig(width=16, n_blocks=1, detail=8, base=16),
    ],
    ids=str,
)
def test_every_generator_can_be_refined(config: GeneratorConfig) -> None:
    generator = made(config, largest=80)
    image, mask = sample(163, 201)
    shares: list[float] = []
    result, losses = refine(generator, image, mask, shares.append)
    assert result.shape == image.shape
    assert torch.equal(result[mask.expand_as(result) == 0], image[mask.expand_as(image) == 0])
    assert [len(passes) for passes in losses] == [ITERATIONS]
    assert min(losses[0]) < losses[0][0]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_networks_that_copy_are_refused() -> None:
    generator = made(UNetConfig(width=16, n_blocks=1, detail=8, base=16, copies=True))
    with pytest.raises(ValueError, match="networks that copy are not refined"):
        refine(generator, *sample(163, 201))


def test_every_pass_comes_nearer_to_the_coarse_fill() -> None:
    _, losses = refine(random_network(), *sample(163, 201))
    assert all(after < before for before, after in pairwise(losses[0]))


def test_thin_holes_take_one_pass() -> None:
    generator = made(UNetConfig(width=16, n_blocks=1, detail=8, base=16))
    image, _ = sample(130, 150)
    mask = torch.zeros(1, 1, 130, 150)
    mask[..., 60:64, 20:120] = 1
    result, losses = refine(generator, image, mask)
    assert [len(passes) for passes in losses] == [1]
    assert torch.isfinite(result).all()


def test_number_of_sizes_follows_the_published_rule() -> None:
    generator = made(FourierConfig(ngf=8, n_blocks=1), largest=1024)
    assert [scales(generator, n, 3 * n) for n in (300, 512, 723, 725, 1024, 1449, 9000)] == [
        1, 1, 1, 2, 2, 3, 3,
    ]  # fmt: skip


def test_pyramid_keeps_the_old_content_of_the_hole_out() -> None:
    image, mask = sample(64, 96)
    levels = pyramid(image * (1 - mask) + mask * 7, mask, 3)
    assert [tuple(p.shape[-2:]) for p, _ in levels] == [(16, 24), (32, 48), (64, 96)]
    small, hole = levels[0]
    known = hole.expand_as(small) == 0
    wanted = half(half(image))
    assert (small[known] - wanted[known]).abs().max() < 0.05
    assert hole.mean() >= mask.mean()


def test_consistency_region_lies_within_the_hole() -> None:
    _, mask = sample(101, 141)
    region = consistency_region(mask)
    assert region.shape[-2:] == (50, 70)
    assert 0 < region.sum() < mask.sum() / 4


def test_fill_refines_and_can_be_cancelled() -> None:
    generator = made(UNetConfig(width=16, n_blocks=1, detail=8, base=16), largest=48)
    inpainter = Inpainter(generator, precision="fp32")
    rgb = np.random.default_rng(0).integers(0, 256, (110, 131, 3), dtype=np.uint8)
    mask = np.zeros((110, 131), bool)
    mask[20:90, 30:100] = True
    shares: list[float] = []
    refined = inpainter.fill(rgb, mask, quality="refined", progress=shares.append)
    assert np.array_equal(refined[~mask], rgb[~mask])
    assert not np.array_equal(refined[mask], inpainter.fill(rgb, mask)[mask])
    assert len(shares) > ITERATIONS
    with pytest.raises(lama.Cancelled):
        inpainter.fill(rgb, mask, quality="refined", cancelled=lambda: len(shares) > 0)


def test_a_network_that_copies_searches_longer_instead() -> None:
    generator = made(UNetConfig(width=16, n_blocks=1, detail=8, base=16, copies=True), largest=96)
    inpainter = Inpainter(generator, precision="fp32")
    rgb = np.random.default_rng(0).integers(0, 256, (150, 131, 3), dtype=np.uint8)
    mask = np.zeros((150, 131), bool)
    mask[40:110, 30:100] = True
    refined = inpainter.fill(rgb, mask, quality="refined")
    assert np.array_equal(refined[~mask], rgb[~mask])
    sizes = []

    def copies(image: Tensor, mask: Tensor, *, patient: bool, pause: Callable[[], None]) -> Tensor:
        sizes.append((tuple(image.shape[-2:]), patient))
        pause()
        return image * (1 - mask) + mask * 0.25

    inpainter._compiled.copies = copies
    other = inpainter.fill(rgb, mask, quality="refined")
    assert sizes == [((96, 88), True)]  # at the largest size that it does well, in multiples of 8
    assert not np.array_equal(other, refined)
    with pytest.raises(lama.Cancelled):
        inpainter.fill(rgb, mask, quality="refined", cancelled=lambda: len(sizes) > 1)


def random_network() -> Generator:
    """Random weights; pictures of more than 80 pixels are refined in several sizes."""
    generator = randomised(build(FourierConfig(ngf=4, n_blocks=2))).requires_grad_(False)
    generator.largest = 80
    return generator


def test_what_is_known_holds_the_features_as_well() -> None:
    """Without it they are free to leave the picture wherever the hole is not."""
    generator = random_network()
    image, mask = sample(163, 201)
    decode, apart = generator.decode, []

    def watched(encoded):
        found = decode(encoded)
        if found.requires_grad:
            difference = (found[..., :163, :201] - image).abs() * (1 - mask)
            apart.append(float(difference.detach().mean()))
        return found

    generator.decode = watched
    refine(generator, image, mask)
    assert len(apart) == ITERATIONS
    assert all(after < before for before, after in pairwise(apart))


def test_the_pass_nearest_to_the_coarser_fill_is_kept() -> None:
    generator = random_network()
    image, mask = sample(163, 201)
    decode, passes = generator.decode, []

    def worse_in_the_end(encoded):
        found = decode(encoded)
        if found.requires_grad:
            found = found + (0.5 if len(passes) > 4 else 0)
            passes.append(found[..., :163, :201].detach())
        return found

    generator.decode = worse_in_the_end
    result, losses = refine(generator, image, mask)
    best = int(np.argmin(losses[0]))
    assert best <= 4
    inside = mask.expand_as(result) > 0
    assert torch.equal(result[inside], passes[best][inside])
