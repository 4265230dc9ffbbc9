"""The canvas as it is put together: its ids are a contract, its parts are all there."""

import json
import re
from pathlib import Path

import gradio as gr
import pytest

import masks
from space.canvas import component
from space.services import Services

HERE = Path(component.__file__).parent


@pytest.fixture
def canvas(services: Services, tmp_path: Path) -> gr.HTML:
    with gr.Blocks(analytics_enabled=False):
        return component.canvas(services, tmp_path)


@pytest.mark.parametrize(
    ("identity", "file"),
    [
        ("photo", "canvas.html"),
        ("mask-canvas", "canvas.html"),
        ("result", "canvas.html"),
        ("inpaint-button", "panel.html"),
        ("live-toggle", "panel.html"),
        ("model-select", "panel.html"),
    ],
)
def test_ids_that_other_programs_drive(identity: str, file: str) -> None:
    assert (HERE / file).read_text().count(f'id="{identity}"') == 1


def test_every_script_is_part_of_it_once() -> None:
    assert sorted(component.SCRIPTS) == sorted(path.stem for path in (HERE / "js").glob("*.js"))


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.*s")), ids=lambda path: path.name)
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 350


@pytest.mark.parametrize("file", ["canvas.html", "panel.html"])
def test_templates_hold_nothing_that_gradio_would_fill_in(file: str) -> None:
    assert not re.search(r"\$\{|\{\{|`|@children", (HERE / file).read_text())


@pytest.mark.parametrize("file", ["canvas.html", "panel.html"])
def test_every_control_has_a_name(file: str) -> None:
    text = (HERE / file).read_text()
    for tag in re.findall(r"<button[^>]*>(.*?)</button>", text, re.DOTALL):
        opening = text[: text.index(tag)].rsplit("<button", 1)[1]
        words = re.sub(r"<svg.*?</svg>", "", tag, flags=re.DOTALL).strip()
        assert words or "aria-label=" in opening, opening


def test_the_script_knows_the_facts(canvas: gr.HTML) -> None:
    first = canvas.js_on_load.splitlines()[0]
    facts = json.loads(first.removeprefix("const FACTS = ").removesuffix(";"))
    assert facts["strategies"] == ["wide", "box", "segmentation", "outpaint"]
    assert set(facts["strategies"]) <= set(masks.names())
    assert facts["max_file_mb"] == 64
    assert facts["samples"] == []


def test_server_functions_are_the_ones_the_scripts_call(canvas: gr.HTML) -> None:
    scripts = "\n".join((HERE / "js" / f"{name}.js").read_text() for name in component.SCRIPTS)
    called = set(re.findall(r'\bask\("(\w+)"', scripts))
    offered = {function.__name__ for function in canvas.server_fns}
    assert called == offered
