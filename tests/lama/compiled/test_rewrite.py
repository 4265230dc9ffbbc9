"""The quick form against the generator it was made from: all kinds, odd sizes, real weights."""

import pytest
import torch
from torch import Tensor, nn

import lama
from lama.checkpoint import build
from lama.compiled import agreement, compile_generator, int8_works
from lama.compiled.blocks import Doubling, Joining, QuickBlock, QuickUp, Shuffled, Unshuffled
from lama.config import (
    DilatedConfig,
    FourierConfig,
    GeneratorConfig,
    RegularConfig,
    UNetConfig,
)
from lama.ffc import FFCBatchNormAct
from lama.generator import Generator

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


def lively(config: GeneratorConfig) -> Generator:
    """A generator whose batch norms do something, as after training."""
    torch.manual_seed(3)
    generator = build(config)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            module.running_mean = torch.randn(module.num_features) * 0.2
            module.running_var = torch.rand(module.num_features) + 0.5
    return generator.eval().requires_grad_(False)


def sample(height: int, width: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(4)
    image = torch.rand((batch, 3, height, width), generator=source)
    mask = torch.zeros(batch, 1, height, width)
    mask[..., height // 4 : height // 2, width // 3 : 2 * width // 3] = 1
    return image, mask


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("batch", [1, 2])
def test_exact_form_agrees_to_rounding(config: GeneratorConfig, batch: int) -> None:
    generator = lively(config)
    image, mask = sample(72, 104, batch)
    quick = compile_generator(generator, "fp32")
    assert (quick(image, mask) - generator(image, mask)).abs().max() < 1e-5


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_reduced_forms_stay_near(config: GeneratorConfig, precision: str) -> None:
    if precision == "int8" and not int8_works():
        pytest.skip("no 8-bit convolutions on this machine")
    generator = lively(config)
    image, mask = sample(72, 104)
    difference = compile_generator(generator, precision)(image, mask) - generator(image, mask)
    assert difference.square().mean() < 10**-3.5
    assert difference.abs().max() > 0


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_shipped_weights_agree(precision: str) -> None:
    if precision == "int8" and not int8_works():
        pytest.skip("no 8-bit convolutions on this machine")
    generator = lama.load("lama-tiny", "cpu", "fp32").generator
    least = {"fp32": 100, "bf16": 45, "int8": 42}[precision]
    assert agreement(generator, compile_generator(generator, precision)) > least


def test_original_is_left_as_it_was() -> None:
    generator = lively(CONFIGS[0])
    before = {k: v.clone() for k, v in generator.state_dict().items()}
    quick = compile_generator(generator, "fp32")
    assert all((generator.state_dict()[k] == v).all() for k, v in before.items())
    assert any(isinstance(m, FFCBatchNormAct) for m in generator.modules())
    assert not any(isinstance(m, FFCBatchNormAct) for m in quick.modules())


def test_no_batch_norm_is_left_where_it_can_be_folded() -> None:
    for config in (CONFIGS[0], RegularConfig(ngf=8, n_blocks=1), CONFIGS[-1]):
        quick = compile_generator(lively(config), "fp32")
        assert not any(isinstance(m, nn.BatchNorm2d) for m in quick.modules())


def test_disagreement_is_seen() -> None:
    generator, other = lively(CONFIGS[0]), lively(CONFIGS[0])
    assert agreement(generator, other) > 150
    last = [m for m in other.modules() if isinstance(m, nn.Conv2d)][-1]
    assert last.bias is not None
    last.bias += 0.5
    assert agreement(generator, other) < 30


def test_doubling_is_the_transposed_convolution() -> None:
    torch.manual_seed(5)
    conv = nn.ConvTranspose2d(6, 10, 3, stride=2, padding=1, output_padding=1)
    generator = nn.Sequential(conv, nn.ReLU())
    holder = lively(RegularConfig(ngf=8, n_blocks=1))
    holder.model = generator  # type: ignore[assignment]
    quick = compile_generator(holder, "fp32").model
    assert isinstance(quick, nn.Sequential)
    assert isinstance(quick[0], Doubling)
    x = torch.randn(2, 6, 5, 9).contiguous(memory_format=torch.channels_last)
    assert torch.allclose(quick(x), generator(x), atol=1e-5)


def test_shuffled_is_the_convolution_and_the_shuffle() -> None:
    torch.manual_seed(6)
    conv = nn.Conv2d(5, 12, 3, padding=1)
    holder = lively(RegularConfig(ngf=8, n_blocks=1))
    holder.model = nn.Sequential(conv, nn.BatchNorm2d(12), nn.ReLU(), nn.PixelShuffle(2)).eval()
    quick = compile_generator(holder, "fp32").model
    assert isinstance(quick[0], Shuffled)
    x = torch.randn(2, 5, 7, 9).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(quick(x), holder.model(x), rtol=1e-4, atol=1e-5)


def test_unshuffled_is_the_shuffle_and_the_convolution() -> None:
    torch.manual_seed(8)
    holder = lively(RegularConfig(ngf=8, n_blocks=1))
    layers = [nn.PixelUnshuffle(2), nn.Conv2d(20, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()]
    holder.model = nn.Sequential(*layers).eval()
    quick = compile_generator(holder, "fp32").model
    assert isinstance(quick[0], Unshuffled)
    x = torch.randn(2, 5, 14, 18).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(quick(x), holder.model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not int8_works(), reason="no 8-bit convolutions on this machine")
def test_codes_of_several_maps_are_joined() -> None:
    generator = lively(UNetConfig(width=8, n_blocks=1, detail=8))
    quick = compile_generator(generator, "int8")
    assert isinstance(quick.detail, Joining)
    torch.manual_seed(9)
    a, b = torch.rand(1, 8, 13, 17), torch.rand(1, 4, 13, 17) * 2 - 1
    exact = generator.detail(a, b)
    assert (quick.detail(a, b) - exact).std() < 0.03 * exact.std()


def test_shortcuts_leave_what_comes_in_as_it_was() -> None:
    generator = lively(UNetConfig(width=8, n_blocks=1))
    quick = compile_generator(generator, "fp32")
    block, up = quick.blocks[0], quick.up4
    assert isinstance(block, QuickBlock)
    assert isinstance(up, QuickUp)
    torch.manual_seed(7)
    x = [torch.randn(2, n, 7, 9).contiguous(memory_format=torch.channels_last) for n in (8, 24)]
    before = [part.clone() for part in x]
    torch.testing.assert_close(block(tuple(x)), generator.blocks[0](tuple(x)))
    torch.testing.assert_close(x, before)
    low, skip = torch.randn(2, 32, 7, 9), torch.randn(2, 16, 14, 18)
    kept = skip.clone()
    torch.testing.assert_close(up(low, skip), generator.up4(low, skip))
    torch.testing.assert_close(skip, kept)
