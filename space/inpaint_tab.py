"""The Inpaint tab: the canvas on the left, its panel and the saving of masks on the right."""

from pathlib import Path

import gradio as gr

from space import save_sheet, text
from space.canvas import component
from space.services import Services


def build(services: Services, samples: Path) -> gr.HTML:
    """Lay the tab out inside the Blocks that is being built.

    Returns:
        The canvas. Its value is the drawing (`space.canvas.protocol`); as an output it opens a
        photo.
    """
    with gr.Row(elem_id="inpaint-columns"):
        with gr.Column(scale=5, min_width=340):
            canvas = component.canvas(services, samples)
        with gr.Column(scale=2, min_width=300):
            component.panel()
            save_sheet.build(services, canvas)
    with gr.Accordion("How it works", open=False):
        gr.Markdown(text.HOW_IT_WORKS)
    return canvas
