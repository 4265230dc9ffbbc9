"""Puts the canvas together: one gr.HTML whose script is the files of `js/` in their order."""

import json
from pathlib import Path

import gradio as gr

import masks
from lama.photo_write import SUFFIX
from space.canvas.selecting import MOST_PICKS, Selecting
from space.canvas.server import CanvasServer
from space.pieces import joined
from space.samples import listed
from space.services import Services

_HERE = Path(__file__).parent
SCRIPTS = (
    "util", "runs", "png", "raster", "history", "view", "layers", "tools", "reshape", "select",
    "touch", "photo", "queue", "earlier", "keep", "mending", "live", "sight", "compare", "panel",
    "models", "keys", "main",
)  # fmt: skip
STRATEGIES = ("wide", "box", "segmentation", "outpaint")


def canvas(services: Services, samples: Path) -> gr.HTML:
    """The drawing surface with its toolbar; its value is the drawing."""
    settings = services.settings
    known = masks.names()
    facts = {
        "strategies": [name for name in STRATEGIES if name in known],
        "max_file_mb": settings.max_file_mb,
        "formats": sorted(SUFFIX),
        "most_picks": MOST_PICKS,
        "samples": listed(samples),
    }
    script = joined(*(_HERE / "js" / f"{name}.js" for name in SCRIPTS))
    return gr.HTML(
        value=None,
        html_template=_read("canvas.html"),
        js_on_load=f"const FACTS = {json.dumps(facts)};\n{script}",
        server_functions=[*CanvasServer(services).functions(), Selecting(services).function()],
        elem_id="inpaint-canvas",
        apply_default_css=False,
        label="Drawing",
    )


def panel() -> gr.HTML:
    """The column beside the canvas; the canvas's script fills it."""
    return gr.HTML(
        value=None,
        html_template=_read("panel.html"),
        js_on_load=None,
        elem_id="inpaint-panel",
        apply_default_css=False,
        label="Result",
    )


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
