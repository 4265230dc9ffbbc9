"""Puts the Masks tab's one gr.HTML together: its template, its script and the facts they need."""

import json
from pathlib import Path
from typing import Any

import gradio as gr

import masks
from masks.base import Parameter
from masks.presets import SMALL_UP_TO
from space.mask_lab.pictures import strategy_picture
from space.mask_lab.server import LabServer
from space.pieces import joined
from space.samples import listed

_HERE = Path(__file__).parent
SCRIPTS = ("base", "dials", "picture", "gallery", "main")


def lab(server: LabServer, samples: Path) -> gr.HTML:
    """Everything of the tab: picture, strategy, parameters, gallery, charts and code."""
    facts = {
        "strategies": [_strategy(name) for name in masks.names()],
        "small_up_to": SMALL_UP_TO,
        "max_file_mb": server.services.settings.max_file_mb,
        "samples": listed(samples),
    }
    script = joined(*(_HERE / "js" / f"{name}.js" for name in SCRIPTS))
    return gr.HTML(
        value=None,
        html_template=(_HERE / "lab.html").read_text("utf-8"),
        js_on_load=f"const FACTS = {json.dumps(facts)};\n{script}",
        server_functions=server.functions(),
        elem_id="mask-lab",
        apply_default_css=False,
        label="Masks",
    )


def _strategy(name: str) -> dict[str, Any]:
    recipe = masks.recipe(name)
    small = {p.name: p.default for p in masks.parameters(name, short_side=256)}
    return {
        "name": name,
        "summary": recipe.summary,
        "source": recipe.source,
        "picture": strategy_picture(name),
        "pairs": recipe.pairs,
        "parameters": [_parameter(p, small) for p in masks.parameters(name)],
    }


def _parameter(parameter: Parameter, small: dict[str, int | float]) -> dict[str, Any]:
    return {
        **vars(parameter),
        "small": small[parameter.name],
        "switch": parameter.is_switch,
        "title": parameter.name.replace("_", " ").capitalize(),
    }
