"""Compiled forms of what lies between convolutions: shortcuts, upsampling, pixels to channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lama.compiled.convolution import Codes, Geometry, join_codes, quantise
from lama.compiled.fourier import Make
from lama.ffc import FFCResnetBlock, Pair


class CompiledBlock(FFCResnetBlock):
    """A block whose sums reuse the memory of its layers' answers.

    Args:
        block: its layers are compiled forms already.
    """

    def __init__(self, block: FFCResnetBlock) -> None:
        nn.Module.__init__(self)
        self.conv1, self.conv2 = block.conv1, block.conv2

    def forward(self, pair: Pair) -> Pair:
        """See `FFCResnetBlock.forward`."""
        y_local, y_global = self.conv2(self.conv1(pair))
        return _onto(y_local, pair[0]), _onto(y_global, pair[1])


class CompiledUp(nn.Module):
    """`lama.unet.Up`: the sum with the skip, and the ReLU after it, are part of a convolution.

    Args:
        reduce: compiled form of the layer's part of that name.
        skip: the same, with a ReLU.
        convs: the same, without the ReLU that it starts with.
    """

    def __init__(self, reduce: nn.Module, skip: nn.Module, convs: nn.Sequential) -> None:
        super().__init__()
        self.reduce, self.skip, self.convs = reduce, skip, convs

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """See `lama.unet.Up.forward`."""
        up = F.interpolate(self.reduce(x), scale_factor=2, mode="nearest")
        return self.convs(self.skip(skip, up))


class Unshuffled(nn.Module):
    """`PixelUnshuffle(2)` and a convolution, with its inputs in an order that moves in blocks.

    Args:
        weight: (C_out, 4 C, k, k) of the convolution, as `PixelUnshuffle` gives its inputs.
        bias: (C_out,).
        geometry: of the convolution.
        make: makes a convolution.
        relu: whether a ReLU follows.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, geometry: Geometry, make: Make, relu: bool
    ) -> None:
        super().__init__()
        order = torch.arange(weight.shape[1]).view(-1, 4).t().flatten()
        self.conv = make(weight[:, order], bias, geometry, relu)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), channels last, H and W even, to (B, C_out, H / 2, W / 2)."""
        B, C, H, W = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(B, H // 2, 2, W // 2, 2 * C)
        cells = torch.cat([rows[:, :, 0], rows[:, :, 1]], dim=-1)
        return self.conv(cells.permute(0, 3, 1, 2))


class Joining(nn.Sequential):
    """`lama.unet.Detail` for 8 bits: maps are joined as codes, a quarter of the bytes."""

    def forward(self, *maps: Tensor) -> Tensor:
        """See `lama.unet.Detail.forward`."""
        codes = quantise(*(x.float().contiguous(memory_format=torch.channels_last) for x in maps))
        return super().forward(join_codes(codes))


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
        geometry = Geometry((1, 1), (0, 0), (1, 1), reflect=False)
        self.conv = make(flat.flatten(0, 2), bias.repeat(4), geometry, relu)
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


def _onto(y: Tensor | None, x: Tensor | None) -> Tensor | None:
    """The sum, in the first one's memory."""
    if x is None or y is None:
        return x if y is None else y
    return y.add_(x)
