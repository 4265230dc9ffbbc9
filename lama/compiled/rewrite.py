"""From a generator to its compiled form: which modules are replaced by what."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from lama.compiled import cpu
from lama.compiled.blocks import CompiledBlock, CompiledUp, Doubling, Joining, Unshuffled
from lama.compiled.convolution import (
    Convolution,
    Geometry,
    Int8Convolution,
    NarrowConvolution,
    affine,
    fold,
)
from lama.compiled.fourier import CompiledFFC, FloatGlobalPath, Int8GlobalPath, Make, geometry_of
from lama.compiled.winograd import WinogradConvolution
from lama.ffc import FFCBatchNormAct, FFCResnetBlock, Pair, SpectralTransform
from lama.generator import Generator
from lama.unet import Detail, Up

# Fewer outputs are the picture itself, or what is added to it, and 8 bits would show there.
_LEAST_INT8_OUTPUTS = 8


def compile_generator(generator: Generator, precision: str) -> Generator:
    """Make the compiled form of a generator; the original stays as it is.

    Args:
        generator: in evaluation mode, on the CPU.
        precision: "fp32", "bf16" or "int8" (CPU only).

    Returns:
        Same class, same forward, other modules inside; for inference only.
    """
    # With int8, what 8 bits are too few for is in bf16, if the CPU has it.
    floats = {"bf16": torch.bfloat16, "int8": cpu.quickest_float()}
    dtype = floats.get(precision, torch.float32)

    def make(weight: Tensor, bias: Tensor, geometry: Geometry, relu: bool) -> nn.Module:
        if precision == "int8" and len(weight) >= _LEAST_INT8_OUTPUTS:
            return Int8Convolution(weight, bias, geometry, relu)
        kind = Convolution
        if NarrowConvolution.pays(weight, geometry, dtype):
            # The picture itself, or what is added to it: bf16 would show there as well.
            return NarrowConvolution(weight, bias, geometry, relu, torch.float32)
        if WinogradConvolution.pays(weight, geometry, dtype):
            kind = WinogradConvolution
        return kind(weight, bias, geometry, relu, dtype)

    def global_path(transform: SpectralTransform, scale: Tensor) -> nn.Module:
        if precision == "int8":
            return Int8GlobalPath(transform, scale, dtype)
        return FloatGlobalPath(transform, scale, dtype)

    with torch.no_grad():
        compiled = copy.deepcopy(generator)
        _Rewriter(make, global_path, precision == "int8").visit(compiled)
    return compiled.eval().requires_grad_(False)


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
            return self._convolution(child, relu=False)
        if isinstance(child, Up):
            return self._up(child)
        self.visit(child)
        if isinstance(child, Detail) and isinstance(child[0], Int8Convolution):
            return Joining(*child)
        return CompiledBlock(child) if isinstance(child, FFCResnetBlock) else child

    def _up(self, layer: Up) -> nn.Module:
        first, *convs = layer.convs
        assert isinstance(first, nn.ReLU)
        after = nn.Sequential(*convs)
        self.visit(after)
        reduce = self._convolution(layer.reduce, relu=False)
        return CompiledUp(reduce, self._convolution(layer.skip, relu=True), after)

    def _ffc(self, layer: FFCBatchNormAct) -> nn.Module:
        transform = layer.ffc.convg2g
        if transform is None:
            return CompiledFFC(layer, self.make, None, self.int8)
        plain = (
            isinstance(transform, SpectralTransform)
            and isinstance(transform.downsample, nn.Identity)
            and transform.lfu is None
            and layer.ffc.convl2g is not None
        )
        if not plain or layer.bn_g is None:
            return Kept(layer)
        scale, _ = affine(layer.bn_g)
        return CompiledFFC(layer, self.make, self.global_path(transform, scale), self.int8)

    def _fuse_runs(self, module: nn.Sequential) -> None:
        """A convolution and what belongs to it (`_run`) become one module, in the first place."""
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
        conv = next(m for m in run if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)))
        bn = next((m for m in run if isinstance(m, nn.BatchNorm2d)), None)
        relu = any(isinstance(m, nn.ReLU) for m in run)
        if isinstance(conv, nn.ConvTranspose2d):
            return Doubling(*fold(conv, bn), self.make, relu)
        geometry = geometry_of(conv)
        if isinstance(run[0], nn.ReflectionPad2d):
            mirrored = run[0].padding[0]
            geometry = replace(geometry, padding=(mirrored, mirrored), reflect=True)
        if isinstance(run[0], nn.PixelUnshuffle):
            return Unshuffled(*fold(conv, bn), geometry, self.make, relu)
        return self.make(*fold(conv, bn), geometry, relu)

    def _convolution(self, conv: nn.Conv2d, relu: bool) -> nn.Module:
        return self.make(*fold(conv, None), geometry_of(conv), relu)


class Kept(nn.Module):
    """A layer without a compiled form (local Fourier unit, all global), in float32 as it is."""

    def __init__(self, layer: FFCBatchNormAct) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor | Pair) -> Pair:
        """See `FFCBatchNormAct.forward`."""
        if isinstance(x, Tensor):
            return self.layer(x.float())
        local, far = (None if part is None else part.float() for part in x)
        return self.layer((local, far))


def _run(children: list[nn.Module]) -> int:
    """How many of the first modules are one convolution with what belongs to it; 0 = none.

    [ReflectionPad2d or PixelUnshuffle(2)] Conv2d [BatchNorm2d] [ReLU], or ConvTranspose2d
    [BatchNorm2d] [ReLU].
    """
    unshuffled = isinstance(children[0], nn.PixelUnshuffle) and children[0].downscale_factor == 2
    at = 1 if unshuffled or isinstance(children[0], nn.ReflectionPad2d) else 0
    if at >= len(children) or not _can_fold(children[at]):
        return 0
    if isinstance(children[at], nn.ConvTranspose2d) and at:
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
