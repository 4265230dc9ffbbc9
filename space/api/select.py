"""The /select_object endpoint: a photo and a click or a box in, the object's mask out."""

import json
import math
from typing import Any

import gradio as gr
import numpy as np

from lama.photo import open_photo
from masks.base import Mask
from masks.files import write_mask
from masks.selection import Box, Prompt
from space.pieces import plainly
from space.services import Services
from space.uploads import sent
from space.words import sentence


def register(services: Services) -> None:
    """Add the endpoint to the Blocks that is being built."""

    def select_object(
        image: str | None = None,
        x: float | None = None,
        y: float | None = None,
        box: Any = None,  # noqa: ANN401 - JSON, as a list or as text
    ) -> str:
        with plainly(sentence):
            mask = select(services, image, x, y, box)
            path = services.exports.place() / "mask.png"
            write_mask(path, mask)
            return str(path)

    with gr.Row(visible=False):
        image = gr.File(label="image")
        x = gr.Number(None, label="x")
        y = gr.Number(None, label="y")
        box = gr.JSON(None, label="box")
        mask = gr.File(label="mask")
        button = gr.Button()
    button.click(
        select_object,
        [image, x, y, box],
        mask,
        api_name="select_object",
        api_description="Mask the object at a click (x, y) or in a box (left, top, right, bottom)",
    )


def select(
    services: Services,
    image: str | None,
    x: float | None,
    y: float | None,
    box: object,
) -> Mask:
    """Return the object's mask, bool (H, W) at the upright size of the image file.

    Raises:
        ValueError: The file is no picture, nothing was pointed at, or nothing was found there.
    """
    photo = sent(image, "image is missing: send the photo's file")
    if (x is None) != (y is None):
        raise ValueError("a click needs both x and y, in pixels of the upright photo")
    points = () if x is None or y is None else ((_number(x, "x"), _number(y, "y")),)
    prompt = Prompt(points=points, box=_box(box))
    rgb = open_photo(photo, max_pixels=services.photos.max_pixels).rgb
    prompt.inside(*rgb.shape[:2])
    found = services.selector.select(np.ascontiguousarray(rgb), prompt)
    if not found.any():
        raise ValueError("no object was made out there: click on its middle, or give a box")
    return found


def _number(value: float, name: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a number of pixels, not {value}")
    return number


def _box(box: object) -> Box | None:
    """Read a box: a list of four numbers, or the JSON text of one; None and [] are no box.

    Raises:
        ValueError: It is something else.
    """
    wrong = "box must be four numbers: left, top, right, bottom, in pixels"
    if isinstance(box, str):
        try:
            box = json.loads(box) if box.strip() else None
        except ValueError as error:
            raise ValueError(wrong) from error
    if box is None or box in ([], {}):
        return None
    if not isinstance(box, list | tuple) or len(box) != 4:
        raise ValueError(wrong)
    try:
        left, top, right, bottom = (_number(side, "box") for side in box)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(wrong) from error
    return left, top, right, bottom
