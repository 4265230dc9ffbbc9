"""FFC layers and Fourier units in their quick form.

A layer's three spatial paths become two convolutions. The global path works on planar spectra (all
real parts, then all imaginary ones), and its 1x1 convolutions are matrix products that read one
layout and write the other, since changing the layout of a map costs as much as an FFT of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import torch
from torch import Tensor, nn

from lama.compiled.convolution import (
    Codes,
    Geometry,
    Int8Convolution,
    affine,
    fold,
    quantise,
)
from lama.ffc import FFCBatchNormAct, FourierUnit, Pair, SpectralTransform

Make = Callable[[Tensor, Tensor, Geometry, bool], nn.Module]
_POINT = Geometry((1, 1), (0, 0), (1, 1), reflect=False)


class GlobalPath(Protocol):
    """A spectral transform that adds itself to a map and applies the ReLU."""

    def __call__(self, x: Tensor, codes: Codes | None, add: Tensor) -> Tensor:
        """(B, C_in, H, W), and its codes where there are any, onto `add` (B, C_out, H, W)."""


class PlanarFourierUnit(nn.Module):
    """`FourierUnit` with its batch norm folded and its weight permuted to planar order."""

    def __init__(self, unit: FourierUnit, dtype: torch.dtype) -> None:
        super().__init__()
        scale, shift = affine(unit.bn)
        weight = unit.conv_layer.weight.detach().double()[:, :, 0, 0] * scale[:, None]
        weight = torch.cat([weight[0::2], weight[1::2]])
        weight = torch.cat([weight[:, 0::2], weight[:, 1::2]], dim=1)
        self.dtype = dtype
        self.register_buffer("weight", weight.to(dtype))
        self.register_buffer("bias", torch.cat([shift[0::2], shift[1::2]])[:, None].to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) float32, contiguous, to the same shape."""
        B, C, H, W = x.shape
        spectrum = torch.fft.rfft2(x, norm="ortho")
        planar = torch.cat([spectrum.real, spectrum.imag], dim=1).view(B, 2 * C, -1)
        weight = self.get_buffer("weight").expand(B, -1, -1)
        bias = self.get_buffer("bias").expand(B, -1, -1)
        y = torch.baddbmm(bias, weight, planar.to(self.dtype)).relu_().float()
        y = y.view(B, 2, -1, H, W // 2 + 1)
        # First the columns, then the rows: see `lama.ffc.from_spectrum`.
        columns = torch.fft.ifft(torch.complex(y[:, 0], y[:, 1]), dim=-2, norm="ortho")
        return torch.fft.irfft(columns, n=W, dim=-1, norm="ortho")


class FloatGlobalPath(nn.Module):
    """The spectral transform with float32 or bfloat16 matrix products.

    Args:
        transform: stride 1, no local Fourier unit.
        out_scale: (C_out,), the batch norm after the layer.
        dtype: of the products.
    """

    def __init__(self, transform: SpectralTransform, out_scale: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        reduce, bias = _reduction(transform)
        self.dtype = dtype
        self.unit = PlanarFourierUnit(transform.fu, dtype)
        self.register_buffer("reduce", reduce[:, :, 0, 0].to(dtype))
        self.register_buffer("bias", bias[:, None].to(dtype))
        expand = transform.conv2.weight.detach().double()[:, :, 0, 0] * out_scale[:, None]
        self.register_buffer("expand", expand.t().to(dtype).contiguous())

    def forward(self, x: Tensor, _codes: Codes | None, add: Tensor) -> Tensor:
        """See `GlobalPath`; `add` is overwritten."""
        B, C, H, W = x.shape
        pixels = x.to(self.dtype).permute(0, 2, 3, 1).reshape(B, H * W, C).transpose(1, 2)
        weight = self.get_buffer("reduce").expand(B, -1, -1)
        planes = torch.baddbmm(self.get_buffer("bias").expand(B, -1, -1), weight, pixels).relu_()
        planes = planes.float().view(B, -1, H, W)
        planes = self.unit(planes).add_(planes).to(self.dtype)
        onto = add.permute(0, 2, 3, 1).view(B, H * W, -1)
        sums = planes.view(B, -1, H * W).transpose(1, 2)
        onto.baddbmm_(sums, self.get_buffer("expand").expand(B, -1, -1))
        return add.relu_()


class Int8GlobalPath(nn.Module):
    """The spectral transform with 8-bit 1x1 convolutions; the spectrum itself stays in 32 bits.

    A spectrum spans too many orders of magnitude for one scale.

    Args: as `FloatGlobalPath`.
    """

    def __init__(self, transform: SpectralTransform, out_scale: Tensor) -> None:
        super().__init__()
        weight, bias = _reduction(transform)
        self.reduce = Int8Convolution(weight, bias, _POINT, relu=True)
        self.unit = PlanarFourierUnit(transform.fu, torch.float32)
        expand = transform.conv2.weight.detach().double() * out_scale.view(-1, 1, 1, 1)
        zeros = torch.zeros(len(expand), dtype=torch.float64)
        self.expand = Int8Convolution(expand, zeros, _POINT, relu=True)

    def forward(self, x: Tensor, codes: Codes | None, add: Tensor) -> Tensor:
        """See `GlobalPath`; `add` may be overwritten."""
        planes = to_planes(self.reduce(codes if codes is not None else x))
        planes = self.unit(planes).add_(planes)
        found = quantise(planes)[0]
        return self.expand(Codes(to_pixels(found.data), found.scale, found.zero_point), add)


class QuickFFC(nn.Module):
    """`FFCBatchNormAct`: at most two convolutions and the global path, ReLU included.

    Args:
        layer: what it stands for, in evaluation mode.
        make: makes a convolution of (weight, bias, geometry, relu).
        global_path: of the layer, or None.
        int8: whether maps are quantised once for all their convolutions.
    """

    def __init__(
        self, layer: FFCBatchNormAct, make: Make, global_path: nn.Module | None, int8: bool
    ) -> None:
        super().__init__()
        ffc = layer.ffc
        self.int8, self.global_path = int8, global_path
        self.to_local: nn.Module | None = None
        self.local_to_global: nn.Module | None = None
        # Convolutions of an own padding would mirror the same map twice.
        if ffc.convl2l is not None and layer.bn_l is not None:
            weight, bias = fold(ffc.convl2l, layer.bn_l)  # type: ignore[arg-type]
            if ffc.convg2l is not None:
                other, _ = fold(ffc.convg2l, layer.bn_l)  # type: ignore[arg-type]
                weight = torch.cat([weight, other], dim=1)
            self.to_local = make(weight, bias, geometry(ffc.convl2l), True)
        if ffc.convl2g is not None and layer.bn_g is not None:
            weight, bias = fold(ffc.convl2g, layer.bn_g)  # type: ignore[arg-type]
            how = geometry(ffc.convl2g)
            self.local_to_global = make(weight, bias, how, global_path is None)

    def forward(self, x: Tensor | Pair) -> Pair:
        """See `FFCBatchNormAct.forward`."""
        x_local, x_global = (x, None) if isinstance(x, Tensor) else x
        assert x_local is not None
        if self.int8:
            return self._int8(x_local, x_global)
        joined = x_local if x_global is None else torch.cat([x_local, x_global], dim=1)
        y_local = None if self.to_local is None else self.to_local(joined)
        y_global = None if self.local_to_global is None else self.local_to_global(x_local)
        if self.global_path is not None and x_global is not None:
            y_global = self.global_path(x_global, None, y_global)
        return y_local, y_global

    def _int8(self, x_local: Tensor, x_global: Tensor | None) -> Pair:
        of_global = None
        if x_global is None:
            (local,) = quantise(x_local)
            both = local
        else:
            local, of_global = quantise(x_local, x_global)
            data = torch.cat([local.data, of_global.data], dim=1)
            both = Codes(data, local.scale, local.zero_point)
        y_local = None if self.to_local is None else self.to_local(both)
        y_global = None if self.local_to_global is None else self.local_to_global(local)
        if self.global_path is not None and x_global is not None:
            y_global = self.global_path(x_global, of_global, y_global)
        return y_local, y_global


def geometry(conv: nn.Module) -> Geometry:
    """How a convolution module moves over its map."""
    assert isinstance(conv, nn.Conv2d)
    assert not isinstance(conv.padding, str)
    reflects = conv.padding_mode == "reflect"
    return Geometry(_two(conv.stride), _two(conv.padding), _two(conv.dilation), reflects)


def to_planes(x: Tensor) -> Tensor:
    """Channels-last (B, C, H, W) to contiguous, by OpenCV: five times as quick as torch."""
    B, C, H, W = x.shape
    out = torch.empty((B, C, H, W), dtype=x.dtype)
    pixels = x.permute(0, 2, 3, 1).reshape(B, H * W, C).numpy()
    for i in range(B):
        cv2.transpose(pixels[i], out[i].view(C, H * W).numpy())
    return out


def to_pixels(x: Tensor) -> Tensor:
    """Contiguous (B, C, H, W) to channels-last, by OpenCV."""
    B, C, H, W = x.shape
    out = torch.empty((B, H, W, C), dtype=x.dtype)
    planes = x.reshape(B, C, H * W).numpy()
    for i in range(B):
        cv2.transpose(planes[i], out[i].view(H * W, C).numpy())
    return out.permute(0, 3, 1, 2)


def _reduction(transform: SpectralTransform) -> tuple[Tensor, Tensor]:
    conv, bn = transform.conv1[0], transform.conv1[1]
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(bn, nn.BatchNorm2d)
    return fold(conv, bn)


def _two(value: tuple[int, ...]) -> tuple[int, int]:
    return value[0], value[1]
