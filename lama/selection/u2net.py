"""U2-Net-p, a network of 1.1 million parameters that tells an object from what is around it.

Qin et al., "U2-Net: Going deeper with nested U-structure for salient object detection", 2020,
section 3; the small variant, batch norms folded into the convolutions. The stem takes as many
channels as wanted: clicks and a box come as channels of their own.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# (levels, channels in) of the eleven stages; levels 0 = dilated convolutions instead of pooling.
_ENCODER = ((7, None), (6, 64), (5, 64), (4, 64), (0, 64), (0, 64))
_DECODER = ((0, 128), (4, 128), (5, 128), (6, 128), (7, 128))
_MIDDLE, _OUT = 16, 64


class U2NetP(nn.Module):
    """Objects in pictures (B, inputs, H, W) of any H and W; colours as ImageNet networks take them.

    Parameters lie in the order of the forward pass: `from_arrays` fills them.

    Args:
        inputs: channels of the input.
    """

    def __init__(self, inputs: int = 3) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            _stage(levels, channels or inputs) for levels, channels in _ENCODER
        )
        self.decoder = nn.ModuleList(_stage(levels, inputs) for levels, inputs in _DECODER)
        self.sides = nn.ModuleList(nn.Conv2d(_OUT, 1, 3, padding=1) for _ in range(6))
        self.fuse = nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 1, H, W): above 0 where the object is."""
        size = x.shape[-2:]
        kept: list[Tensor] = []
        for stage in self.encoder:
            x = stage(x if not kept else _half(x))
            kept.append(x)
        maps = [kept.pop()]
        for stage in self.decoder:
            other = kept.pop()
            maps.append(stage(torch.cat([_as_large(maps[-1], other), other], 1)))
        # The sides were numbered from the finest map to the coarsest.
        sides = [side(x) for side, x in zip(self.sides, reversed(maps), strict=True)]
        return self.fuse(torch.cat([_resized(x, size) for x in sides], 1))

    @torch.no_grad()
    def from_arrays(self, arrays: Sequence[Tensor]) -> None:
        """Take all weights and biases from tensors in the order of the forward pass.

        Raises:
            ValueError: their number or shapes are not those of this network.
        """
        own = list(self.parameters())
        if [tuple(p.shape) for p in own] != [tuple(a.shape) for a in arrays]:
            raise ValueError("these are not the weights of a U2-Net-p")
        for parameter, array in zip(own, arrays, strict=True):
            parameter.copy_(array)


class _Pooled(nn.Module):
    """A residual U-block of several levels (paper, figure 2 e)."""

    def __init__(self, levels: int, inputs: int) -> None:
        super().__init__()
        self.enter = _conv(inputs, _OUT)
        self.down = nn.ModuleList(
            _conv(_OUT if level == 0 else _MIDDLE, _MIDDLE) for level in range(levels - 1)
        )
        self.bottom = _conv(_MIDDLE, _MIDDLE, 2)
        self.up = nn.ModuleList(
            _conv(2 * _MIDDLE, _OUT if level == levels - 2 else _MIDDLE)
            for level in range(levels - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = entered = self.enter(x)
        kept: list[Tensor] = []
        for conv in self.down:
            x = conv(x if not kept else _half(x))
            kept.append(x)
        x = self.bottom(x)
        for conv in self.up:
            other = kept.pop()
            x = conv(torch.cat([_as_large(x, other), other], 1))
        return x + entered


class _Dilated(nn.Module):
    """The same at one resolution, with dilation in place of pooling (section 3.1, RSU-4F)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.enter = _conv(inputs, _OUT)
        self.down = nn.ModuleList(
            _conv(_OUT if k == 0 else _MIDDLE, _MIDDLE, 2**k) for k in range(3)
        )
        self.bottom = _conv(_MIDDLE, _MIDDLE, 8)
        self.up = nn.ModuleList(
            _conv(2 * _MIDDLE, _OUT if k == 2 else _MIDDLE, 4 >> k) for k in range(3)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = entered = self.enter(x)
        kept: list[Tensor] = []
        for conv in self.down:
            x = conv(x)
            kept.append(x)
        x = self.bottom(x)
        for conv in self.up:
            x = conv(torch.cat([x, kept.pop()], 1))
        return x + entered


def _stage(levels: int, inputs: int) -> nn.Module:
    return _Pooled(levels, inputs) if levels else _Dilated(inputs)


def _conv(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
    return nn.Sequential(conv, nn.ReLU(inplace=True))


def _half(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2, ceil_mode=True)


def _as_large(x: Tensor, other: Tensor) -> Tensor:
    return _resized(x, other.shape[-2:])


def _resized(x: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
