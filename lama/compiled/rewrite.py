"""From a generator to its quick form: which modules are replaced by what."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lama.compiled.convolution import (
    Codes,
    Convolution,
    Geometry,
    Int8Convolution,
    NarrowConvolution,
    affine,
    fold,
    quantise,
)
from lama.compiled.fourier import FloatGlobalPath, Int8GlobalPath, Make, QuickFFC, geometry
from lama.compiled.winograd import WinogradConvolution
from lama.ffc import FFCBatchNormAct, Pair, SpectralTransform
from lama.generator import Generator

# Convolutions with fewer outputs give the picture itself, and 8 bits would show there.
_LEAST_INT8_OUTPUTS = 8


def compile_generator(generator: Generator, precision: str) -> Generator:
    """Make the quick form of a generator; the original stays as it is.

    Args:
        generator: in evaluation mode, on the device where the quick form shall run.
        precision: "fp32", "bf16" or "int8" (CPU only).

    Returns:
        Same class, same forward, other modules inside; for inference only.
    """
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32

    def make(weight: Tensor, bias: Tensor, how: Geometry, relu: bool) -> nn.Module:
        if precision == "int8" and len(weight) >= _LEAST_INT8_OUTPUTS:
            return Int8Convolution(weight, bias, how, relu)
        kind = Convolution
        if NarrowConvolution.pays(weight, how):
            kind = NarrowConvolution
        elif WinogradConvolution.pays(weight, how, dtype):
            kind = WinogradConvolution
        return kind(weight, bias, how, relu, dtype)

    def global_path(transform: SpectralTransform, scale: Tensor) -> nn.Module:
        if precision == "int8":
            return Int8GlobalPath(transform, scale)
        return FloatGlobalPath(transform, scale, dtype)

    with torch.no_grad():
        quick = copy.deepcopy(generator)
        _Rewriter(make, global_path, precision == "int8").visit(quick)
    return quick.eval().requires_grad_(False)


class _Rewriter:
    def __init__(
        self, make: Make, global_path: Callable[[SpectralTransform, Tensor], nn.Module], int8: bool
    ) -> None:
        self.make, self.global_path, self.int8 = make, global_path, int8

    def visit(self, module: nn.Module) -> None:
        if isinstance(module, nn.Sequential):
            self._fuse_runs(module)
        for name, child in list(module.named_children()):
            setattr(module, name, self._replacement(child))

    def _replacement(self, child: nn.Module) -> nn.Module:
        if isinstance(child, FFCBatchNormAct):
            return self._ffc(child)
        if isinstance(child, nn.Conv2d):
            return self._convolution(child, None, False)
        self.visit(child)
        return child

    def _ffc(self, layer: FFCBatchNormAct) -> nn.Module:
        transform = layer.ffc.convg2g
        if transform is None:
            return QuickFFC(layer, self.make, None, self.int8)
        plain = (
            isinstance(transform, SpectralTransform)
            and isinstance(transform.downsample, nn.Identity)
            and transform.lfu is None
            and layer.ffc.convl2g is not None
        )
        if not plain or layer.bn_g is None:
            return Kept(layer)
        scale, _ = affine(layer.bn_g)
        return QuickFFC(layer, self.make, self.global_path(transform, scale), self.int8)

    def _fuse_runs(self, module: nn.Sequential) -> None:
        """[ReflectionPad2d] Conv2d [BatchNorm2d] [ReLU] becomes one module, in the first place."""
        children = list(module)
        i = 0
        while i < len(children):
            run = _run(children[i:])
            if run:
                fused = self._fused(children[i : i + run])
                children[i : i + run] = [fused] + [nn.Identity()] * (run - 1)
            i += max(1, run)
        for doubling, after in pairwise(m for m in children if not isinstance(m, nn.Identity)):
            if isinstance(doubling, Doubling):
                doubling.gives_codes = isinstance(after, Int8Convolution) or (
                    isinstance(after, Doubling) and isinstance(after.conv, Int8Convolution)
                )
        for name, child in zip(list(module._modules), children, strict=True):
            module._modules[name] = child

    def _fused(self, run: list[nn.Module]) -> nn.Module:
        pad = run[0] if isinstance(run[0], nn.ReflectionPad2d) else None
        conv = run[1] if pad is not None else run[0]
        bn = next((m for m in run if isinstance(m, nn.BatchNorm2d)), None)
        relu = isinstance(run[-1], nn.ReLU)
        if isinstance(conv, nn.ConvTranspose2d):
            return Doubling(*fold(conv, bn), self.make, relu)
        assert isinstance(conv, nn.Conv2d)
        return self._convolution(conv, bn, relu, None if pad is None else pad.padding[0])

    def _convolution(
        self,
        conv: nn.Conv2d,
        bn: nn.BatchNorm2d | None,
        relu: bool,
        mirrored: int | None = None,
    ) -> nn.Module:
        how = geometry(conv)
        if mirrored is not None:
            how = Geometry(how.stride, (mirrored, mirrored), how.dilation, reflect=True)
        return self.make(*fold(conv, bn), how, relu)


class Kept(nn.Module):
    """A layer that has no quick form (it has a local Fourier unit), in float32 as it is."""

    def __init__(self, layer: FFCBatchNormAct) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor | Pair) -> Pair:
        """See `FFCBatchNormAct.forward`."""
        if isinstance(x, Tensor):
            return self.layer(x.float())
        local, far = (None if part is None else part.float() for part in x)
        return self.layer((local, far))


class Doubling(nn.Module):
    """ConvTranspose2d(3, stride 2, padding 1, output_padding 1) as one 2x2 convolution.

    Each output pixel of a 2x2 cell sees up to 2x2 inputs; the four of them are four groups of
    output channels of an ordinary convolution, laid out afterwards.

    Args:
        weight: (C_in, C_out, 3, 3) as ConvTranspose2d has it, folded.
        bias: (C_out,).
        make: makes a convolution.
        relu: whether a ReLU follows.
    """

    def __init__(self, weight: Tensor, bias: Tensor, make: Make, relu: bool) -> None:
        super().__init__()
        flat = weight.new_zeros(2, 2, weight.shape[1], weight.shape[0], 2, 2)
        # Which tap of the kernel joins output row (or column) 2i + d to input i + e.
        taps = {(0, 0): 1, (1, 0): 2, (1, 1): 0}
        for (dy, ey), ky in taps.items():
            for (dx, ex), kx in taps.items():
                flat[dy, dx, :, :, ey, ex] = weight[:, :, ky, kx].t()
        how = Geometry((1, 1), (0, 0), (1, 1), reflect=False)
        self.conv = make(flat.flatten(0, 2), bias.repeat(4), how, relu)
        self.gives_codes = False  # laying out bytes is quicker than laying out floats

    def forward(self, x: Tensor | Codes) -> Tensor | Codes:
        """(B, C_in, H, W) to (B, C_out, 2H, 2W), channels last."""
        if isinstance(x, Codes):
            data = F.pad(x.data, (0, 1, 0, 1), value=x.zero_point)
            y = self.conv(Codes(data, x.scale, x.zero_point))
        else:
            y = self.conv(F.pad(x, (0, 1, 0, 1)))
        if not self.gives_codes:
            return _lay_out(y)
        codes = quantise(y)[0]
        return Codes(_lay_out(codes.data), codes.scale, codes.zero_point)


def _lay_out(y: Tensor) -> Tensor:
    """Four groups of channels (B, 4C, H, W) to the cells of (B, C, 2H, 2W)."""
    B, C, H, W = y.shape
    out = torch.empty((B, H, 2, W, C // 2), dtype=y.dtype)
    rows = y.permute(0, 2, 3, 1).view(B, H, W, 2, C // 2)
    for dy in range(2):
        out[:, :, dy] = rows[..., dy, :]
    return out.view(B, 2 * H, 2 * W, C // 4).permute(0, 3, 1, 2)


def _run(children: list[nn.Module]) -> int:
    """How many of the first modules are one convolution with what belongs to it; 0 = none."""
    at = 1 if isinstance(children[0], nn.ReflectionPad2d) else 0
    if at >= len(children) or not _can_fold(children[at]):
        return 0
    at += 1
    for kind in (nn.BatchNorm2d, nn.ReLU):
        if at < len(children) and isinstance(children[at], kind):
            at += 1
    return at


def _can_fold(module: nn.Module) -> bool:
    if isinstance(module, nn.ConvTranspose2d):
        shape = (module.kernel_size, module.stride, module.padding, module.output_padding)
        return shape == ((3, 3), (2, 2), (1, 1), (1, 1)) and module.groups == 1
    return (
        isinstance(module, nn.Conv2d)
        and module.groups == 1
        and module.padding_mode in ("zeros", "reflect")
    )
