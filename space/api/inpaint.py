"""The /inpaint endpoint: plain files in, a lossless file and what made it out."""

import gradio as gr

from lama.photo import merge, open_mask, open_photo
from lama.photo_write import encode_photo
from space.canvas.results import untouched_outside
from space.engine import Engine
from space.pieces import plainly
from space.services import Services
from space.uploads import sent

_NO_MASK = "Send a mask: a picture of the image's size, black where nothing is to change."


def register(services: Services) -> None:
    """Add the endpoint to the Blocks that is being built."""

    def inpaint(image: str, mask: str, model: str | None) -> tuple[str, dict]:
        return run(services, image, mask, model)

    with gr.Row(visible=False):
        image = gr.File(label="image")
        mask = gr.File(label="mask")
        model = gr.Textbox("", label="model")  # a value makes it optional
        result = gr.File(label="result")
        info = gr.JSON(label="info")
        button = gr.Button()
    button.click(
        inpaint,
        [image, mask, model],
        [result, info],
        api_name="inpaint",
        api_description="Fill the hole of an image. Hole is what is not black in the mask, or, "
        "where parts of it are transparent, what is not.",
        concurrency_id="engine",
        concurrency_limit=1,
    )


def run(
    services: Services, image: str | None, mask: str | None, model: str | None
) -> tuple[str, dict]:
    """Fill the hole of one file.

    Args:
        services: The app's parts.
        image: Path of the photo.
        mask: Path of the mask, at the photo's upright size.
        model: Name of a model; the app's own if empty or None.

    Returns:
        Path of a PNG at the photo's upright size, and model, seconds, hole fraction and the
        weights' sha256.
    """
    engine: Engine = services.engine
    with plainly():
        photo = open_photo(sent(image, "Send an image."), max_pixels=services.photos.max_pixels)
        hole = open_mask(sent(mask, _NO_MASK), photo.size, services.photos.max_pixels)
        if not hole.any():
            raise ValueError("The mask has no hole: all of it is black, or transparent.")
        if hole.all():
            raise ValueError("The mask covers everything, so there is nothing to go by.")
        rgb = photo.rgb
        done = engine.inpaint((model or "").strip() or services.settings.model, rgb, hole)
        merged = merge(photo, done.rgb, hole)
        path = services.exports.put(encode_photo(merged, "PNG"), "result.png")
    return str(path), {
        "model": done.model,
        "seconds": round(done.seconds, 4),
        "hole_fraction": float(hole.mean()),
        "sha256": done.sha256,
        "device": done.device,
        "precision": done.precision,
        "untouched_outside": untouched_outside(rgb, done.rgb, hole),
    }
