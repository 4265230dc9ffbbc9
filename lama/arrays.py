"""Pictures and masks at the door: checked, and turned into tensors and back."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def as_mask(mask: np.ndarray | Image.Image) -> np.ndarray:
    """Any mask as bool (H, W); non-zero = hole."""
    if isinstance(mask, Image.Image):
        mask = np.asarray(mask.convert("L"))
    if not isinstance(mask, np.ndarray) or mask.ndim != 2 or mask.dtype.kind not in "bui":
        shape = getattr(mask, "shape", type(mask).__name__)
        raise ValueError(f"a mask is a bool or integer array (H, W) or a PIL image, got {shape}")
    return mask != 0


def check_pair(rgb: np.ndarray, mask: np.ndarray) -> None:
    """ValueError unless rgb is uint8 (H, W, 3) and mask bool (H, W) with hole and known pixels."""
    if (
        not isinstance(rgb, np.ndarray)
        or rgb.dtype != np.uint8
        or rgb.ndim != 3
        or rgb.shape[2] != 3
    ):
        got = f"{rgb.dtype} {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise ValueError(f"a picture is uint8 (H, W, 3) in RGB, got {got}")
    if mask.dtype != bool or mask.shape != rgb.shape[:2]:
        raise ValueError(
            f"the mask must be bool of the picture's size {rgb.shape[:2]}, "
            f"got {mask.dtype} {mask.shape}"
        )
    if not mask.any():
        raise ValueError("the mask has no hole: paint over what should go")
    if mask.all():
        raise ValueError("the mask covers the whole picture: leave something to fill it from")


def to_tensor(array: np.ndarray) -> Tensor:
    """uint8 (H, W, 3) or bool (H, W) to float (1, C, H, W) in [0, 1]."""
    if array.dtype == bool:
        return torch.from_numpy(array[None, None].astype(np.float32))
    return torch.from_numpy(array.transpose(2, 0, 1)[None].astype(np.float32) / 255)


def to_uint8(tensor: Tensor) -> np.ndarray:
    """Float (1, 3, H, W) in [0, 1] to uint8 (H, W, 3), rounded."""
    return (tensor[0].permute(1, 2, 0) * 255).round().clamp(0, 255).to(torch.uint8).numpy()
