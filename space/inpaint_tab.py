"""The Inpaint tab: the canvas on the left, its panel and the saving of masks on the right."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from space import save_sheet, text
from space.canvas import component
from space.services import Services


@dataclass(frozen=True)
class InpaintTab:
    """What other tabs need of this one."""

    canvas: gr.HTML
    """Its value is the drawing (`space.canvas.protocol`); as an output it opens a photo."""


def build(services: Services, samples: Path) -> InpaintTab:
    """Lay the tab out inside the Blocks that is being built."""
    with gr.Row(elem_id="inpaint-columns"):
        with gr.Column(scale=5, min_width=340):
            canvas = component.canvas(services, samples)
        with gr.Column(scale=2, min_width=300):
            component.panel()
            save_sheet.build(services, canvas)
    with gr.Accordion("How it works", open=False):
        gr.Markdown(text.HOW_IT_WORKS)
    return InpaintTab(canvas)
