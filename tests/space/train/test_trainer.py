"""Training from the app: the form's figures, one run at a time, and what is shown."""

import json
import time
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from space import contributions
from space.canvas.protocol import encode_mask
from space.settings import Settings
from space.store.deciding import decide
from space.train import tab
from space.train.runs import RunState, TrainingRuns, read_state
from space.train.tab import updates
from space.train.trainer import Trainer, Wish
from space.train.tuned import tuned_models
from space.train.view import curves_html, log_html, progress_html
from space.visitors import visitor
from tests.space.asking import ANN, AT_HOME, HERE, STRANGER, asks
from tests.space.store.conftest import make_submission
from tests.space.train.test_runs import pretend, sleeper

WISH = Wish("telea", 50, 8, 1e-4, 0.5, 0, 24)


def test_the_form_becomes_flags(trainer: Trainer) -> None:
    flags = trainer.arguments(replace(WISH, photos=" photos/mine "), AT_HOME)
    assert flags == [
        *("--init", "telea", "--steps", "50", "--batch", "8", "--seed", "0", "--cases", "24"),
        *("--lr", "0.0001", "--masks-share", "0.5", "--photos", "photos/mine"),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 0}, "steps lies between 1"),
        ({"steps": 2.5}, "whole number"),
        ({"rate": float("nan")}, "learning rate"),
        ({"share": 1.5}, "share of saved masks"),
        ({"batch": None}, "batch"),
        ({"base": "far"}, "on this disk"),
        ({"base": "../../etc/passwd"}, "on this disk"),
        ({"photos": "--resume"}, "dash"),
    ],
)
def test_figures_that_make_no_sense(trainer: Trainer, change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        trainer.arguments(replace(WISH, **change), AT_HOME)


def test_folders_are_named_at_the_machine_only(trainer: Trainer) -> None:
    far = Settings(model="telea", host="0.0.0.0", data_dir=trainer.runs.data_dir)
    elsewhere = Trainer(replace(trainer.services, settings=far))
    with pytest.raises(ValueError, match="at the machine"):
        elsewhere.arguments(replace(WISH, photos="/etc"), visitor(far, HERE))
    with pytest.raises(ValueError, match="at the machine"):
        trainer.arguments(replace(WISH, photos="/etc"), ANN)
    with pytest.raises(ValueError, match="Only reviewers"):
        elsewhere.who(HERE, None)
    shown = updates(elsewhere, HERE, None)
    assert "Only reviewers" in shown[0]


def test_nothing_to_train_on(trainer: Trainer) -> None:
    with pytest.raises(ValueError, match="No mask is approved"):
        trainer.start(WISH, AT_HOME)


def test_a_second_run_is_refused_and_the_first_can_be_cancelled(trainer: Trainer) -> None:
    store = trainer.services.store
    receipt = store.save(make_submission(1))
    decide(store.core, receipt.record_id, "ann", "approved")
    process = sleeper()
    try:
        pretend(trainer.runs, process.pid)
        state = trainer.state()
        assert (state.running, state.phase) == (True, "preparing")
        with pytest.raises(ValueError, match="being trained already"):
            trainer.start(WISH, AT_HOME)
        assert TrainingRuns(trainer.runs.data_dir).current(), "another process sees it as well"
        assert trainer.runs.cancel()
        assert process.wait(10) == -15
        assert not trainer.runs.cancel()
        state = trainer.state()
        assert (state.running, state.phase) == (False, "stopped")
    finally:
        process.kill()


def test_the_time_to_go_is_judged_by_steps_since_the_run_was_resumed() -> None:
    state = RunState(running=True, phase="training", step=60, steps=100, seconds=30, resumed_at=50)
    # Ten steps took 30 s; 40 of them and the judging, a tenth of the whole, are to come.
    assert "about 3 min to go" in progress_html(state)
    assert "about 26 s to go" in progress_html(replace(state, resumed_at=0))


def test_what_a_folder_says(tmp_path: Path) -> None:
    run_dir = tmp_path / "20260102-030405"
    run_dir.mkdir()
    (run_dir / "plan.json").write_text('{"steps": 50}')
    status = {"phase": "training", "message": "4 masks", "time": time.time()}
    (run_dir / "status.json").write_text(json.dumps(status))
    lines = [{"step": 0, "val_lpips": 0.3}, {"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5},
             {"step": 2, "val_lpips": 0.25}]  # fmt: skip
    text = "\n".join(map(json.dumps, lines)) + '\n{"step": 3, "lo'
    (run_dir / "stats.jsonl").write_text(text)
    (run_dir / "log.txt").write_text("a\n 1%\r 2%\r 3%\n<b>\n")
    state = read_state(run_dir, running=True)
    assert (state.step, state.steps, state.phase) == (2, 50, "training")
    assert state.losses == ((1, 2.0), (2, 1.5))
    assert state.val_lpips == ((0, 0.3), (2, 0.25))
    assert state.log == "a\n 3%\n<b>"
    assert read_state(run_dir, running=False).phase == "stopped"
    html = progress_html(state)
    assert 'aria-valuenow="4"' in html
    assert "step 2 of 50" in html
    assert curves_html(state).count("<svg") == 2
    assert "pl-level" in curves_html(state)
    assert "&lt;b&gt;" in log_html(state)


def test_curves_leave_out_what_is_no_number() -> None:
    nan = float("nan")
    assert curves_html(RunState(losses=((1, nan), (2, 1.0)))) == ""
    assert "<svg" in curves_html(RunState(losses=((1, nan), (2, 1.0), (3, 1.0))))


def test_files_that_are_no_models_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"\xff" * 40)
    (tmp_path / "b.safetensors").write_bytes(b"")
    header = json.dumps({"__metadata__": {"meta": '{"kind": "other"}'}}).encode()
    (tmp_path / "c.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    meta = {"kind": "fine-tuned", "base": "lama-tiny", "masks": 9,
            "changes": {"saved": {"lpips-vgg": -0.031}}}  # fmt: skip
    header = json.dumps({"__metadata__": {"meta": json.dumps(meta)}}).encode()
    (tmp_path / "d.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    [found] = tuned_models(tmp_path)
    assert found.name == "d"
    assert "on 9 saved masks; LPIPS 3.1% lower" in found.note


def test_two_models_on_what_is_drawn(trainer: Trainer, picture: Path, rgb: np.ndarray) -> None:
    handle = trainer.services.photos.put(picture)
    mask = np.zeros(rgb.shape[:2], dtype=bool)
    mask[5:9, 7:20] = True
    drawing = {"photo": handle.id, "mask": encode_mask(mask)}
    left, right = trainer.compare(drawing, "telea", "lama-tiny")
    assert (left[~mask] == rgb[~mask]).all()
    assert (left == right).all()
    with pytest.raises(ValueError, match="Open a photo"):
        trainer.compare(None, "telea", "lama-tiny")
    with pytest.raises(ValueError, match="no model"):
        trainer.compare(drawing, "telea", "nothing")
    with pytest.raises(ValueError, match="Both sides are the same model"):
        trainer.compare(drawing, "telea", "telea")


def test_pictures_are_for_those_who_may_see_private_photos(trainer: Trainer) -> None:
    run_dir = trainer.runs.folder / "20260101-000000"
    run_dir.mkdir(parents=True)
    (run_dir / "status.json").write_text('{"phase": "refused"}')
    Image.new("RGB", (8, 8)).save(run_dir / "before-after.png")
    assert "<img" in updates(trainer, HERE, None)[3]
    accounts = replace(trainer.services.settings, host="0.0.0.0", auth_file=Path("accounts"))
    far = Trainer(replace(trainer.services, settings=accounts))
    shown = updates(far, asks("203.0.113.7", username="ann"), None)
    assert shown[3] == ""
    assert "20260101" in shown[0] or shown[4] is not None


def test_deleting_a_record_removes_pictures_of_runs(trainer: Trainer) -> None:
    services = trainer.services
    receipt = services.store.save(make_submission(1))
    run_dir = pretend(trainer.runs, 1)
    (run_dir / "samples").mkdir()
    pictures = [run_dir / "samples" / "000001.png", run_dir / "before-after.png"]
    for path in pictures:
        path.write_bytes(b"x")
    contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    assert not any(path.exists() for path in pictures)


def test_strangers_neither_start_nor_stop_a_run(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[str] = []
    for name in ("start", "resume", "cancel"):
        monkeypatch.setattr(TrainingRuns, name, lambda *_, name=name: orders.append(name))
    monkeypatch.setattr(Trainer, "start", lambda *_: orders.append("start"))
    with gr.Blocks(analytics_enabled=False) as demo:
        tab.build(trainer.services, gr.HTML(), [demo.load])
    start, *others = [fn.fn for fn in demo.fns.values() if fn.name in ("start", "carry_out")]
    fields = ("telea", 50, 8, 1e-4, 0.5, 0, 24, "")
    for order, given in ((start, fields), *((other, ()) for other in others)):
        assert "Only reviewers" in order(*given, STRANGER, None)
    assert orders == []
    for order, given in ((start, fields), *((other, ()) for other in others)):
        assert order(*given, HERE, None) == ""
    assert orders == ["start", "resume", "cancel"]


def test_a_photo_that_is_marked_all_over_is_not_compared(trainer: Trainer, picture: Path) -> None:
    handle = trainer.services.photos.put(picture)
    everything = np.ones((handle.height, handle.width), dtype=bool)
    drawing = {"photo": handle.id, "mask": encode_mask(everything)}
    with pytest.raises(ValueError, match="Everything is marked"):
        trainer.compare(drawing, "telea", "lama-tiny")
