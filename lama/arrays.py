"""Pictures and masks at the door: checked, and turned into tensors and back."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lama.exif import say_upright, upright
from lama.photo import Fill, Photo, from_cmyk, inpaint_photo, painted


def as_mask(mask: np.ndarray | Image.Image) -> np.ndarray:
    """Any mask as bool (H, W); non-zero = hole, and a PIL image as `lama.photo.painted` has it.

    Raises:
        ValueError: an array of another kind or shape.
    """
    if isinstance(mask, Image.Image):
        return painted(mask)
    if not isinstance(mask, np.ndarray) or mask.ndim != 2 or mask.dtype.kind not in "bui":
        shape = getattr(mask, "shape", type(mask).__name__)
        raise ValueError(f"a mask is a bool or integer array (H, W) or a PIL image, got {shape}")
    return mask != 0


def fill_pil(fill: Fill, image: Image.Image, hole: np.ndarray) -> Image.Image:
    """Fill a PIL image with `fill(rgb, mask)`; see `Inpainter.__call__`.

    Args:
        fill: for example `Inpainter.fill`.
        image: of any mode but I and F. `Image.open` leaves a photo lying as the camera was held;
            it is turned upright first, as its orientation tag says.
        hole: bool (H, W), True = hole, of the upright picture.

    Returns:
        An upright image: I;16 of I;16, LA or RGBA of what has transparency (of whatever kind), L of
        L, RGB of all else.

    Raises:
        ValueError: Mode I or F.
    """
    if image.mode in ("I", "F"):
        raise ValueError(
            f"a PIL image of mode {image.mode} does not say which number is white: "
            "convert it to L, I;16 or RGB"
        )
    image = _turned(image)
    if image.mode.startswith("I;16"):
        return _fill_deep(fill, image, hole)
    if image.mode == "CMYK":
        image = _printed(image)
    keep = "L" if image.mode in ("L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        # Of a transparent colour as well: a filled pixel may have that colour.
        keep = {"L": "LA", "RGB": "RGBA"}[keep]
    source = image if image.mode == keep else image.convert(keep)
    filled = Image.fromarray(fill(np.asarray(source.convert("RGB")), hole))
    if keep in ("LA", "RGBA"):
        filled.putalpha(source.getchannel("A"))
    result = source.copy()
    result.paste(filled.convert(keep), mask=Image.fromarray(hole))
    return result


def _turned(image: Image.Image) -> Image.Image:
    """The picture upright, and nothing left that says it were not."""
    turned = upright(image)
    if turned is not image:
        say_upright(turned.info)
    return turned


def _printed(image: Image.Image) -> Image.Image:
    """A CMYK picture in RGB, without the colour profile, which was that of the ink."""
    info = {key: value for key, value in image.info.items() if key != "icc_profile"}
    result = from_cmyk(image, image.info.get("icc_profile"))
    result.info = info
    return result


def _fill_deep(fill: Fill, image: Image.Image, hole: np.ndarray) -> Image.Image:
    pixels = np.asarray(image)
    photo = Photo(pixels.astype(np.uint16)[..., None], "PNG")
    filled = inpaint_photo(fill, photo, hole).original[..., 0]
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        # Pillow has no alpha of 16 bits: what is clear keeps that grey, and a fill never has it.
        filled[filled == clear] = clear - 1 if clear else 1
        filled[pixels == clear] = clear
    result = Image.fromarray(filled.astype(pixels.dtype))  # in the order of bytes that it had
    result.info = dict(image.info)
    return result


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
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != rgb.shape[:2]:
        got = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ValueError(f"the mask must be bool of the picture's size {rgb.shape[:2]}, got {got}")
    if not mask.any():
        raise ValueError("the mask has no hole: paint over what should go")
    if mask.all():
        raise ValueError("the mask covers the whole picture: leave something to fill it from")


def result_array(rgb: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """`out`, or a new array, with the picture in it; ValueError if `out` is unfit."""
    if out is None:
        return rgb.copy()
    if out.shape != rgb.shape or out.dtype != rgb.dtype or not out.flags.writeable:
        raise ValueError(f"out must be a writeable uint8 array {rgb.shape}, got {out.shape}")
    if out is not rgb:
        np.copyto(out, rgb)
    return out


def to_tensor(array: np.ndarray) -> Tensor:
    """uint8 (H, W, 3) or bool (H, W) to float (1, C, H, W) in [0, 1]."""
    if array.dtype == bool:
        return torch.from_numpy(array[None, None].astype(np.float32))
    return torch.from_numpy(array.transpose(2, 0, 1)[None].astype(np.float32) / 255)


def to_uint8(tensor: Tensor) -> np.ndarray:
    """Float (1, 3, H, W) in [0, 1] to uint8 (H, W, 3), rounded."""
    return (tensor[0].permute(1, 2, 0) * 255).round().clamp(0, 255).to(torch.uint8).numpy()
