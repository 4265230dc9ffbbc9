"""The Masks tab: see what the strategies draw, measure it, repeat it, take one to Inpaint."""

from pathlib import Path
from typing import Any

import gradio as gr

from space.mask_lab import component
from space.mask_lab.server import LabServer
from space.pieces import QUIET, refused
from space.services import Services
from space.words import sentence

HOW_IT_WORKS = """
**What a mask is.** The hole that the network has to fill. How holes are drawn in training decides
what a network becomes good at; which ones it is judged by decides how good it looks.

**Strategies.** *wide* and *box* are the two halves of the published *training* mixture, *narrow* is
what earlier methods trained on; *thin*, *medium* and *thick* are the published evaluation masks,
with figures of their own for 256 and 512 pixels (by the picture's short side, up to 384: 256).
*Segmentation* moves the picture's own objects about, *outpaint* opens the border.

**Sizes.** Lengths are pixels. On pictures smaller than the published size they shrink in
proportion; on larger ones they stay, unless *Scale with image* is on.

**Seeds.** The same seed, strategy and parameters give the same masks here, in Python, on the
command line and over the HTTP API (`/generate_masks`).
"""
_TO_INPAINT = "() => { location.hash = 'inpaint'; }"


def build(services: Services, canvas: gr.HTML, samples: Path) -> None:
    """Lay the tab out inside the Blocks that is being built.

    Args:
        services: The app's parts.
        canvas: The component that 'use in Inpaint' opens a photo and a mask in.
        samples: Folder of the sample photos and their list.
    """
    server = LabServer(services)
    lab = component.lab(server, samples)
    with gr.Accordion("How it works", open=False):
        gr.Markdown(HOW_IT_WORKS)

    def use(value: Any) -> dict:  # noqa: ANN401 - whatever the page sends
        if not isinstance(value, dict):
            raise refused("Choose a mask first.")
        try:
            return server.to_canvas(value)
        except ValueError as error:
            raise refused(sentence(str(error))) from error

    lab.submit(use, lab, canvas, **QUIET, queue=False).success(
        None, js=_TO_INPAINT, api_visibility="private"
    )
