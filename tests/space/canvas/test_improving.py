"""What follows a stroke's first answer: patches that differ, full size, refinement."""

import base64
import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.canvas.protocol import encode_mask
from space.canvas.server import CanvasServer
from tests.space.canvas.test_server import question
from tests.space.fakes import TeleaEngine


def pasted(photo: np.ndarray, *answers: dict) -> np.ndarray:
    """What a page shows that draws the answers' patches in turn."""
    shown = photo.copy()
    for patch in (patch for answer in answers for patch in answer["patches"]):
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(patch["png"]))).convert("RGB"))
        y, x = patch["y"], patch["x"]
        shown[y : y + patch["height"], x : x + patch["width"]] = picture
    return shown


def coarse(server: CanvasServer) -> TeleaEngine:
    """The server's engine, of which larger holes get a first look from now on."""
    engine = server.services.engine
    assert isinstance(engine, TeleaEngine)
    engine.coarse_from = 100
    return engine


def test_a_page_that_shows_the_last_result_gets_what_is_new(
    server: CanvasServer, tmp_path: Path
) -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (203, 307, 3), dtype=np.uint8)
    picture = tmp_path / "wide.png"
    Image.fromarray(rgb).save(picture)

    def run(request: int, boxes: list[tuple[int, int]], before: dict) -> dict:
        mask = np.zeros(rgb.shape[:2], dtype=bool)
        for y, x in boxes:
            mask[y : y + 20, x : x + 25] = True
        shown = {"shown": before.get("result"), "shown_version": before.get("version")}
        answer = server.run(
            question(server, picture, request, mask=encode_mask(mask), live=True, **shown)
        )
        assert answer["ok"]
        return answer

    left, right, below = (10, 10), (40, 250), (170, 20)
    first = run(1, [left, right], {})
    assert (len(first["patches"]), first["keeps"]) == (2, "")
    second = run(2, [left, right, below], first)
    assert (len(second["patches"]), second["keeps"]) == (1, first["result"])
    # A hole taken away comes back as the photo it was, and nothing else travels.
    third = run(3, [right, below], second)
    assert len(third["patches"]) == 1
    whole = run(4, [right, below], {"result": "something else", "version": 1})
    assert (len(whole["patches"]), whole["keeps"]) == (2, "")
    assert np.array_equal(pasted(rgb, first, second, third), pasted(rgb, whole))
    for quality in ("full", "refined"):
        better = {"page": "p", "request": 4, "result": whole["result"], "quality": quality}
        assert server.better(better)["ok"]
    photos = server.services.photos
    kept = photos.decoded(photos.get(server.results.get(whole["result"]).photo))
    assert np.array_equal(kept.rgb, rgb), "the photo itself was filled in place"


def test_large_holes_get_a_first_look_and_full_size_after_it(
    server: CanvasServer, picture: Path
) -> None:
    engine = coarse(server)
    first = server.run(question(server, picture, live=True))
    assert first["rough"] is True
    full = server.better({"page": "p", "request": 1, "result": first["result"]})
    assert (full["rough"], full["keeps"], full["result"]) == (False, *[first["result"]] * 2)
    assert len(full["patches"]) == 1
    assert engine.qualities == ["quick", "full"]
    again = server.run(question(server, picture, request=2, live=True))
    assert again["rough"] is False, "what is filled at full size is not looked at again"
    sharp = server.better({"page": "p", "request": 2, "result": again["result"]})
    assert (sharp["rough"], len(sharp["patches"])) == (False, 1)
    assert sharp["patches"] == full["patches"], "who asks has not got it yet"
    assert engine.qualities == ["quick", "full"]


@pytest.mark.parametrize("quality", ["full", "refined"])
def test_a_page_that_is_behind_gets_all_of_it(
    server: CanvasServer, tmp_path: Path, quality: str
) -> None:
    if quality == "full":
        coarse(server)
    rgb = np.random.default_rng(5).integers(0, 256, (103, 301, 3), dtype=np.uint8)
    picture = tmp_path / "wide.png"
    Image.fromarray(rgb).save(picture)

    def run(request: int, columns: tuple[int, ...], **shown: object) -> dict:
        mask = np.zeros(rgb.shape[:2], dtype=bool)
        for x in columns:
            mask[10:30, x : x + 20] = True
        asked = question(server, picture, request, mask=encode_mask(mask), live=True, **shown)
        return server.run(asked)

    first = run(1, (10,))
    ask = {"page": "p", "request": 2, "result": first["result"], "quality": quality}
    better = server.better(ask)
    assert (first["version"], better["version"]) == (1, 2)
    assert not np.array_equal(pasted(rgb, first), pasted(rgb, first, better))
    # The better one has not reached the page.
    behind = run(3, (10, 250), shown=first["result"], shown_version=1)
    assert (len(behind["patches"]), behind["keeps"]) == (2, "")
    new = pasted(rgb, behind)
    assert np.array_equal(new[:, :100], pasted(rgb, first, better)[:, :100])
    kept = server.results.get(behind["result"])
    assert np.array_equal(new, kept.whole(rgb)[0]), "what is shown is what is downloaded"
    abreast = run(4, (10, 150, 250), shown=behind["result"], shown_version=behind["version"])
    assert (len(abreast["patches"]), abreast["keeps"]) == (1, behind["result"])


def test_going_on_from_a_first_look_brings_what_is_gone_on_from(
    server: CanvasServer, picture: Path
) -> None:
    coarse(server)
    first = server.run(question(server, picture, live=True))
    adopted = server.adopt({"result": first["result"], "version": first["version"]})
    assert adopted["preview"]
    [place] = server.exports.folder.glob("*/preview.png")
    seen = np.asarray(Image.open(place).convert("RGB"))
    photos = server.services.photos
    assert np.array_equal(seen, photos.decoded(photos.get(adopted["photo"])).rgb)
    now = {"result": first["result"], "version": first["version"] + 1}
    assert server.adopt(now)["preview"] is None, "now the page has it"


def test_what_is_downloaded_has_full_size_everywhere(server: CanvasServer, picture: Path) -> None:
    engine = coarse(server)
    first = server.run(question(server, picture, live=True))
    assert server.export({"result": first["result"], "format": "PNG"})["ok"]
    assert engine.qualities == ["quick", "full"]
    assert not server.results.get(first["result"]).rough.any()


def test_far_first_looks_are_done_at_full_size_with_the_rest(
    server: CanvasServer, tmp_path: Path
) -> None:
    coarse(server)
    picture = tmp_path / "wide.png"
    rgb = np.random.default_rng(4).integers(0, 256, (103, 301, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(picture)

    def run(request: int, *columns: int) -> dict:
        mask = np.zeros(rgb.shape[:2], dtype=bool)
        for x in columns:
            mask[10:30, x : x + 20] = True
        answer = server.run(question(server, picture, request, mask=encode_mask(mask), live=True))
        assert answer["ok"]
        return answer

    run(1, 10)
    both = run(2, 10, 250)
    assert server.results.get(both["result"]).rough.sum() == 800
    full = server.better({"page": "p", "request": 2, "result": both["result"]})
    assert len(full["patches"]) == 2
    assert not server.results.get(both["result"]).rough.any()


def test_a_refinement_does_all_holes_and_tells_how_far_it_is(
    server: CanvasServer, picture: Path
) -> None:
    engine = server.services.engine
    assert isinstance(engine, TeleaEngine)
    first = server.run(question(server, picture, live=True))
    ask = {"page": "p", "request": 1, "result": first["result"], "quality": "refined"}
    assert len(server.better(ask)["patches"]) == 1
    assert engine.qualities == ["quick", "refined"]
    assert server.progress({"page": "p"}) == {"ok": True, "share": None}
    server.runs.report("p", 0.25)
    assert server.progress({"page": "p"})["share"] == 0.25


def test_a_newer_stroke_ends_the_work_on_the_last_one(server: CanvasServer, picture: Path) -> None:
    engine = server.services.engine
    assert isinstance(engine, TeleaEngine)
    first = server.run(question(server, picture, live=True))
    engine.gate.clear()
    engine.started.clear()
    answers: list[dict] = []
    ask = {"page": "p", "request": 1, "result": first["result"], "quality": "refined"}
    thread = threading.Thread(target=lambda: answers.append(server.better(ask)))
    thread.start()
    assert engine.started.wait(5)
    server.runs.announce("p", 2)
    thread.join(5)
    assert answers[0]["ok"] is False
    assert answers[0]["cancelled"] is True
    engine.gate.set()
