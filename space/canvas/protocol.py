"""The one place where the canvas's value (JSON) becomes arrays, and arrays become its value.

The browser sends the mask as a 1-bit PNG of its bounding box with the offset in the upright
photo, so that what is shown, inpainted, exported and saved are the same pixels.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from masks.ops import as_bytes, bounding_box
from space.photos import PhotoHandle, PhotoShelf
from space.store.records import MAX_STROKES


@dataclass(frozen=True)
class Drawing:
    """What has been drawn over a photo."""

    photo: PhotoHandle
    mask: np.ndarray
    """bool (H, W) at the photo's upright size, True = hole."""
    strokes: str
    """How it was drawn, as JSON: tool, size and points in pixels of the photo."""
    strategy: str
    """`drawn` for a mask by hand, else the generator's name."""
    request: int
    """Number of the drawing within its page; newer is larger."""
    model: str
    """The model chosen on the page."""
    name: str
    """What the page calls the photo: others may have opened the same bytes by another name."""
    live: bool
    """Whether the result is wanted at each stroke's end: soon rather than at full size."""
    shown: str
    """Id of the result that the page shows already; empty if it needs all patches."""
    shown_version: int
    """Which version of it: another question may have made that result better meanwhile."""


def decode(value: Any, shelf: PhotoShelf) -> Drawing:  # noqa: ANN401
    """Read the value of the canvas.

    Args:
        value: The component's value, a mapping or its JSON text.
        shelf: Where the photo is kept.

    Raises:
        ValueError: No photo, no hole, or a value no canvas wrote; in words for the reader.
    """
    value = _parsed(value)
    if not isinstance(value, dict) or not value.get("photo"):
        if isinstance(value, dict) and value.get("name"):
            raise ValueError("The photo is still on its way to the app. Try again in a moment.")
        raise ValueError("Open a photo first.")
    handle = shelf.get(str(value["photo"]))
    strokes = value.get("strokes") or []
    text = strokes if isinstance(strokes, str) else json.dumps(strokes, separators=(",", ":"))
    if len(text) > MAX_STROKES:
        text = "[]"
    return Drawing(
        photo=handle,
        mask=_decode_mask(value.get("mask"), handle.width, handle.height),
        strokes=text,
        strategy=str(value.get("strategy") or "drawn"),
        request=_number(value.get("request")),
        model=str(value.get("model") or ""),
        name=Path(str(value.get("name") or handle.name)).name,
        live=value.get("live") is True,
        shown=str(value.get("shown") or ""),
        shown_version=_number(value.get("shown_version")),
    )


def is_marked(value: Any) -> bool:  # noqa: ANN401
    """Whether the value of the canvas has a photo with something marked on it.

    Raises:
        ValueError: It is a text that no canvas wrote.
    """
    value = _parsed(value)
    return isinstance(value, dict) and bool(value.get("photo")) and bool(value.get("mask"))


def _parsed(value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError("The drawing could not be read. Reload the page.") from error


def _number(given: Any) -> int:  # noqa: ANN401
    """A whole number of the page; 0 for what is none."""
    try:
        return int(given or 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def load_command(
    handle: PhotoHandle,
    url: str,
    mask: np.ndarray | None,
    strategy: str,
    *,
    review: bool = False,
) -> dict:
    """A value that makes the canvas show a photo with a mask on it.

    Args:
        handle: The photo.
        url: Where the browser gets a picture of it, of the upright size.
        mask: bool (H, W) or None for an empty one.
        strategy: Where the mask comes from, for example `wide`.
        review: A reviewer mends this mask: it stays in sight, nothing is filled meanwhile.
    """
    return {
        "command": "load",
        "photo": handle.id,
        "name": handle.name,
        "width": handle.width,
        "height": handle.height,
        "url": url,
        "mask": None if mask is None else encode_mask(mask),
        "strategy": strategy,
        "review": review,
    }


def encode_mask(mask: np.ndarray) -> dict[str, Any] | None:
    """The bounding box of a bool (H, W) mask as the browser's own form; None if it is empty."""
    box = bounding_box(mask)
    if box is None:
        return None
    crop = as_bytes(mask[box.slices]) * 255
    _, png = cv2.imencode(".png", crop, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return {
        "x": box.left,
        "y": box.top,
        "width": box.width,
        "height": box.height,
        "png": base64.b64encode(png.tobytes()).decode("ascii"),
    }


def _decode_mask(crop: Any, width: int, height: int) -> np.ndarray:  # noqa: ANN401
    """A bool (height, width) mask from its bounding box."""
    mask = np.zeros((height, width), dtype=bool)
    if not crop:
        raise ValueError("Nothing is marked yet. Paint over what should go.")
    try:
        x, y = int(crop["x"]), int(crop["y"])
        w, h = int(crop["width"]), int(crop["height"])
        content = base64.b64decode(crop["png"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ValueError("The drawing could not be read. Reload the page.") from error
    if x < 0 or y < 0 or w < 1 or h < 1 or x + w > width or y + h > height:
        raise ValueError("The mask does not lie on the photo. Reload the page.")
    if _png_size(content) != (w, h):
        raise ValueError("The drawing could not be read. Reload the page.")
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if pixels is None or pixels.shape != (h, w):
        raise ValueError("The drawing could not be read. Reload the page.")
    mask[y : y + h, x : x + w] = pixels > 127
    if not mask.any():
        raise ValueError("Nothing is marked yet. Paint over what should go.")
    return mask


def _png_size(content: bytes) -> tuple[int, int] | None:
    """Width and height from a PNG's header, before anything is decoded."""
    if len(content) < 24 or content[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
