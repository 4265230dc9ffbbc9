"""The engine over lama: what a page may ask for, and what it gets."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gradio.data_classes import _StaticFiles
from gradio.utils import is_static_file

import lama
from lama import registry
from lama.checkpoint import build, save_checkpoint
from lama.config import UNetConfig
from space import wiring
from space.settings import Settings
from space.turns import BusyError, CancelledError, WorkQueue
from tests.space.dataset_app import make_services


class FakeInpainter(SimpleNamespace):
    preview_cores = None

    def fill(self, rgb, mask, *, out=None, quality="full", cancelled=None, progress=None):
        if cancelled is not None and cancelled():
            raise lama.Cancelled
        filled = rgb.copy() if out is None else out
        filled[mask] = 5
        return filled

    def coarse(self, mask):
        return mask & (np.indices(mask.shape).sum(0) % 2 == 0)


@pytest.fixture
def engine(monkeypatch):
    loads = []

    def load(name):
        loads.append(name)
        generator = SimpleNamespace(config=UNetConfig())
        return FakeInpainter(
            name=name, device="cpu", precision="fp32", sha256="ab", generator=generator
        )

    monkeypatch.setattr(lama, "load", load)
    engine = wiring.LamaEngine("lama-tiny")
    engine.loads = loads
    return engine


def ask(engine, model="lama-tiny", cancelled=None):
    rgb = np.zeros((17, 23, 3), np.uint8)
    mask = np.zeros((17, 23), bool)
    mask[3:7, 5:9] = True
    return engine.inpaint(model, rgb, mask, cancelled)


def test_a_model_is_loaded_once(engine):
    assert (ask(engine).rgb == 5).sum() == 16 * 3
    result = ask(engine)
    assert engine.loads == ["lama-tiny"]
    assert (result.model, result.device, result.precision, result.sha256) == (
        "lama-tiny",
        "cpu",
        "fp32",
        "ab",
    )


def test_a_copy_is_saved_where_the_picture_may_change(engine):
    rgb = np.zeros((17, 23, 3), np.uint8)
    mask = np.zeros((17, 23), bool)
    mask[3:7, 5:9] = True
    assert engine.inpaint("lama-tiny", rgb, mask).rgb is not rgb
    assert not rgb.any()
    assert engine.inpaint("lama-tiny", rgb, mask, in_place=True).rgb is rgb


def test_a_page_cannot_name_a_file_of_the_server(engine, tmp_path):
    for name in ("../../etc/passwd", str(tmp_path / "evil.pt"), "nothing"):
        with pytest.raises(ValueError, match="There is no model named"):
            ask(engine, name)
    assert engine.loads == []


def test_a_model_that_is_not_here_says_how_to_get_it(engine, monkeypatch):
    monkeypatch.setattr(registry, "find", lambda name: None)
    words = "Choose it on the page to fetch it, or run `python -m lama models --download big-lama`"
    with pytest.raises(ValueError, match=words):
        ask(engine, "big-lama")


def test_cancelled_is_the_apps_own_word(engine):
    with pytest.raises(CancelledError):
        ask(engine, cancelled=lambda: True)
    answers = iter([False])  # while it waits for its turn
    with pytest.raises(CancelledError) as caught:
        ask(engine, cancelled=lambda: next(answers, True))
    assert isinstance(caught.value.__cause__, lama.Cancelled)


def test_models_come_with_their_speed_once_measured(engine):
    assert all(model.seconds is None for model in engine.models())
    engine._measure("lama-tiny")
    [tiny] = [model for model in engine.models() if model.name == "lama-tiny"]
    assert tiny.seconds > 0
    assert (tiny.device, tiny.precision) == ("cpu", "fp32")


def test_strokes_wait_for_their_turn_and_measuring_takes_none(engine):
    engine.turns = WorkQueue(at_once=0, most_waiting=0)
    with pytest.raises(BusyError):
        ask(engine)
    engine._measure("lama-tiny")
    assert "lama-tiny" in engine._seconds


def test_a_stroke_is_filled_on_as_many_cores_as_are_quickest(engine, monkeypatch, tmp_path):
    asked = []
    engine._cores = 4
    monkeypatch.setattr(
        wiring, "quickest", lambda work, counts: asked.append((work(), counts)) or 1
    )
    engine._measure("lama-tiny")
    [(filled, counts)] = asked
    assert counts == (4, 1)
    assert 0 < (filled == 5).all(-1).sum() < 0.1 * filled.shape[0] * filled.shape[1]
    assert engine._get("lama-tiny").preview_cores == 1
    monkeypatch.setattr(registry, "find", lambda name: tmp_path)
    assert engine._get("big-lama").preview_cores == 1, "the fake's layout is the same"
    engine._cores = 1
    engine._measure("lama-tiny")
    assert len(asked) == 1, "there is no choice"


def test_the_operators_own_checkpoint_is_in_the_list(monkeypatch, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(bytes(2_000_000))
    [mine] = [m for m in wiring.LamaEngine(str(path)).models() if m.title == "mine"]
    assert mine.on_disk
    assert mine.megabytes == pytest.approx(2)


def test_fine_tuned_models_are_there_as_soon_as_their_file_is(tmp_path):
    engine = wiring.LamaEngine("lama-tiny", tmp_path)
    before = {model.name for model in engine.models()}
    torch.manual_seed(0)
    small = build(UNetConfig(width=8, n_blocks=1, detail=4))
    meta = {"kind": "fine-tuned", "base": "lama-tiny", "masks": 9}
    digest = save_checkpoint(tmp_path / "mine-1.safetensors", small, meta)
    [mine] = [model for model in engine.models() if model.name not in before]
    assert (mine.name, mine.on_disk) == ("mine-1", True)
    assert "on 9 saved masks" in mine.note
    rgb = np.zeros((35, 40, 3), np.uint8)
    mask = np.zeros((35, 40), bool)
    mask[9:20, 9:20] = True
    result = engine.inpaint("mine-1", rgb, mask)
    assert (result.model, result.sha256) == ("mine-1", digest)
    torch.nn.init.ones_(small.leave[0].bias)
    other = save_checkpoint(tmp_path / "mine-1.safetensors", small, meta)
    assert engine.inpaint("mine-1", rgb, mask).sha256 == other != digest
    (tmp_path / "mine-1.safetensors").unlink()
    assert {model.name for model in engine.models()} == before
    with pytest.raises(ValueError, match="no model named 'mine-1'"):
        engine.inpaint("mine-1", rgb, mask)
    with pytest.raises(ValueError, match="no model named 'mine-2'"):
        engine.inpaint("mine-2", rgb, mask)


def test_only_the_last_models_stay_in_memory(engine, tmp_path):
    small = build(UNetConfig(width=8, n_blocks=1, detail=4))
    engine._models_dir = tmp_path
    ask(engine)
    for number in range(6):
        meta = {"kind": "fine-tuned", "base": "lama-tiny", "masks": number}
        save_checkpoint(tmp_path / f"mine-{number}.safetensors", small, meta)
        ask(engine, f"mine-{number}")
    ask(engine, "mine-5")
    ask(engine)
    assert len(engine.loads) == 7
    ask(engine, "mine-0")
    assert len(engine.loads) == 8
    assert len(engine._loaded) == 5


def test_a_file_does_not_take_a_known_models_place(tmp_path):
    (tmp_path / "lama-tiny.safetensors").symlink_to(registry.find("lama-tiny"))
    engine = wiring.LamaEngine("lama-tiny", tmp_path)
    assert [model.name for model in engine.models()].count("lama-tiny") == 1


def test_a_download_stops_when_nobody_wants_it(engine, monkeypatch):
    def download(name, progress):
        progress(0.5)
        pytest.fail("went on")

    monkeypatch.setattr(registry, "download", download)
    with pytest.raises(CancelledError):
        engine.download("big-lama", lambda share: None, lambda: True)


def test_a_first_model_that_does_not_exist_is_refused_at_once():
    with pytest.raises(ValueError, match="no model 'lama-huge'"):
        wiring.LamaEngine("lama-huge")


def test_accounts_are_read_before_anything_is_started(monkeypatch, tmp_path):
    monkeypatch.setattr(wiring, "services", lambda settings: pytest.fail("it was started"))
    settings = Settings(data_dir=tmp_path / "data", auth_file=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="The file of accounts cannot be read"):
        wiring.launch(settings)
    assert not (tmp_path / "data").exists()


def test_only_a_quick_look_tells_what_is_coarse(engine):
    rgb, mask = np.zeros((17, 23, 3), np.uint8), np.zeros((17, 23), bool)
    mask[3:7, 5:9] = True
    quick = engine.inpaint("lama-tiny", rgb, mask, quality="quick")
    assert quick.rough.sum() == 8
    assert engine.inpaint("lama-tiny", rgb, mask).rough is None


def test_the_app_is_swept_while_it_is_served(monkeypatch, tmp_path):
    """Also: Gradio makes no copies of what lies in the folder of downloads."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "data" / "cache" / "uploads"))
    monkeypatch.setattr(_StaticFiles, "all_paths", [])
    monkeypatch.setattr(wiring, "services", lambda settings: make_services(settings.data_dir))
    seen = []

    def launch(**options):
        exported = tmp_path / "data" / "cache" / "exports" / "x" / "result.png"
        exported.parent.mkdir()
        exported.write_bytes(b"x")
        seen.append(is_static_file(str(exported)))
        seen.append([thread for thread in threading.enumerate() if thread.name == "sweep"])

    page = SimpleNamespace(queue=lambda **options: None, launch=launch)
    monkeypatch.setattr(wiring.ui, "build", lambda parts: page)
    wiring.launch(Settings(data_dir=tmp_path / "data"))
    assert seen[0]
    [thread] = seen[1]
    thread.join(20)
    assert not thread.is_alive()
