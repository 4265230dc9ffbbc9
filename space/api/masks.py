"""The /generate_masks endpoint: a photo or a size in, mask files and their figures out."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import gradio as gr

import masks
from lama.photo import open_photo
from masks.base import Image, Number
from masks.files import write_mask
from masks.seeding import generators
from masks.statistics import describe, summarize
from space.exports import Exports
from space.pieces import plainly
from space.services import Services
from space.strategies import known_strategy
from space.uploads import sent
from space.words import sentence, whole

_SIDE = 512  # of masks without a photo
MOST = 256
MOST_PIXELS = 1_000_000_000
"""How many masks, and how many pixels of masks, one call may ask for."""


def register(services: Services) -> None:
    """Add the endpoint to the Blocks that is being built."""

    def generate_masks(
        image: str | None = None,
        strategy: str | None = "wide",
        count: float | None = 1,
        seed: float | None = 0,
        height: float | None = _SIDE,
        width: float | None = _SIDE,
        parameters: Any = None,  # noqa: ANN401 - JSON, as an object or as text
    ) -> tuple[list[str], dict[str, Any]]:
        with plainly(sentence):
            high, wide = (_SIDE if side is None else side for side in (height, width))
            picture = picture_of(image, high, wide, services.photos.max_pixels)
            number, first = 1 if count is None else count, 0 if seed is None else seed
            return generate(picture, strategy, number, first, parameters, services.exports)

    with gr.Row(visible=False):
        image = gr.File(label="image")
        strategy = gr.Textbox("wide", label="strategy")
        count = gr.Number(1, label="count")
        seed = gr.Number(0, label="seed")
        height = gr.Number(_SIDE, label="height")
        width = gr.Number(_SIDE, label="width")
        parameters = gr.JSON({}, label="parameters")
        files = gr.File(label="masks", file_count="multiple")
        statistics = gr.JSON(label="statistics")
        button = gr.Button()
    button.click(
        generate_masks,
        [image, strategy, count, seed, height, width, parameters],
        [files, statistics],
        api_name="generate_masks",
        api_description="Draw masks for an image, or for a size where the image is left out.",
    )


def picture_of(image: str | None, height: float, width: float, max_pixels: int) -> Image:
    """The picture of a call: the file's upright pixels, or the drawn landscape at a size.

    Raises:
        ValueError: The file is no picture that can be used, or the size is out of range.
    """
    if not image:
        return masks.scene(whole(height, "height", 16, 8192), whole(width, "width", 16, 8192))
    # The header is judged first; then the same pixels as the command line's wherever possible.
    photo = open_photo(sent(image, ""), max_pixels=max_pixels)
    try:
        picture = masks.read_image(image)
    except ValueError:
        picture = photo.rgb
    picture = picture if picture.shape == photo.rgb.shape else photo.rgb
    masks.check_image(picture)
    return picture


def generate(
    picture: Image,
    strategy: str | None,
    count: float,
    seed: float,
    parameters: object,
    exports: Exports,
) -> tuple[list[str], dict[str, Any]]:
    """Draw masks into files.

    Args:
        picture: uint8 (H, W, 3).
        strategy: A name of `masks.names()`; `wide` if it is empty or None.
        count: How many, 1 to 256.
        seed: The same seed gives the same masks as in the app and on the command line.
        parameters: Changed parameters by name: an object, or the JSON text of one.
        exports: Where the files go, to be thrown away after an hour.

    Returns:
        Paths of PNG files (255 = hole), and the statistics of the set and of every mask.

    Raises:
        ValueError: Saying which argument is wrong and what is accepted.
    """
    fitting = max(1, MOST_PIXELS // (picture.shape[0] * picture.shape[1]))
    number = whole(count, "count", 1, min(MOST, fitting))
    first = whole(seed, "seed", 0, 2**63 - 1)
    values = _values(parameters)
    chosen = masks.get(known_strategy(strategy, "wide"), **values)
    session = chosen.on(picture)
    folder = exports.place()
    paths, described = [], []
    for k, rng in enumerate(generators(first, number)):
        item = session(rng)
        path = folder / f"{chosen.name}_{k:04d}.png"
        write_mask(path, item.mask)
        paths.append(str(path))
        described.append(
            {"file": path.name, "strategy_used": item.strategy_used, "note": item.note}
            | describe(item.mask).as_dict()
        )
    return paths, {
        "strategy": chosen.name,
        "parameters": chosen.values_for(*picture.shape[:2]),
        "seed": first,
        "width": picture.shape[1],
        "height": picture.shape[0],
        **asdict(summarize([one["area"] for one in described])),
        "masks": described,
    }


def _values(parameters: object) -> dict[str, Number]:
    """Changed parameters as a mapping.

    Raises:
        ValueError: It is no mapping and no JSON text of one.
    """
    if isinstance(parameters, str):
        try:
            parameters = json.loads(parameters) if parameters.strip() else {}
        except ValueError as error:
            raise ValueError('parameters must be JSON, such as {"max_width": 60}.') from error
    if not isinstance(parameters, Mapping | None):
        raise ValueError('parameters must be an object by name, such as {"max_width": 60}.')
    return {str(name): value for name, value in (parameters or {}).items()}
