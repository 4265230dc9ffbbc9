"""Classical fills to compare with: each takes uint8 (H, W, 3) and bool (H, W), returns uint8.

All work on the whole picture at its own size.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from importlib.metadata import version

import cv2
import numpy as np
from patchmatch_cython import inpaint_pyramid
from skimage.restoration import inpaint_biharmonic

import lama.components
import lama.exemplar
import lama.pullpush
from lama.arrays import to_tensor, to_uint8
from lama.exemplar import exemplar_fill
from lama.photo import Fill
from lama.pullpush import pull_push

RADIUS = 5  # pixels that OpenCV's two methods look around; 3 to 10 score alike


def telea(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fast marching (Telea 2004), OpenCV."""
    return cv2.inpaint(rgb, mask.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)


def navier_stokes(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fluid dynamics along isophotes (Bertalmio et al. 2001), OpenCV."""
    return cv2.inpaint(rgb, mask.astype(np.uint8), RADIUS, cv2.INPAINT_NS)


def biharmonic(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Smoothest surface through the hole's edge (Damelin and Hoang 2018), scikit-image."""
    filled = inpaint_biharmonic(rgb / 255, mask, split_into_regions=True, channel_axis=-1)
    return np.clip(filled * 255 + 0.5, 0, 255).astype(np.uint8)


def exemplar(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Patches of the rest of the picture (`lama.exemplar`), what lama-tiny may copy from."""
    return to_uint8(exemplar_fill(to_tensor(rgb), to_tensor(mask)))


def patchmatch(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """PatchMatch (Barnes et al. 2009) of the package patchmatch-cython, pictures coarse to fine.

    Patches of 7 pixels and three turns a size: the best of its settings on photos.
    """
    known = np.where(mask[..., None], 0, rgb)
    filled = inpaint_pyramid(known, mask, patch_size=7, em_loops=3, seed=0)
    return np.where(mask[..., None], np.clip(filled, 0, 255), rgb).astype(np.uint8)


def pyramid(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Pull-push pyramid, the smoothest first guess."""
    return to_uint8(pull_push(to_tensor(rgb), to_tensor(mask)))


FILLS: dict[str, Fill] = {
    "telea": telea,
    "navier-stokes": navier_stokes,
    "biharmonic": biharmonic,
    "patchmatch": patchmatch,
    "exemplar": exemplar,
    "pull-push": pyramid,
}


def check_fills(names: Sequence[str]) -> None:
    """ValueError unless every name is in `FILLS`."""
    unknown = [name for name in names if name not in FILLS]
    if unknown:
        raise ValueError(f"unknown fill {unknown[0]!r}; known are {', '.join(FILLS)}")


def fill_version(name: str) -> str:
    """What a fill's result depends on besides its input: changes when its code does."""
    if name in ("exemplar", "pull-push"):
        modules = (lama.exemplar, lama.components, lama.pullpush)
        source = "".join(inspect.getsource(module) for module in modules)
        return hashlib.sha256(source.encode()).hexdigest()
    package = {"patchmatch": "patchmatch-cython", "biharmonic": "scikit-image"}.get(name)
    used = f"{package} {version(package)}" if package else f"OpenCV {cv2.__version__} {RADIUS}"
    return f"{used} {inspect.getsource(FILLS[name])}"
