"""Folded convolutions against torch's own modules."""

import pytest
import torch
from torch import Tensor, nn

from lama.compiled import int8_works
from lama.compiled.convolution import (
    Convolution,
    Geometry,
    Int8Convolution,
    NarrowConvolution,
    fold,
    quantise,
)

needs_int8 = pytest.mark.skipif(not int8_works(), reason="no 8-bit convolutions on this machine")


def picture(*shape: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=source).contiguous(memory_format=torch.channels_last)


def conv_and_norm(reflect: bool = True, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    torch.manual_seed(1)
    mode = "reflect" if reflect else "zeros"
    conv = nn.Conv2d(10, 24, 3, stride, dilation, dilation, padding_mode=mode)
    bn = nn.BatchNorm2d(24)
    nn.init.uniform_(bn.weight, -2, 2)
    nn.init.normal_(bn.bias)
    bn.running_mean = torch.randn(24)
    bn.running_var = torch.rand(24) + 0.1
    return nn.Sequential(conv, bn).eval().requires_grad_(False)


def made(pair: nn.Sequential, relu: bool = False) -> tuple[Tensor, Tensor, Geometry, bool]:
    conv, bn = pair
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(bn, nn.BatchNorm2d)
    how = Geometry(
        (conv.stride[0], conv.stride[1]),
        (int(conv.padding[0]), int(conv.padding[1])),
        (conv.dilation[0], conv.dilation[1]),
        conv.padding_mode == "reflect",
    )
    return *fold(conv, bn), how, relu


@pytest.mark.parametrize("reflect", [True, False])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_float_convolution_is_conv_and_norm(reflect: bool, stride: int, dilation: int) -> None:
    pair = conv_and_norm(reflect, stride, dilation)
    x = picture(2, 10, 13, 17)
    compiled = Convolution(*made(pair), dtype=torch.float32)
    assert torch.allclose(compiled(x), pair(x), atol=1e-5)


def test_sum_comes_before_relu() -> None:
    pair = conv_and_norm()
    x, add = picture(1, 10, 9, 12), picture(1, 24, 9, 12, seed=2)
    compiled = Convolution(*made(pair, relu=True), dtype=torch.float32)
    assert torch.allclose(compiled(x, add), (pair(x) + add).relu(), atol=1e-5)


def test_bf16_stays_within_its_precision() -> None:
    pair = conv_and_norm()
    x = picture(1, 10, 9, 12)
    compiled = Convolution(*made(pair), dtype=torch.bfloat16)(x)
    assert compiled.dtype == torch.bfloat16
    assert (compiled.float() - pair(x)).std() < 0.01 * pair(x).std()


@pytest.mark.parametrize("reflect", [True, False])
@pytest.mark.parametrize("add_relu", [True, False])
@needs_int8
def test_int8_convolution_is_close(reflect: bool, add_relu: bool) -> None:
    pair = conv_and_norm(reflect, stride=2)
    x = picture(2, 10, 13, 17)
    exact = pair(x)
    add = picture(*exact.shape, seed=3) if add_relu else None
    compiled = Int8Convolution(*made(pair, relu=add_relu))(x, None if add is None else add.clone())
    wanted = exact if add is None else (exact + add).relu()
    assert (compiled - wanted).std() < 0.015 * exact.std()


@needs_int8
def test_padding_of_int8_is_zero_in_real_numbers() -> None:
    """With a range far from zero, code 0 is not the number 0."""
    pair = conv_and_norm(reflect=False)
    x = picture(1, 10, 7, 9) * 0.1 - 3
    compiled = Int8Convolution(*made(pair))(x)
    assert (compiled - pair(x)).std() < 0.015 * pair(x).std()


@needs_int8
def test_codes_span_what_all_maps_have_together() -> None:
    a, b = picture(1, 3, 5, 7), picture(1, 2, 5, 7, seed=4) * 10
    codes = quantise(a, b)
    assert codes[0].scale == codes[1].scale
    for real, code in zip((a, b), codes, strict=True):
        assert (code.real() - real).abs().max() <= code.scale * 0.51
        assert code.data.is_contiguous(memory_format=torch.channels_last)


@needs_int8
def test_a_constant_map_can_be_quantised() -> None:
    zero = quantise(torch.zeros(1, 2, 3, 4))[0]
    assert zero.real().abs().max() == 0


@pytest.mark.parametrize("reflect", [True, False])
def test_narrow_convolution_is_the_same_convolution(reflect: bool) -> None:
    torch.manual_seed(2)
    conv = nn.Conv2d(12, 3, 7, padding=3, padding_mode="reflect" if reflect else "zeros")
    how = Geometry((1, 1), (3, 3), (1, 1), reflect)
    weight, bias = fold(conv, None)
    assert NarrowConvolution.pays(weight, how, torch.float32)
    compiled = NarrowConvolution(weight, bias, how, relu=False, dtype=torch.float32)
    x = picture(2, 12, 11, 19)
    assert torch.allclose(compiled(x), conv(x), atol=1e-5)
    strided = Geometry((2, 2), (3, 3), (1, 1), True)
    assert not NarrowConvolution.pays(weight, strided, torch.float32)
    assert not NarrowConvolution.pays(weight[..., 2:5, 2:5], how, torch.bfloat16)
