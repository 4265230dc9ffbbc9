"""The compiled form against the generator it was made from: all kinds, odd sizes, real weights."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import lama
from lama.compiled import agreement, compile_generator, int8_works
from lama.compiled.blocks import CompiledBlock
from lama.compiled.fourier import CompiledFFC
from lama.config import (
    DilatedConfig,
    FourierConfig,
    GeneratorConfig,
    RegularConfig,
    UNetConfig,
)
from lama.ffc import FFCBatchNormAct
from lama.generator import Generator
from tests.lama.compiled.lively import lively

Spoil = Callable[[Generator], Generator]
CONFIGS = [
    FourierConfig(ngf=8, n_blocks=2),
    FourierConfig(ngf=8, n_blocks=1, ratio=0.5, activation="tanh"),
    FourierConfig(ngf=8, n_blocks=1, enable_lfu=True),
    FourierConfig(ngf=8, n_blocks=1, ratio=0.0),
    RegularConfig(ngf=8, n_blocks=2),
    DilatedConfig(ngf=8, n_blocks=2),
    UNetConfig(width=16, n_blocks=2, detail=8, base=16),
    UNetConfig(width=16, n_blocks=1, detail=8, base=32, copies=True),
]


def needs(precision: str) -> None:
    """Skip where the machine cannot compute in it."""
    if precision == "int8" and not int8_works():
        pytest.skip("no 8-bit convolutions on this machine")


def sample(height: int, width: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(4)
    image = torch.rand((batch, 3, height, width), generator=source)
    mask = torch.zeros(batch, 1, height, width)
    mask[..., height // 4 : height // 2, width // 3 : 2 * width // 3] = 1
    return image, mask


def apart(generator: Generator, compiled: Generator, batch: int = 1) -> float:
    """How far answers differ in the hole, as a share of what the generator's vary there."""
    image, mask = sample(72, 104, batch)
    answers = (network(image, mask) for network in (generator, compiled))
    wanted, found = (x[mask.expand_as(x) > 0].view(batch, 3, -1) for x in answers)
    return float((found - wanted).square().mean().sqrt() / wanted.var(-1).mean().sqrt())


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("batch", [1, 2])
def test_exact_form_agrees_to_rounding(config: GeneratorConfig, batch: int) -> None:
    generator = lively(config)
    assert apart(generator, compile_generator(generator, "fp32"), batch) < 2e-5


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_reduced_forms_stay_near(config: GeneratorConfig, precision: str) -> None:
    needs(precision)
    generator = lively(config)
    assert 0 < apart(generator, compile_generator(generator, precision)) < 0.2


def without_global_paths(compiled: Generator) -> Generator:
    for layer in compiled.modules():
        if isinstance(layer, CompiledFFC) and layer.global_path is not None:
            layer.global_path.forward = lambda _x, _codes, add: add.relu()
    return compiled


def without_blocks(compiled: Generator) -> Generator:
    for block in compiled.modules():
        if isinstance(block, CompiledBlock):
            block.forward = lambda pair: pair
    return compiled


@pytest.mark.parametrize("spoil", [without_global_paths, without_blocks])
@pytest.mark.parametrize("config", [CONFIGS[0], CONFIGS[6]], ids=str)
def test_what_is_missing_is_seen(config: GeneratorConfig, spoil: Spoil) -> None:
    generator = lively(config)
    compiled = spoil(compile_generator(generator, "fp32"))
    assert apart(generator, compiled) > 0.3
    assert agreement(generator, compiled) < 30


def test_what_is_missing_of_a_network_that_hardly_answers_is_seen() -> None:
    """Its answers differ by less than an eye could tell, whatever they are."""
    generator = lively(CONFIGS[0])
    last = [m for m in generator.modules() if isinstance(m, nn.Conv2d)][-1]
    last.weight *= 1e-3
    assert agreement(generator, compile_generator(generator, "fp32")) > 110
    assert agreement(generator, without_blocks(compile_generator(generator, "fp32"))) < 30


@pytest.mark.parametrize(
    "config",
    [FourierConfig(ngf=3, n_blocks=1), UNetConfig(width=8, n_blocks=1, ratio=0.1)],
    ids=str,
)
def test_layers_of_few_channels_go_with_8_bits_too(config: GeneratorConfig) -> None:
    needs("int8")
    generator = lively(config)
    assert apart(generator, compile_generator(generator, "int8")) < 0.2


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_the_last_layer_of_a_published_network_is_exact(precision: str) -> None:
    """A picture of bf16 numbers would have a few hundred shades."""
    needs(precision)
    compiled = compile_generator(lively(CONFIGS[0]), precision)
    assert len(compiled(*sample(72, 104)).unique()) > 5000


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_shipped_weights_agree(precision: str) -> None:
    needs(precision)
    generator = lama.load("lama-tiny", "cpu", "fp32").generator
    least = {"fp32": 100, "bf16": 45, "int8": 42}[precision]
    assert agreement(generator, compile_generator(generator, precision)) > least


def test_original_is_left_as_it_was() -> None:
    generator = lively(CONFIGS[0])
    before = {k: v.clone() for k, v in generator.state_dict().items()}
    compiled = compile_generator(generator, "fp32")
    assert all((generator.state_dict()[k] == v).all() for k, v in before.items())
    assert any(isinstance(m, FFCBatchNormAct) for m in generator.modules())
    assert not any(isinstance(m, FFCBatchNormAct) for m in compiled.modules())


def test_no_batch_norm_is_left_where_it_can_be_folded() -> None:
    for config in (CONFIGS[0], RegularConfig(ngf=8, n_blocks=1), CONFIGS[-1]):
        compiled = compile_generator(lively(config), "fp32")
        assert not any(isinstance(m, nn.BatchNorm2d) for m in compiled.modules())


def test_disagreement_is_seen() -> None:
    generator, other = lively(CONFIGS[0]), lively(CONFIGS[0])
    assert agreement(generator, other) > 150
    last = [m for m in other.modules() if isinstance(m, nn.Conv2d)][-1]
    assert last.bias is not None
    last.bias += 0.5
    assert agreement(generator, other) < 30
