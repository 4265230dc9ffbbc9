"""Whether a compiled form answers as the generator it was made from."""

from __future__ import annotations

import torch

from lama.generator import Generator

_SIDE = 128  # of the picture, where the network's padding allows it


@torch.inference_mode()
def agreement(generator: Generator, compiled: Generator) -> float:
    """Peak signal-to-noise ratio in dB of one answer against the other, in the hole.

    The picture is a smooth random one with edges, the hole its middle; both are always the same.
    """
    source = torch.Generator().manual_seed(0)
    side = max(_SIDE, generator.smallest + -generator.smallest % generator.multiple)
    image = torch.rand((1, 3, 8, 8), generator=source)
    image = torch.nn.functional.interpolate(image, size=(side, side), mode="bicubic").clamp(0, 1)
    image[..., : side // 3, :] = image[..., : side // 3, :].round()
    mask = torch.zeros(1, 1, side, side)
    mask[..., side // 4 : -side // 4, side // 4 : -side // 4] = 1
    image = image.contiguous(memory_format=torch.channels_last)
    difference = (generator(image, mask).float() - compiled(image, mask).float()) * mask
    error = difference.square().sum() / (3 * mask.sum())
    return -10 * float(torch.log10(error.clamp(min=1e-20)))
