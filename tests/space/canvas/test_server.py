"""The canvas's questions, asked as the page asks them, of a fake engine."""

import base64
import hashlib
import io
import shutil
import threading
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

import masks
from space.canvas.protocol import encode_mask
from space.canvas.server import CanvasServer
from space.services import Services
from space.turns import WorkQueue
from tests.space.fakes import TeleaEngine


def uploaded(path: Path) -> str:
    """Put a file where the page's uploads land."""
    folder = Path(get_upload_folder()) / hashlib.sha256(path.read_bytes()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    return str(shutil.copy(path, folder / path.name))


def question(server: CanvasServer, picture: Path, request: int = 1, **changes: object) -> dict:
    handle = server.services.photos.put(picture)
    mask = np.zeros((handle.height, handle.width), dtype=bool)
    mask[10:20, 15:30] = True
    value = {"photo": handle.id, "mask": encode_mask(mask), "request": request, "model": "telea"}
    return {"page": "p", "value": value | changes}


def test_open_photo(server: CanvasServer, picture: Path) -> None:
    answer = server.open_photo({"path": uploaded(picture), "name": "/tmp/my cat.png"})
    assert answer["ok"]
    assert (answer["width"], answer["height"], answer["name"]) == (61, 43, "my cat.png")
    assert answer["preview"] is None
    assert server.has_photo({"photo": answer["photo"]})["ok"]


def test_files_that_were_not_uploaded_are_not_opened(server: CanvasServer, picture: Path) -> None:
    beside = Path(get_upload_folder()) / "of-another-program" / "private.png"
    beside.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(picture, beside)
    for path in (
        str(picture),
        str(beside),
        "/etc/hostname",
        "",
        get_upload_folder() + "/../../etc/hostname",
    ):
        answer = server.open_photo({"path": path, "name": "x"})
        assert not answer["ok"]
        assert "did not arrive" in answer["message"]


def test_sixteen_bits_come_with_a_preview(server: CanvasServer, tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.arange(35 * 27, dtype=np.uint16).reshape(27, 35) * 60).save(path)
    answer = server.open_photo({"path": uploaded(path), "name": "deep.png"})
    shown = Image.open(answer["preview"].removeprefix("gradio_api/file="))
    assert shown.size == (35, 27)


def test_run_answers_with_patches_of_the_filled_photo(
    server: CanvasServer, picture: Path, rgb: np.ndarray
) -> None:
    answer = server.run(question(server, picture))
    assert answer["ok"]
    assert answer["verified"] is True
    assert answer["fraction"] == pytest.approx(150 / (43 * 61))
    [patch] = answer["patches"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(patch["png"]))))
    y, x = patch["y"], patch["x"]
    crop = rgb[y : y + patch["height"], x : x + patch["width"]]
    assert pixels.shape == crop.shape
    changed = (pixels != crop).any(axis=2)
    assert changed.any()
    assert not changed[:3].any()


def test_verified_is_false_when_the_engine_touches_more(
    server: CanvasServer, picture: Path, engine: TeleaEngine
) -> None:
    engine.spoil = True
    assert server.run(question(server, picture))["verified"] is False


def test_an_older_run_gives_way_to_a_newer(
    server: CanvasServer, picture: Path, engine: TeleaEngine
) -> None:
    engine.gate.clear()
    answers: dict[int, dict] = {}

    def ask(request: int) -> None:
        answers[request] = server.run(question(server, picture, request))

    first = threading.Thread(target=ask, args=(1,))
    first.start()
    assert engine.started.wait(5)
    second = threading.Thread(target=ask, args=(2,))
    second.start()
    first.join(timeout=5)
    assert answers[1] == {"ok": False, "cancelled": True}
    engine.gate.set()
    second.join(timeout=5)
    assert answers[2]["ok"]


def test_cancel(server: CanvasServer, picture: Path, engine: TeleaEngine) -> None:
    engine.gate.clear()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.run(question(server, picture))))
    thread.start()
    assert engine.started.wait(5)
    assert server.cancel({"page": "p", "request": 1})["ok"]
    thread.join(timeout=5)
    assert answers == [{"ok": False, "cancelled": True}]
    engine.gate.set()
    assert server.run(question(server, picture, 2))["ok"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"photo": None}, "Open a photo first"),
        ({"mask": None}, "Nothing is marked yet"),
        ({"mask": encode_mask(np.ones((43, 61), dtype=bool))}, "Everything is marked"),
        ({"model": "nothing"}, "no model named 'nothing'"),
    ],
)
def test_bad_questions_are_answered_in_words(
    server: CanvasServer, picture: Path, changes: dict, said: str
) -> None:
    answer = server.run(question(server, picture, **changes))
    assert not answer["ok"]
    assert said in answer["message"]


@pytest.mark.parametrize("nonsense", [None, [], "text", {}, {"value": 3}])
def test_nonsense_is_answered_too(server: CanvasServer, nonsense: object) -> None:
    for ask in server.functions():
        if ask.__name__ not in ("models", "cancel", "download", "progress"):
            answer = ask(nonsense)  # type: ignore[arg-type]
            assert answer["ok"] is False
            assert answer["message"]


def test_an_unexpected_failure_is_an_apology_not_a_traceback(
    server: CanvasServer, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("/secret/path")

    monkeypatch.setattr(server.services.engine, "inpaint", broken)
    answer = server.run(question(server, picture))
    assert answer == {"ok": False, "message": "That went wrong on the server. Try once more."}


def test_export_keeps_known_pixels_and_the_format(
    server: CanvasServer, tmp_path: Path, rgb: np.ndarray
) -> None:
    path = tmp_path / "walk.webp"
    Image.fromarray(rgb).save(path, lossless=True)
    result = server.run(question(server, path))["result"]
    for wanted, form in (("PNG", "PNG"), ("original", "WEBP")):
        answer = server.export({"result": result, "format": wanted})
        exported = Image.open(answer["url"].removeprefix("gradio_api/file="))
        assert exported.format == form
        assert answer["name"].startswith("walk-inpainted.")
        known = np.ones((43, 61), dtype=bool)
        known[10:20, 15:30] = False
        assert np.array_equal(np.asarray(exported)[known], rgb[known])


@pytest.mark.parametrize("name", ["IMG #1 50%.png", "写" * 82 + ".png"])
def test_export_under_any_name(server: CanvasServer, picture: Path, name: str) -> None:
    opened = server.open_photo({"path": uploaded(picture), "name": name})
    value = question(server, picture)["value"] | {"photo": opened["photo"]}
    server.open_photo({"path": uploaded(picture), "name": name})  # `question` called it otherwise
    result = server.run({"page": "p", "value": value})["result"]
    answer = server.export({"result": result, "format": "PNG"})
    assert answer["ok"], answer
    assert answer["name"].startswith(name[:6])
    assert answer["name"].endswith("-inpainted.png")
    path = Path(unquote(answer["url"].removeprefix("gradio_api/file=")))
    assert path.is_file()
    assert path.name == answer["name"]
    assert "#" not in answer["url"]


def test_a_download_has_the_name_that_its_own_page_gave(
    server: CanvasServer, picture: Path
) -> None:
    result = server.run(question(server, picture, name="../../divorce papers.png"))["result"]
    other = server.open_photo({"path": uploaded(picture), "name": "somebody else's.png"})
    assert other["ok"]
    assert server.export({"result": result, "format": "PNG"})["name"].startswith("divorce papers-")
    adopted = server.adopt({"result": result})
    assert server.services.photos.get(adopted["photo"]).name == "divorce papers.png"


def test_go_on_from_a_result(server: CanvasServer, picture: Path) -> None:
    ran = server.run(question(server, picture))
    adopted = server.adopt({"result": ran["result"]})
    assert adopted["ok"]
    handle = server.services.photos.get(adopted["photo"])
    [patch] = ran["patches"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(patch["png"]))))
    y, x = patch["y"], patch["x"]
    now = server.services.photos.decoded(handle).rgb
    assert np.array_equal(now[y : y + patch["height"], x : x + patch["width"]], pixels)
    assert handle.format == "PNG"
    assert handle.name == "a photo.png"
    assert handle.origins == (server.services.photos.put(picture).id,)


def test_fill_from_a_strategy_is_seeded(server: CanvasServer, picture: Path) -> None:
    photo = server.services.photos.put(picture).id
    ask = {"photo": photo, "strategy": "box", "seed": 3}
    assert server.fill_strategy(ask) == server.fill_strategy(ask)
    assert server.fill_strategy(ask)["mask"] != server.fill_strategy(ask | {"seed": 4})["mask"]
    unknown = server.fill_strategy(ask | {"strategy": "spiral"})
    assert "box" in unknown["message"]


def test_a_mask_from_a_strategy_says_who_drew_it(server: CanvasServer, tmp_path: Path) -> None:
    flat = tmp_path / "flat.png"
    Image.new("RGB", (131, 97), (90, 120, 150)).save(flat)
    handle = server.services.photos.put(flat)
    answer = server.fill_strategy({"photo": handle.id, "strategy": "segmentation", "seed": 0})
    assert answer["strategy"] == "medium"
    assert "No object" in answer["note"]
    assert server.fill_strategy({"photo": handle.id, "strategy": "box"})["strategy"] == "box"


@pytest.mark.parametrize("strategy", ["wide", "box", "segmentation", "outpaint"])
def test_a_strategy_fills_a_large_photo_as_it_does_a_small_one(
    server: CanvasServer, tmp_path: Path, strategy: str
) -> None:
    large = tmp_path / "large.png"
    Image.new("RGB", (1603, 1203), (90, 120, 150)).save(large)
    handle = server.services.photos.put(large)
    rgb = server.services.photos.decoded(handle).rgb
    shares = []
    for seed in range(6):
        answer = server.fill_strategy({"photo": handle.id, "strategy": strategy, "seed": seed})
        name, parameters = answer["strategy"], answer["parameters"]
        again = masks.generate(name, rgb, 1, seed, **parameters)[0].mask
        assert encode_mask(again) == answer["mask"], "the record draws the same mask again"
        shares.append(again.mean())
    assert np.mean(shares) > 0.1


def test_a_photo_that_is_gone_is_told_apart(server: CanvasServer, picture: Path) -> None:
    asked = question(server, picture)
    server.services.photos.forget(asked["value"]["photo"])
    for answer in (server.run(asked), server.has_photo({"photo": asked["value"]["photo"]})):
        assert (answer["ok"], answer["lost"]) == (False, True)
        assert "no longer has this photo" in answer["message"]
    never = server.run({"page": "p", "value": {"photo": "x"}})
    assert not never["ok"]
    assert "lost" not in never


def test_too_many_at_once_are_told_apart(server: CanvasServer, picture: Path) -> None:
    server.pictures = WorkQueue(at_once=0, most_waiting=0)
    answer = server.open_photo({"path": uploaded(picture), "name": "a.png"})
    assert (answer["ok"], answer["busy"]) == (False, True)
    assert "Try again" in answer["message"]


def test_models_name_what_is_on_disk(server: CanvasServer) -> None:
    answer = server.models({})
    assert answer["chosen"] == "telea"
    assert [(model["name"], model["on_disk"]) for model in answer["models"]] == [
        ("telea", True),
        ("far", False),
    ]


def test_a_failed_download_says_what_to_do(server: CanvasServer) -> None:
    assert server.download({"action": "start", "model": "far"})["ok"]
    state = _until_settled(server)
    assert state["state"] == "failed"
    assert "by hand" in state["message"]
    assert not server.download({"action": "start", "model": "nothing"})["ok"]


def test_a_download_can_be_cancelled(server: CanvasServer, engine: TeleaEngine) -> None:
    engine.gate.clear()
    server.download({"action": "start", "model": "far"})
    server.download({"action": "cancel", "model": "near"})
    assert not server.downloads._stop.is_set(), "somebody else's"
    server.download({"action": "cancel", "model": "far"})
    engine.gate.set()
    assert _until_settled(server)["state"] == "cancelled"


def _until_settled(server: CanvasServer) -> dict:
    for _ in range(500):
        state = server.download({})
        if state["state"] != "running":
            return state
        threading.Event().wait(0.01)
    pytest.fail("the download never ended")


def test_live_keeps_far_fills_and_manual_fills_all_anew(
    services: Services, tmp_path: Path, engine: TeleaEngine
) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (211, 397, 3), dtype=np.uint8)
    path = tmp_path / "long.png"
    Image.fromarray(pixels).save(path)
    server = CanvasServer(services)
    photo = services.photos.put(path).id

    def ask(request: int, *lefts: int, live: bool) -> dict:
        mask = np.zeros((211, 397), dtype=bool)
        for left in lefts:
            mask[90:110, left : left + 20] = True
        value = {"photo": photo, "mask": encode_mask(mask), "request": request, "model": "telea"}
        return server.run({"page": "p", "value": value | {"live": live}})

    first = ask(1, 20, live=True)
    both = ask(2, 20, 300, live=True)
    assert both["verified"]
    assert both["patches"][0] == first["patches"][0]
    assert engine.calls == 2
    assert ask(3, 20, live=True)["patches"] == first["patches"]
    assert engine.calls == 2
    ask(4, 20, live=False)
    assert engine.calls == 3
