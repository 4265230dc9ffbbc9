"""FFC layers and Fourier units in their compiled form.

A layer's three spatial paths become two convolutions. In the global path 1x1 convolutions have maps
and spectra pixel by pixel and FFTs plane by plane; OpenCV transposes them in between, complex
numbers as numbers of 64 bits, at a tenth of a product's time.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from lama.compiled.convolution import (
    PLAIN,
    Codes,
    Convolution,
    Geometry,
    Int8Convolution,
    fold,
    join_codes,
    quantise,
)
from lama.ffc import FFCBatchNormAct, FourierUnit, Pair, SpectralTransform

Make = Callable[[Tensor, Tensor, Geometry, bool], nn.Module]


class CompiledFourierUnit(nn.Module):
    """`FourierUnit` with its batch norm folded; spectra are multiplied pixel by pixel."""

    def __init__(self, unit: FourierUnit, dtype: torch.dtype) -> None:
        super().__init__()
        self.conv = Convolution(*fold(unit.conv_layer, unit.bn), PLAIN, relu=True, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) float32, contiguous, to the same shape."""
        W = x.shape[-1]
        pixels = to_pixels(torch.fft.rfft2(x, norm="ortho")).permute(0, 2, 3, 1)
        # A complex number is two neighbouring channels, as the weights have them.
        parts = torch.view_as_real(pixels).flatten(-2).permute(0, 3, 1, 2)
        parts = self.conv(parts).float().permute(0, 2, 3, 1).unflatten(-1, (-1, 2))
        y = to_planes(torch.view_as_complex(parts).permute(0, 3, 1, 2))
        # First the columns, then the rows: see `lama.ffc.from_spectrum`.
        columns = torch.fft.ifft(y, dim=-2, norm="ortho")
        return torch.fft.irfft(columns, n=W, dim=-1, norm="ortho")


class FloatGlobalPath(nn.Module):
    """The spectral transform in float32 or bfloat16; the spectrum itself stays in 32 bits.

    Args:
        transform: stride 1, no local Fourier unit.
        out_scale: (C_out,), the batch norm after the layer.
        dtype: of the products.
    """

    def __init__(self, transform: SpectralTransform, out_scale: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.reduce = Convolution(*_reduction(transform), PLAIN, relu=True, dtype=dtype)
        self.unit = CompiledFourierUnit(transform.fu, dtype)
        self.expand = Convolution(*_expansion(transform, out_scale), PLAIN, relu=True, dtype=dtype)

    def forward(self, x: Tensor, _codes: Codes | None, add: Tensor) -> Tensor:
        """Add the path's answer to a map, and apply the ReLU.

        Args:
            x: (B, C_in, H, W).
            _codes: the same in 8 bits, which this form does not look at.
            add: (B, C_out, H, W).
        """
        reduced = self.reduce(x)
        found = to_pixels(self.unit(to_planes(reduced.float())))
        return self.expand(found.add_(reduced), add)


class Int8GlobalPath(nn.Module):
    """The spectral transform with 8-bit 1x1 convolutions; the spectrum itself stays in 32 bits.

    A spectrum spans too many orders of magnitude for one scale.

    Args: as `FloatGlobalPath`; `dtype` is that of the product with the spectrum.
    """

    def __init__(self, transform: SpectralTransform, out_scale: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.reduce = Int8Convolution(*_reduction(transform), PLAIN, relu=True)
        self.unit = CompiledFourierUnit(transform.fu, dtype)
        self.expand = Int8Convolution(*_expansion(transform, out_scale), PLAIN, relu=True)

    def forward(self, x: Tensor, codes: Codes | None, add: Tensor) -> Tensor:
        """See `FloatGlobalPath.forward`; looks at `codes` if there are any, may overwrite `add`."""
        planes = to_planes(self.reduce(codes if codes is not None else x))
        planes = self.unit(planes).add_(planes)
        found = quantise(planes)[0]
        return self.expand(Codes(to_pixels(found.data), found.scale, found.zero_point), add)


class CompiledFFC(nn.Module):
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
        # A convolution each would mirror the same map twice.
        if ffc.convl2l is not None and layer.bn_l is not None:
            weight, bias = fold(ffc.convl2l, layer.bn_l)  # type: ignore[arg-type]
            if ffc.convg2l is not None:
                other, _ = fold(ffc.convg2l, layer.bn_l)  # type: ignore[arg-type]
                weight = torch.cat([weight, other], dim=1)
            self.to_local = make(weight, bias, geometry_of(ffc.convl2l), True)
        if ffc.convl2g is not None and layer.bn_g is not None:
            weight, bias = fold(ffc.convl2g, layer.bn_g)  # type: ignore[arg-type]
            relu = global_path is None  # which applies it otherwise
            self.local_to_global = make(weight, bias, geometry_of(ffc.convl2g), relu)

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
            both = join_codes([local, of_global])
        y_local = None if self.to_local is None else self.to_local(both)
        y_global = None if self.local_to_global is None else self.local_to_global(local)
        if self.global_path is not None and x_global is not None:
            y_global = self.global_path(x_global, of_global, y_global)
        return y_local, y_global


def geometry_of(conv: nn.Module) -> Geometry:
    """How a convolution module moves over its map."""
    assert isinstance(conv, nn.Conv2d)
    assert not isinstance(conv.padding, str)
    reflects = conv.padding_mode == "reflect"
    return Geometry(_two(conv.stride), _two(conv.padding), _two(conv.dilation), reflects)


def to_planes(x: Tensor) -> Tensor:
    """Channels-last (B, C, H, W), real or complex, to contiguous, quicker than torch does it."""
    B, C, H, W = x.shape
    out = torch.empty((B, C, H, W), dtype=x.dtype)
    pixels = x.permute(0, 2, 3, 1).reshape(B, H * W, C)
    for i in range(B):
        cv2.transpose(_numbers(pixels[i]), _numbers(out[i].view(C, H * W)))
    return out


def to_pixels(x: Tensor) -> Tensor:
    """Contiguous (B, C, H, W), real or complex, to channels-last."""
    B, C, H, W = x.shape
    out = torch.empty((B, H, W, C), dtype=x.dtype)
    planes = x.reshape(B, C, H * W)
    for i in range(B):
        cv2.transpose(_numbers(planes[i]), _numbers(out[i].view(H * W, C)))
    return out.permute(0, 3, 1, 2)


def _numbers(x: Tensor) -> np.ndarray:
    """As OpenCV can move it: it knows no complex numbers, but numbers of the same size."""
    numbers = x.numpy()
    return numbers.view(np.float64) if x.is_complex() else numbers


def _reduction(transform: SpectralTransform) -> tuple[Tensor, Tensor]:
    conv, bn = transform.conv1[0], transform.conv1[1]
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(bn, nn.BatchNorm2d)
    return fold(conv, bn)


def _expansion(transform: SpectralTransform, out_scale: Tensor) -> tuple[Tensor, Tensor]:
    weight = transform.conv2.weight.detach().double() * out_scale.view(-1, 1, 1, 1)
    return weight, torch.zeros(len(weight), dtype=torch.float64)


def _two(value: tuple[int, ...]) -> tuple[int, int]:
    return value[0], value[1]
