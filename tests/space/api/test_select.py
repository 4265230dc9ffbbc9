"""A click or a box over HTTP gives the mask of an object."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from lama.photo import Photo
from masks.selection import Prompt
from space.api import select as api_select
from space.api.select import select
from space.canvas.selecting import Selecting
from space.photos import PhotoHandle
from space.services import Services


@pytest.fixture
def disc(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A photo of one disc, and its mask."""
    truth = np.zeros((97, 131), np.uint8)
    cv2.circle(truth, (80, 50), 24, 1, -1)
    pixels = np.where(truth[..., None] > 0, (210, 80, 40), (70, 110, 150)).astype(np.int16)
    pixels += np.random.default_rng(0).integers(-4, 5, pixels.shape, dtype=np.int16)
    path = tmp_path / "disc.png"
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path, truth > 0


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("box", [[54, 24, 106, 76], "[54, 24, 106, 76]", (54, 24, 106, 76)])
def test_a_box_in_every_form(
    services: Services, disc: tuple[Path, np.ndarray], box: object
) -> None:
    path, truth = disc
    assert overlap(select(services, str(path), None, None, box), truth) > 0.85


def test_a_click(services: Services, disc: tuple[Path, np.ndarray]) -> None:
    path, truth = disc
    mask = select(services, str(path), 80, 50, None)
    assert mask.shape == truth.shape
    assert overlap(mask, truth) > 0.85


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None, None, None), "nothing was pointed at"),
        ((5, None, None), "both x and y"),
        ((500, 5, None), "outside the picture"),
        ((math.nan, 5, None), "x must be a number"),
        ((None, None, "left"), "four numbers"),
        ((None, None, [1, 2, 3]), "four numbers"),
        ((None, None, [1, 2, "x", 4]), "four numbers"),
        ((None, None, [200, 200, 300, 300]), "covers nothing"),
    ],
)
def test_bad_wishes_are_refused_in_words(
    services: Services, disc: tuple[Path, np.ndarray], arguments: tuple, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        select(services, str(disc[0]), *arguments)


def test_the_canvas_gets_mask_and_outline(
    services: Services, disc: tuple[Path, np.ndarray]
) -> None:
    server = Selecting(services)
    photo = services.photos.put(disc[0]).id
    answer = server.select({"photo": photo, "picks": [{"x": 80, "y": 50}], "outline": True})
    assert answer["ok"]
    mask = answer["mask"]
    assert abs(mask["x"] - 56) < 4
    assert abs(mask["width"] - 49) < 6
    (line,) = answer["outline"]
    assert all(type(value) is int for value in line)
    away = [{"x": 80, "y": 50}, {"x": 3, "y": 3, "remove": True}]
    again = server.select({"photo": photo, "picks": away})["mask"]
    assert (abs(again["x"] - 56) < 4, abs(again["width"] - 49) < 6) == (True, True)
    for picks in (None, [], [{"x": 1, "y": 1, "remove": True}], [{"x": "left"}], ["click"]):
        refused = server.select({"photo": photo, "picks": picks})
        assert not refused["ok"]
        assert "lick" in refused["message"]


def test_one_more_object_is_one_more_look(
    services: Services, disc: tuple[Path, np.ndarray]
) -> None:
    asked = []
    selector = services.selector

    class Counting:
        name = selector.name

        def select(self, image: np.ndarray, prompt: Prompt) -> np.ndarray:
            asked.append(prompt)
            return selector.select(image, prompt)

    server = Selecting(replace(services, selector=Counting()))
    photo = services.photos.put(disc[0]).id
    clicks = [{"x": 80, "y": 50}, {"x": 3, "y": 3}, {"x": 120, "y": 90}]
    answers = [server.select({"photo": photo, "picks": clicks[: n + 1]}) for n in range(3)]
    assert len(asked) == 3
    again = server.select({"photo": photo, "picks": clicks[:1]})
    assert len(asked) == 3
    assert again["mask"] == answers[0]["mask"]
    fresh = Selecting(services).select({"photo": photo, "picks": clicks})
    assert fresh["mask"] == answers[2]["mask"]


def test_photos_are_decoded_one_at_a_time(
    services: Services, disc: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, photo = Selecting(services), services.photos.put(disc[0]).id
    decoded, at_once, most = services.photos.decoded, 0, 0

    def slowly(handle: PhotoHandle) -> Photo:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.05)
        at_once -= 1
        return decoded(handle)

    monkeypatch.setattr(services.photos, "decoded", slowly)
    asked = [{"photo": photo, "picks": [{"x": 80 + number, "y": 50}]} for number in range(4)]
    with ThreadPoolExecutor() as pool:
        assert all(answer["ok"] for answer in pool.map(server.select, asked))
    assert most == 1


def test_the_file_lies_where_it_is_swept(services: Services, disc: tuple[Path, np.ndarray]) -> None:
    path, truth = disc
    with gr.Blocks(analytics_enabled=False) as demo:
        api_select.register(services)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, show_error=True)
    client = Client(url, verbose=False)
    found = client.predict(image=handle_file(path), x=80, y=50, api_name="/select_object")
    demo.close()
    assert overlap(np.asarray(Image.open(found)) > 0, truth) > 0.5
    [place] = (services.settings.folders.cache / "exports").iterdir()
    assert [file.name for file in place.iterdir()] == ["mask.png"]


def test_a_photo_above_the_apps_limit_is_refused(
    services: Services, disc: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.photos, "max_pixels", 2_000)
    with pytest.raises(ValueError, match="pixels"):
        select(services, str(disc[0]), 80, 50, None)


def test_an_empty_answer_is_said_in_words(
    services: Services, disc: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = np.zeros(disc[1].shape, bool)
    monkeypatch.setattr(type(services.selector), "select", lambda *_: nothing)
    with pytest.raises(ValueError, match="no object was made out"):
        select(services, str(disc[0]), 80, 50, None)
