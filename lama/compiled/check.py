"""Whether a compiled form answers as the generator it was made from."""

from __future__ import annotations

import torch

from lama.generator import Generator

_SIDE = 128  # of the picture, where the network's padding allows it
# Standard deviation of an answer within the hole. The shipped weights' is 0.13; one that hardly
# varies would agree with anything, so that its errors count for as much more as it varies less.
_USUAL_SPREAD = 0.1
_MOST_MORE = 100  # times: what varies by less than a step of 8 bits is even


@torch.inference_mode()
def agreement(generator: Generator, compiled: Generator) -> float:
    """Peak signal-to-noise ratio in dB of one answer against the other, in the hole.

    Errors of an answer that varies less than a photo does are scaled up to what a photo varies.

    The picture is a smooth random one with edges, the hole its middle; both are always the same.
    """
    source = torch.Generator().manual_seed(0)
    side = max(_SIDE, generator.smallest + -generator.smallest % generator.multiple)
    image = torch.rand((1, 3, 8, 8), generator=source)
    image = torch.nn.functional.interpolate(image, size=(side, side), mode="bicubic").clamp(0, 1)
    image[..., : side // 3, :] = image[..., : side // 3, :].round()
    mask = torch.zeros(1, 1, side, side)
    hole = (..., slice(side // 4, -side // 4), slice(side // 4, -side // 4))
    mask[hole] = 1
    image = image.contiguous(memory_format=torch.channels_last)
    wanted, found = (network(image, mask).float()[hole] for network in (generator, compiled))
    spread = wanted.var((-2, -1)).mean().sqrt()
    error = (wanted - found).square().mean() * (_USUAL_SPREAD / spread).clamp(1, _MOST_MORE) ** 2
    return -10 * float(torch.log10(error.clamp(min=1e-20)))
