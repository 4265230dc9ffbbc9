"""How far a filled picture is from the photo: numbers a person can compare with the paper's.

Each metric takes float (B, 3, H, W) pictures in [0, 1], the fill blended into the photo; the photo
(B or 1, 3, H, W); and the mask (B or 1, 1, H, W) with 1 = hole. It returns one number a fill. One
photo with many fills is the quick way: its own features are computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from lama.training.perceptual import LPIPS

Metric = Callable[[Tensor, Tensor, Tensor], Tensor]


def masked_l1(fill: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """(B,) mean absolute difference in the hole, 0 to 1."""
    difference = ((fill - photo).abs() * mask).sum((1, 2, 3))
    return difference / (mask.sum((1, 2, 3)) * photo.shape[1])


def psnr(fill: Tensor, photo: Tensor, _mask: Tensor) -> Tensor:
    """(B,) peak signal-to-noise ratio of the whole picture in dB."""
    error = (fill - photo).square().mean((1, 2, 3))
    return -10 * torch.log10(error.clamp(min=1e-10))


def ssim(fill: Tensor, photo: Tensor, _mask: Tensor) -> Tensor:
    """(B,) structural similarity, 11 x 11 Gaussian with sigma 1.5, per channel on [0, 1]."""
    value = structural_similarity_index_measure(
        fill, photo.expand_as(fill), sigma=1.5, kernel_size=11, data_range=1.0, reduction="none"
    )
    assert isinstance(value, Tensor)
    return value


def lpips(net: str) -> Metric:
    """LPIPS v0.1 on "alex" or "vgg", whole picture; the published evaluation took VGG."""
    form = torch.channels_last
    network = LPIPS(net)
    network.to(memory_format=form)  # type: ignore[call-overload]

    def measure(fill: Tensor, photo: Tensor, _mask: Tensor) -> Tensor:
        with torch.inference_mode():
            return network(*(t.contiguous(memory_format=form) for t in (fill, photo)))

    return measure


def check_metrics(names: Sequence[str]) -> None:
    """ValueError unless every name is in `LOWER_IS_BETTER`."""
    unknown = [name for name in names if name not in LOWER_IS_BETTER]
    if unknown:
        raise ValueError(f"unknown metric {unknown[0]!r}; known are {', '.join(LOWER_IS_BETTER)}")


def metrics(names: Sequence[str]) -> dict[str, Metric]:
    """Metrics of single pictures by name; ValueError lists the known ones.

    The kernel distance compares sets: see `lama.training.kernel_distance`.
    """
    check_metrics(names)
    known: dict[str, Callable[[], Metric]] = {
        "l1": lambda: masked_l1,
        "psnr": lambda: psnr,
        "ssim": lambda: ssim,
        "lpips-alex": lambda: lpips("alex"),
        "lpips-vgg": lambda: lpips("vgg"),
    }
    return {name: known[name]() for name in names if name in known}


LOWER_IS_BETTER = {
    "l1": True,
    "psnr": False,
    "ssim": False,
    "lpips-alex": True,
    "lpips-vgg": True,
    "kid-efficientnet-lite0": True,
    "kid-vgg16": True,
}
PREFERRED = ("lpips-alex", "lpips-vgg", "l1")  # where one number must do: nearest to the eye
VERSION = "1"  # of the definitions above: numbers that were kept under another are not used
