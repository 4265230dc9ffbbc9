"""What lies between convolutions, against the layers it stands for."""

import pytest
import torch
from torch import nn

from lama.compiled import compile_generator, int8_works
from lama.compiled.blocks import CompiledBlock, CompiledUp, Doubling, Joining, Unshuffled
from lama.config import RegularConfig, UNetConfig
from tests.lama.compiled.lively import lively


def test_doubling_is_the_transposed_convolution() -> None:
    torch.manual_seed(5)
    conv = nn.ConvTranspose2d(6, 10, 3, stride=2, padding=1, output_padding=1)
    generator = nn.Sequential(conv, nn.ReLU())
    holder = lively(RegularConfig(ngf=8, n_blocks=1))
    holder.model = generator  # type: ignore[assignment]
    compiled = compile_generator(holder, "fp32").model
    assert isinstance(compiled, nn.Sequential)
    assert isinstance(compiled[0], Doubling)
    x = torch.randn(2, 6, 5, 9).contiguous(memory_format=torch.channels_last)
    assert torch.allclose(compiled(x), generator(x), atol=1e-5)


def test_unshuffled_is_the_shuffle_and_the_convolution() -> None:
    torch.manual_seed(8)
    holder = lively(RegularConfig(ngf=8, n_blocks=1))
    layers = [nn.PixelUnshuffle(2), nn.Conv2d(20, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()]
    holder.model = nn.Sequential(*layers).eval()
    compiled = compile_generator(holder, "fp32").model
    assert isinstance(compiled[0], Unshuffled)
    x = torch.randn(2, 5, 14, 18).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(compiled(x), holder.model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not int8_works(), reason="no 8-bit convolutions on this machine")
def test_codes_of_several_maps_are_joined() -> None:
    generator = lively(UNetConfig(width=8, n_blocks=1, detail=8))
    compiled = compile_generator(generator, "int8")
    assert isinstance(compiled.detail, Joining)
    torch.manual_seed(9)
    a, b = torch.rand(1, 8, 13, 17), torch.rand(1, 4, 13, 17) * 2 - 1
    exact = generator.detail(a, b)
    assert (compiled.detail(a, b) - exact).std() < 0.03 * exact.std()


def test_shortcuts_leave_what_comes_in_as_it_was() -> None:
    generator = lively(UNetConfig(width=8, n_blocks=1))
    compiled = compile_generator(generator, "fp32")
    block, up = compiled.blocks[0], compiled.up4
    assert isinstance(block, CompiledBlock)
    assert isinstance(up, CompiledUp)
    torch.manual_seed(7)
    x = [torch.randn(2, n, 7, 9).contiguous(memory_format=torch.channels_last) for n in (8, 24)]
    before = [part.clone() for part in x]
    torch.testing.assert_close(block(tuple(x)), generator.blocks[0](tuple(x)))
    torch.testing.assert_close(x, before)
    low, skip = torch.randn(2, 32, 7, 9), torch.randn(2, 16, 14, 18)
    kept = skip.clone()
    torch.testing.assert_close(up(low, skip), generator.up4(low, skip))
    torch.testing.assert_close(skip, kept)
