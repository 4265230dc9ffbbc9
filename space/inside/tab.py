"""The Inside tab: what the network does with the hole that is marked in Inpaint."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

import masks
from lama.photo import open_photo
from space.canvas.protocol import decode, is_marked
from space.engine import models_on_disk
from space.inside.view import inside_html
from space.pieces import QUIET, error_html, html
from space.services import Services
from space.turns import CancelledError

HOW_IT_WORKS = """
**The pixel and its reach.** The colour of one pixel of the fill is differentiated by every known
pixel of the picture. What is bright would change it, the colours run over four powers of ten. An
ordinary convolution sees its neighbours; a fast Fourier convolution multiplies the spectrum, and so
sees the whole picture from the first block on (LaMa, section 2.1). With the Fourier units silenced
only convolutions are left. `lama-tiny` fills coarse to fine: small sizes give its convolutions a
long reach as well.

**Copies.** `lama-tiny` is shown the hole filled from patches of the photo too, and says for each
pixel how much of that it takes. What is copied counts as given: it has no part in the reach.

**Blocks.** An FFC block has two branches: local channels with 3 x 3 convolutions, global ones with
a Fourier unit, which change places at every layer. Things that repeat, windows or planks, are
bright points in a spectrum.

In Python: `lama.inside.look(inpainter, image, mask, point)`.
"""
_ONE_BY_ONE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 1}
_SCRIPT = Path(__file__).parent / "inside.js"
_SAMPLE = "rocket.jpg"
_SEED = 3  # of the sample's hole


def build(services: Services, canvas: gr.HTML, samples: Path, events: Sequence[Callable]) -> None:
    """Lay the tab out inside the Blocks that is being built.

    Args:
        services: The app's parts.
        canvas: Its drawing is what is looked at.
        samples: Folder of the sample photos, for when nothing is drawn.
        events: The tab is brought up to date whenever one of them happens, e.g. `page.select`.
    """
    viewer = Viewer(services, samples)
    with gr.Row(elem_id="inside-row"):
        model = gr.Dropdown(
            models_on_disk(services.engine), value=services.settings.model,
            label="Model", elem_id="inside-model", scale=0, min_width=260,
        )  # fmt: skip
        again = gr.Button("Look again", elem_id="inside-look", scale=0, min_width=140)
    status = html("inside-status")
    view = html("inside-view", script=_SCRIPT)
    with gr.Accordion("How it works", open=False):
        gr.Markdown(HOW_IT_WORKS)

    def models() -> gr.Dropdown:  # a fine-tuned one may have come
        return gr.Dropdown(models_on_disk(services.engine))

    def look(drawing: Any, chosen: str) -> tuple[Any, str]:  # noqa: ANN401
        return viewer.answer(drawing, chosen, None)

    def ask(drawing: Any, chosen: str, event: gr.EventData) -> tuple[Any, str]:  # noqa: ANN401
        point = getattr(event, "x", None), getattr(event, "y", None)
        return viewer.answer(drawing, chosen, point)

    inputs, outputs = [canvas, model], [view, status]
    again.click(look, inputs, outputs, **_ONE_BY_ONE)
    model.input(look, inputs, outputs, **_ONE_BY_ONE, trigger_mode="always_last")
    view.click(ask, inputs, outputs, show_progress="minimal", **_ONE_BY_ONE)
    gr.on(list(events), models, None, model, **QUIET).then(look, inputs, outputs, **_ONE_BY_ONE)


class Viewer:
    """The handlers behind the tab."""

    def __init__(self, services: Services, samples: Path) -> None:
        self.services, self.samples = services, samples

    def answer(self, drawing: Any, model: str, point: Any) -> tuple[Any, str]:  # noqa: ANN401
        """The view and an empty status, or the view as it is and what went wrong.

        Args:
            drawing: The canvas's value; without a hole a sample is looked at.
            model: Its name.
            point: (x, y) in pixels of the photo, or None.
        """
        try:
            rgb, mask, source = self._picture(drawing)
            asked = None if point is None else _in_hole(point, mask)
            found = self.services.engine.inside(model, rgb, mask, asked)
        except (ValueError, OSError) as error:
            return gr.skip(), error_html(error)
        except CancelledError:
            return gr.skip(), ""
        titles = {name: title for title, name in models_on_disk(self.services.engine)}
        return inside_html(found, titles.get(model, model), source), ""

    def _picture(self, drawing: Any) -> tuple[np.ndarray, np.ndarray, str]:  # noqa: ANN401
        """Photo, hole, and what to say of them."""
        if is_marked(drawing):
            drawn = decode(drawing, self.services.photos)
            if drawn.mask.all():
                raise ValueError("Everything is marked, so there is nothing to see. Leave a part.")
            return self.services.photos.decoded(drawn.photo).rgb, drawn.mask, "What is marked."
        rgb = open_photo(self.samples / _SAMPLE).rgb
        mask = masks.get("box")(rgb, np.random.default_rng(_SEED))
        return rgb, mask, "A sample: mark something in Inpaint to see that here."


def _in_hole(point: Any, mask: np.ndarray) -> tuple[int, int]:  # noqa: ANN401
    """The pixel that was clicked.

    Raises:
        ValueError: It is known, in words for the reader.
    """
    height, width = mask.shape
    try:
        x, y = int(point[0]), int(point[1])
    except (TypeError, OverflowError) as error:
        raise ValueError("That was no pixel. Click in the red hole.") from error
    if not (0 <= x < width and 0 <= y < height and mask[y, x]):
        raise ValueError("That pixel is known, so nothing decides it. Choose one in the red hole.")
    return x, y
