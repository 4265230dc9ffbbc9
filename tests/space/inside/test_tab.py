"""The Inside tab: what is looked at, what is said of it, and what goes wrong."""

import json
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from space.canvas.protocol import encode_mask
from space.inside.tab import Viewer
from space.inside.view import colours, heat, inside_html, spectra
from space.services import Services
from space.ui import SAMPLES
from tests.space.fakes import inside_of


@pytest.fixture
def viewer(services: Services) -> Viewer:
    return Viewer(services, SAMPLES)


@pytest.fixture
def drawing(services: Services, picture: Path) -> dict:
    handle = services.photos.put(picture, "a photo.png")
    mask = np.zeros((43, 61), bool)
    mask[11:25, 20:37] = True
    return {"photo": handle.id, "mask": encode_mask(mask), "model": "telea"}


@pytest.mark.parametrize("as_text", [False, True])
def test_what_is_marked_is_looked_at(viewer: Viewer, drawing: dict, as_text: bool) -> None:
    html, status = viewer.answer(json.dumps(drawing) if as_text else drawing, "telea", None)
    assert status == ""
    assert html.startswith('<div class="in-view">')
    assert "What is marked. Telea in 32 bits, looking at 61 x 43 pixels." in html
    assert 'data-width="61" data-height="43"' in html


@pytest.mark.parametrize("drawing", [None, {}, {"photo": "x"}], ids=["nothing", "empty", "no hole"])
def test_a_sample_is_looked_at_where_nothing_is_marked(viewer: Viewer, drawing: object) -> None:
    html, status = viewer.answer(drawing, "telea", None)
    assert status == ""
    assert "A sample" in html


def test_a_click_asks_about_its_pixel(viewer: Viewer, drawing: dict) -> None:
    html, _ = viewer.answer(drawing, "telea", (30, 20))
    assert "left:50.00%;top:47.67%" in html  # the middle of that pixel


@pytest.mark.parametrize("point", [(2, 2), (61, 20), (-3, 12)])
def test_a_known_pixel_is_refused_and_the_view_stays(
    viewer: Viewer, drawing: dict, point: tuple[int, int]
) -> None:
    html, status = viewer.answer(drawing, "telea", point)
    assert html == gr.skip()
    assert "Choose one in the red hole" in status


@pytest.mark.parametrize("point", [("a", None), (None, 3), (float("nan"), 3)])
def test_a_click_that_no_page_sends_is_refused(viewer: Viewer, drawing: dict, point: tuple) -> None:
    html, status = viewer.answer(drawing, "telea", point)
    assert html == gr.skip()
    assert 'data-kind="error"' in status


def test_an_unknown_model_is_said(viewer: Viewer, drawing: dict) -> None:
    html, status = viewer.answer(drawing, "<b>", None)
    assert html == gr.skip()
    assert "There is no model named &#x27;&lt;b&gt;&#x27;" in status


def test_a_network_of_plain_convolutions_has_one_heat_map(drawing: dict) -> None:
    rgb, mask = np.zeros((40, 48, 3), np.uint8), np.zeros((40, 48), bool)
    mask[9:20, 7:30] = True
    html = inside_html(inside_of(rgb, mask, fourier=False), "Plain", "")
    assert "silenced" not in html
    assert "Block by block" not in html
    html = inside_html(inside_of(rgb, mask), "FFC", "")
    assert "silenced" in html
    assert html.count("<h3>Block") == 2


def test_heat_shows_the_strongest_brightest(rng: np.random.Generator) -> None:
    rgb, mask = np.full((40, 48, 3), 90, np.uint8), np.zeros((40, 48), bool)
    mask[9:20, 7:30] = True
    found = inside_of(rgb, mask)
    found.reach.influence[30, 40] = 1
    picture = heat(rgb, found.reach).astype(int).sum(2)
    assert np.unravel_index(picture.argmax(), picture.shape) == (30, 40)
    assert picture.min() < 200


def test_colours_do_not_depend_on_the_sign_of_a_component(rng: np.random.Generator) -> None:
    maps = rng.normal(size=(9, 5, 7)).astype(np.float32)
    assert colours(maps).shape == (5, 7, 3)
    assert np.array_equal(colours(maps), colours(maps * 3 + 1))
    assert colours(maps[:1]).shape == (5, 7, 3)  # one map is grey
    assert colours(np.zeros((4, 5, 7), np.float32)).shape == (5, 7, 3)


def test_spectra_share_a_scale(rng: np.random.Generator) -> None:
    quiet = rng.random((5, 7)).astype(np.float32) + 0.5
    before, after = (picture.astype(int).sum() for picture in spectra(quiet, quiet * 100))
    assert after > before
