"""One folded convolution in three precisions; all of them take and give channels-last maps.

What is quantised: weights by output channel, once; activations when they arrive, over the range of
the whole batch, so that no calibration photos are needed (but what pictures filled in one pass come
to depends a little on each other). Sums are kept in 32 bits.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lama.generator import channels_last


@dataclass(frozen=True)
class Geometry:
    """How a convolution moves over the map; `reflect` pads by mirroring instead of zeros."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    reflect: bool


PLAIN = Geometry((1, 1), (0, 0), (1, 1), reflect=False)


@dataclass(frozen=True)
class Codes:
    """An activation in 8 bits: real = (data - zero_point) * scale."""

    data: Tensor  # uint8 (B, C, H, W), channels last
    scale: float
    zero_point: int

    def real(self) -> Tensor:
        """The numbers that the codes stand for, in float32."""
        return (self.data.float() - self.zero_point) * self.scale


def fold(conv: nn.Conv2d | nn.ConvTranspose2d, bn: nn.BatchNorm2d | None) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the batch norm that follows it, in float64.

    Returns:
        Weight in the convolution's own layout, bias (C_out,).
    """
    weight = conv.weight.detach().double()
    bias = torch.zeros(conv.out_channels, dtype=torch.float64)
    if conv.bias is not None:
        bias = conv.bias.detach().double()
    if bn is None:
        return weight, bias
    scale, shift = affine(bn)
    transposed = isinstance(conv, nn.ConvTranspose2d)
    return weight * scale.view((1, -1, 1, 1) if transposed else (-1, 1, 1, 1)), bias * scale + shift


def affine(bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What batch norm does to a channel in evaluation mode: x * scale + shift, in float64."""
    assert bn.running_mean is not None
    assert bn.running_var is not None
    scale = torch.rsqrt(bn.running_var.double() + bn.eps) * bn.weight.detach().double()
    return scale, bn.bias.detach().double() - bn.running_mean.double() * scale


def quantise(*parts: Tensor) -> list[Codes]:
    """Maps (B, C_i, H, W), channels last, to 8 bits over the range they have together."""
    parts = tuple(x.float() for x in parts)
    ranges = [torch.aminmax(_flat(x)) for x in parts]
    low = min(0.0, *(r.min.item() for r in ranges))
    high = max(0.0, *(r.max.item() for r in ranges))
    scale = max((high - low) / 255, 1e-12)
    zero_point = min(255, max(0, round(-low / scale)))
    return [Codes(_codes(x, scale, zero_point), scale, zero_point) for x in parts]


def join_codes(parts: list[Codes]) -> Codes:
    """The channels of maps that were quantised together, as one map."""
    return replace(parts[0], data=torch.cat([part.data for part in parts], dim=1))


def _flat(x: Tensor) -> Tensor:
    """All numbers in the order of memory, where reductions are quick."""
    return x.reshape(-1) if x.is_contiguous() else x.permute(0, 2, 3, 1).reshape(-1)


def _codes(x: Tensor, scale: float, zero_point: int) -> Tensor:
    codes = torch.quantize_per_tensor(x, scale, zero_point, torch.quint8)
    # The same bytes as a plain tensor: `int_repr` would copy them, and slowly.
    plain = torch.empty(0, dtype=torch.uint8, device=x.device)
    return plain.set_(codes.untyped_storage(), 0, codes.shape, codes.stride())


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry | None = None,
    *,
    add: Tensor | None = None,
    relu: bool = False,
    groups: int = 1,
) -> Tensor:
    """A convolution, a sum and a ReLU in one pass over the map, by oneDNN where it can.

    `F.conv2d` leaves 1x1 convolutions to BLAS where there is one thread, and some BLAS libraries do
    not use the wide registers of other makers' CPUs.

    Args:
        x: (B, C_in, H, W), float.
        weight: as `F.conv2d` takes it, or as `pack` makes it.
        bias: (C_out,).
        geometry: by default stride 1, no padding; `reflect` is ignored.
        add: of the result's shape.
        relu: whether a ReLU follows the sum.
        groups: of channels.
    """
    geometry = geometry or PLAIN
    stride, padding, dilation = geometry.stride, geometry.padding, geometry.dilation
    unary: tuple[str, list[float], str] = ("relu" if relu else "none", [], "")
    if fused_works() and x.device.type == "cpu":
        moves = (padding, stride, dilation, groups)
        pointwise = torch.ops.mkldnn._convolution_pointwise
        if add is None:
            return pointwise(x, weight, bias, *moves, *unary)
        add = add.to(x.dtype).contiguous(memory_format=torch.channels_last)
        return pointwise.binary(x, add, weight, bias, *moves, "add", 1.0, *unary)
    y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    if add is not None:
        y += add
    return y.relu_() if relu else y


def pack(weight: Tensor, shape: tuple[int, ...], groups: int = 1) -> Tensor:
    """The weight of a 1x1 convolution (C_out, C_in / groups, 1, 1) as oneDNN lays it out.

    Args:
        weight: float32.
        shape: of maps that will come, (B, C_in, H, W); others can come, too.
        groups: of channels.
    """
    weight = weight.contiguous(memory_format=torch.channels_last)
    if not fused_works():
        return weight
    moves = (PLAIN.padding, PLAIN.stride, PLAIN.dilation)
    return torch.ops.mkldnn._reorder_convolution_weight(weight, *moves, groups, shape)


@functools.cache
def fused_works() -> bool:
    """Whether this torch and CPU have oneDNN's convolutions as `convolve` asks for them."""
    pointwise = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
    x, weight = torch.ones(1, 2, 3, 3), torch.ones(2, 2, 1, 1)
    moves = ((0, 0), (1, 1), (1, 1), 1)
    try:
        assert pointwise is not None
        y = pointwise.binary(x, -x, weight, None, *moves, "add", 1.0, "relu", [], "")
        torch.ops.mkldnn._reorder_convolution_weight(weight, *moves, (1, 2, 3, 3))
    except (AssertionError, RuntimeError, AttributeError, NotImplementedError):
        return False
    return bool((y == 1).all())


class Convolution(nn.Module):
    """Folded convolution in float32 or bfloat16, with an optional sum and ReLU after it.

    Args:
        weight: (C_out, C_in, k, k).
        bias: (C_out,).
        geometry: see `Geometry`.
        relu: whether a ReLU follows.
        dtype: of the arithmetic; maps of another type are converted.
    """

    weight: Tensor
    bias: Tensor

    def __init__(
        self, weight: Tensor, bias: Tensor, geometry: Geometry, relu: bool, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.geometry, self.relu, self.dtype = geometry, relu, dtype
        self.mirrors = geometry.reflect and any(geometry.padding)
        # What is left to do once the borders are mirrored.
        self.moves = replace(geometry, padding=(0, 0)) if self.mirrors else geometry
        self.register_buffer("weight", weight.to(dtype))
        self.register_buffer("bias", bias.to(dtype))
        channels_last(self)

    def forward(self, x: Tensor | Codes, add: Tensor | None = None) -> Tensor:
        """(B, C_in, H, W) to (B, C_out, H', W'), plus `add` of that shape, then the ReLU."""
        x = (x.real() if isinstance(x, Codes) else x).to(self.dtype)
        if self.mirrors:
            x = reflect(x, self.geometry.padding)
        return convolve(x, self.weight, self.bias, self.moves, add=add, relu=self.relu)


class Int8Convolution(nn.Module):
    """The same with 8-bit factors (oneDNN); maps arrive as float32 or as codes, leave as float32.

    Args: as `Convolution`.
    """

    scale: Tensor
    zero_point: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, geometry: Geometry, relu: bool) -> None:
        super().__init__()
        self.geometry, self.relu = geometry, relu
        scale = (weight.abs().amax((1, 2, 3)) / 127).clamp(min=1e-12)
        codes = (weight / scale.view(-1, 1, 1, 1)).round().clamp(-127, 127).to(torch.int8)
        scale = scale.float()
        padding = (0, 0) if geometry.reflect else geometry.padding
        packed = torch.ops.onednn.qconv_prepack(
            codes, scale, 1.0, 0, geometry.stride, padding, geometry.dilation, 1, None
        )
        self.padding = padding
        # A packed weight has no storage that could be copied or moved, so it is no buffer.
        self.packed = packed
        self.register_buffer("scale", scale)
        self.register_buffer("zero_point", torch.zeros(len(scale), dtype=torch.int8))
        self.register_buffer("bias", bias.float())

    def forward(self, x: Tensor | Codes, add: Tensor | None = None) -> Tensor:
        """See `Convolution.forward`; `add` may be overwritten."""
        geometry = self.geometry
        codes = x if isinstance(x, Codes) else quantise(x)[0]
        data = codes.data
        if geometry.reflect and any(geometry.padding):
            data = reflect(data, geometry.padding)
        factors = (
            data,
            codes.scale,
            codes.zero_point,
            self.packed,
            self.scale,
            self.zero_point,
        )
        moves = (self.bias, geometry.stride, self.padding, geometry.dilation, 1)
        kind = "relu" if self.relu else "none"
        pointwise = torch.ops.onednn.qconv2d_pointwise
        if add is None:
            return pointwise(*factors, *moves, 1.0, 0, torch.float32, kind, [], "")
        add = add.float().contiguous(memory_format=torch.channels_last)
        out = (torch.float32, 1.0, 0, "sum", 1.0, kind)
        return pointwise.binary(*factors, add, *moves, 1.0, 0, *out, [], "")


class NarrowConvolution(Convolution):
    """A kernel with few outputs, as the last layer has it, by rows of the kernel.

    Convolutions compute outputs 16 at a time, so that three of them waste most of the work. Here
    each row of the kernel is an output of its own, and the rows are added up afterwards.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, geometry: Geometry, relu: bool, dtype: torch.dtype
    ) -> None:
        super().__init__(weight, bias, geometry, relu, dtype)
        self.outputs, _, self.rows, _ = weight.shape
        by_row = weight.permute(0, 2, 1, 3).flatten(0, 1)[:, :, None].to(dtype)
        self.register_buffer("weight", by_row)
        channels_last(self)

    @staticmethod
    def pays(weight: Tensor, geometry: Geometry, dtype: torch.dtype) -> bool:
        """Whether it is quicker for this weight (C_out, C_in, k, k)."""
        plain = geometry.stride == geometry.dilation == (1, 1)
        least = 3 if dtype == torch.float32 else 5
        return plain and len(weight) < 8 and weight.shape[2] >= least

    def forward(self, x: Tensor | Codes, add: Tensor | None = None) -> Tensor:
        """See `Convolution.forward`."""
        x = (x.real() if isinstance(x, Codes) else x).to(self.dtype)
        rows, columns = self.geometry.padding
        if self.geometry.reflect:
            x = reflect(x, (rows, columns))
        else:
            x = F.pad(x, (columns, columns, rows, rows))
        parts = F.conv2d(x, self.weight).permute(0, 2, 3, 1)
        B, H, W, _ = parts.shape
        parts = parts.view(B, H, W, self.outputs, self.rows)
        height = H - self.rows + 1
        y = self.bias.expand(B, height, W, -1).clone()
        for row in range(self.rows):
            y += parts[:, row : row + height, :, :, row]
        y = y.permute(0, 3, 1, 2)
        if add is not None:
            y += add
        return y.relu_() if self.relu else y


def reflect(x: Tensor, padding: tuple[int, int]) -> Tensor:
    """Mirror the borders by `padding` (rows, columns), as channels-last as it came."""
    rows, columns = padding
    return F.pad(x, (columns, columns, rows, rows), mode="reflect")


@functools.cache
def int8_works() -> bool:
    """Whether this torch and CPU do 8-bit convolutions as `Int8Convolution` asks for them."""
    with warnings.catch_warnings():
        # Deprecated, but nothing else is as quick; torch is pinned to versions that have it.
        warnings.filterwarnings("ignore", message=".*quantize_per_tensor.*")
        source = torch.Generator().manual_seed(0)
        x = torch.rand((1, 16, 9, 9), generator=source).to(memory_format=torch.channels_last)
        weight = torch.randn((16, 16, 3, 3), generator=source).double()
        geometry = Geometry((1, 1), (1, 1), (1, 1), reflect=True)
        bias = torch.zeros(16, dtype=torch.float64)
        try:
            compiled = Int8Convolution(weight, bias, geometry, relu=False)
            found = compiled(x, torch.zeros(1, 16, 9, 9))
        except (RuntimeError, AttributeError, NotImplementedError):
            return False
    exact = Convolution(weight, bias, geometry, relu=False, dtype=torch.float32)(x)
    return bool((found - exact).std() < 0.02 * exact.std())
