"""A page or a program may not name files of the server where it names a mask strategy."""

from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

import masks
from masks import fitted
from space.api import dataset as api_dataset
from space.api import masks as api_masks
from space.canvas.server import CanvasServer
from space.exports import Exports
from space.mask_lab.server import LabServer
from space.services import Services
from space.strategies import known_strategy


@pytest.fixture(params=["folder", "fitted"])
def secret(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A strategy that works on the command line, where it reads a file of this machine."""
    hole = np.zeros((43, 61), dtype=bool)
    hole[5:20, 10:40] = True
    if request.param == "folder":
        Image.fromarray(hole).save(tmp_path / "secret.png")
        name = f"folder:{tmp_path}"
    else:
        path = tmp_path / "secret.json"
        fitted.fit([hole, hole.T]).save(path)
        name = f"fitted:{path}"
    scene = np.zeros((64, 64, 3), np.uint8)
    assert masks.get(name)(scene, np.random.default_rng(0)).any(), "it would have worked"
    return name


def refused(message: str) -> None:
    assert "here is no mask strategy" in message
    assert "wide, box, segmentation" in message


@pytest.mark.parametrize("question", ["show", "draw", "measure", "save"])
def test_the_masks_tab_reads_no_file(services: Services, secret: str, question: str) -> None:
    data = {"strategy": secret, "width": 64, "height": 64, "count": 1, "index": 0}
    answer = getattr(LabServer(services), question)(data)
    assert answer["ok"] is False
    refused(answer["message"])


def test_the_way_to_the_canvas_reads_no_file(services: Services, secret: str) -> None:
    data = {"strategy": secret, "width": 64, "height": 64, "count": 1, "index": 0}
    with pytest.raises(ValueError, match="no mask strategy") as error:
        LabServer(services).to_canvas(data)
    refused(str(error.value))


def test_the_canvas_reads_no_file(services: Services, picture: Path, secret: str) -> None:
    photo = services.photos.put(picture).id
    answer = CanvasServer(services).fill_strategy({"photo": photo, "strategy": secret, "seed": 1})
    assert answer["ok"] is False
    refused(answer["message"])


@pytest.mark.parametrize("spaces", ["", " "])
def test_generate_masks_reads_no_file(secret: str, spaces: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no mask strategy") as error:
        api_masks.generate(
            masks.scene(64, 64), spaces + secret, 1, 0, {}, Exports(tmp_path / "exports")
        )
    refused(str(error.value))


def test_log_mask_stores_no_such_name(services: Services, picture: Path, secret: str) -> None:
    with pytest.raises(gr.Error) as error:
        api_dataset.run_log_mask(
            services, str(picture), str(picture), "cc0-1.0", True, secret, ""
        )  # fmt: skip
    refused(str(error.value))
    assert "drawn" in str(error.value)


def test_nothing_is_the_default_and_long_names_are_not_echoed() -> None:
    assert [known_strategy(name, "wide") for name in (None, "", "  ", " box ")] == [
        "wide", "wide", "wide", "box",
    ]  # fmt: skip
    assert known_strategy(None, "drawn", "drawn") == "drawn"
    with pytest.raises(ValueError, match="no mask strategy 'drawn'"):
        known_strategy("drawn", "wide")
    with pytest.raises(ValueError, match="no mask strategy") as error:
        known_strategy("x" * 3_000_000, "wide")
    assert len(str(error.value)) < 300
