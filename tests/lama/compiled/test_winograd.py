"""Winograd's convolution against the ordinary one in 64 bits: sizes, padding, sums, accuracy."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lama.compiled.convolution import Geometry
from lama.compiled.winograd import WinogradConvolution, transforms

ZEROS = Geometry((1, 1), (1, 1), (1, 1), reflect=False)
REFLECT = Geometry((1, 1), (1, 1), (1, 1), reflect=True)


def numbers(*shape: int, seed: int) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=source)
    return x.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else x


def exact(x: Tensor, weight: Tensor, bias: Tensor, how: Geometry) -> Tensor:
    padded = F.pad(x.double(), (1, 1, 1, 1), mode="reflect" if how.reflect else "constant")
    return F.conv2d(padded, weight.double(), bias.double())


@pytest.mark.parametrize("how", [ZEROS, REFLECT])
@pytest.mark.parametrize("size", [(2, 2), (3, 9), (8, 8), (13, 6), (12, 31)])
@pytest.mark.parametrize("relu", [False, True])
def test_any_size_of_map(how: Geometry, size: tuple[int, int], relu: bool) -> None:
    x = numbers(2, 24, *size, seed=1)
    weight, bias = numbers(40, 24, 3, 3, seed=2) / 15, numbers(40, seed=3)
    compiled = WinogradConvolution(weight, bias, how, relu, torch.float32)(x)
    wanted = exact(x, weight, bias, how)
    assert (compiled - (wanted.relu() if relu else wanted)).abs().max() < 1e-5
    assert compiled.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("relu", [False, True])
def test_sum_comes_before_relu(relu: bool) -> None:
    x, add = numbers(1, 16, 11, 7, seed=1), numbers(1, 16, 11, 7, seed=4)
    weight, bias = numbers(16, 16, 3, 3, seed=2) / 12, numbers(16, seed=3)
    compiled = WinogradConvolution(weight, bias, REFLECT, relu, torch.float32)(x, add)
    wanted = exact(x, weight, bias, REFLECT) + add
    assert (compiled - (wanted.relu() if relu else wanted)).abs().max() < 1e-5


@pytest.mark.parametrize("how", [ZEROS, REFLECT])
def test_more_tiles_than_are_in_work_at_once(how: Geometry) -> None:
    x = numbers(2, 16, 45, 38, seed=1)
    weight, bias = numbers(16, 16, 3, 3, seed=2) / 12, numbers(16, seed=3)
    compiled = WinogradConvolution(weight, bias, how, False, torch.float32)
    assert (compiled(x) - exact(x, weight, bias, how)).abs().max() < 1e-5


def test_what_lies_beyond_the_map_does_not_come_in() -> None:
    """Memory is reused, and NaN times nought is NaN."""
    weight, bias = numbers(16, 16, 3, 3, seed=2), numbers(16, seed=3)
    compiled = WinogradConvolution(weight, bias, REFLECT, True, torch.float32)
    for _ in range(20):
        compiled(torch.full((1, 16, 13, 10), torch.nan))
        assert compiled(numbers(1, 16, 13, 10, seed=1)).isfinite().all()


def test_errors_stay_near_those_of_the_ordinary_convolution() -> None:
    x = numbers(1, 256, 32, 32, seed=1).relu()
    weight, bias = numbers(64, 256, 3, 3, seed=2) / 48, torch.zeros(64)
    wanted = exact(x, weight, bias, REFLECT)
    compiled = WinogradConvolution(weight, bias, REFLECT, False, torch.float32)(x)
    ordinary = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight)
    assert (compiled - wanted).std() < 5 * (ordinary - wanted).std()


def test_transforms_are_a_convolution() -> None:
    """A^T ((G g) * (B^T d)) is the sliding product of three taps with six numbers."""
    forth, kernel, back = transforms()
    d, g = numbers(6, seed=1).double(), numbers(3, seed=2).double()
    y = back @ ((kernel @ g) * (forth @ d))
    assert torch.allclose(y, torch.stack([g @ d[i : i + 3] for i in range(4)]))


def test_only_where_it_pays() -> None:
    wide, narrow = torch.zeros(128, 512, 3, 3), torch.zeros(96, 192, 3, 3)
    strided = Geometry((2, 2), (1, 1), (1, 1), reflect=True)
    assert WinogradConvolution.pays(wide, REFLECT, torch.float32)
    assert not WinogradConvolution.pays(narrow, REFLECT, torch.float32)
    assert not WinogradConvolution.pays(wide, strided, torch.float32)
    assert not WinogradConvolution.pays(wide, REFLECT, torch.bfloat16)
    assert not WinogradConvolution.pays(torch.zeros(128, 128, 1, 1), REFLECT, torch.float32)
