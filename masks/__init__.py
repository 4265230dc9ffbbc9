"""Where the holes come from: every mask strategy of the LaMa paper, seeded, at any size.

The convention: an image is uint8 (H, W, 3) in RGB; a mask is bool (H, W), True = hole, with at
least one hole pixel and one known pixel. Needs numpy and OpenCV, nothing else.

    import masks, numpy as np
    mask = masks.get("wide")(image, np.random.default_rng(0))
"""

from masks.base import (
    GeneratedMask,
    Image,
    Labels,
    Mask,
    Strategy,
    check_image,
    check_mask,
)
from masks.files import read_image
from masks.parameter import Parameter
from masks.presets import get, names, parameters, recipe
from masks.preview import overlay
from masks.scene import scene
from masks.seeding import generate
from masks.statistics import MaskStatistics, describe

__all__ = [
    "GeneratedMask",
    "Image",
    "Labels",
    "Mask",
    "MaskStatistics",
    "Parameter",
    "Strategy",
    "check_image",
    "check_mask",
    "describe",
    "generate",
    "get",
    "names",
    "overlay",
    "parameters",
    "read_image",
    "recipe",
    "scene",
]
