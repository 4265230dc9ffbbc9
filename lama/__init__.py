"""LaMa (arXiv 2109.07161): fill the holes of a photo with a fast Fourier convolution network.

    inpainter = lama.load("lama-tiny")
    result = inpainter(image, mask)

RGB, (H, W, 3) uint8 or PIL outside; a mask is (H, W), True or non-zero = hole.
Importing this package is cheap: torch is loaded when the first name is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lama.inference import Inpainter
    from lama.loading import load
    from lama.pausing import Cancelled
    from lama.registry import available

__all__ = ["Cancelled", "Inpainter", "available", "load"]

_HOME = {
    "Cancelled": "lama.pausing",
    "Inpainter": "lama.inference",
    "load": "lama.loading",
    "available": "lama.registry",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOME:
        raise AttributeError(f"module 'lama' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
