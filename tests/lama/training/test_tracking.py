"""What a dashboard is told when it is asked for."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

import masks
from lama.training.loop import train
from lama.training.run import Run, TrainingError
from lama.training.tracking import Tracker
from lama.training.validation import Validation
from tests.lama.training.toy import TOY, draw_photos, photos_in, pictures


@pytest.fixture
def photos(tmp_path):
    draw_photos(tmp_path / "photos")
    return photos_in(tmp_path / "photos")


def run_with(tracker, folder, photos):
    watched = Validation(pictures(photos, 2), masks.get("thick"), 64)
    run = Run(TOY, folder, photos, validation=watched)
    run.tracker = tracker
    train(run, save_every=6, log_every=6)


def test_every_line_of_the_log_is_told(tmp_path, photos, monkeypatch):
    """A stand-in for the package shows the calls."""
    told = []
    stand_in = ModuleType("trackio")
    stand_in.Image = lambda path: f"picture {path}"
    stand_in.init = lambda **given: (
        told.append(("init", given))
        or SimpleNamespace(
            log=lambda values, step: told.append((step, values)),
            finish=lambda: told.append(("finish", None)),
        )
    )
    monkeypatch.setitem(sys.modules, "trackio", stand_in)
    run_with(Tracker("paintings", "toy", {"lr": 1}), tmp_path / "run", photos)
    assert told[0][1]["project"] == "paintings"
    assert told[0][1]["resume"] == "allow"
    assert [step for step, _ in told[1:]] == [6, 6, 12, 12, "finish"]
    assert {"loss", "images_per_second"} <= told[1][1].keys()
    assert "step" not in told[1][1]
    assert told[2][1]["samples"].endswith("run/samples/000006.png")
    assert told[2][1]["val_l1"] > 0


def test_a_run_that_fails_closes_its_dashboard_too(tmp_path, photos, monkeypatch):
    closed = []
    tracker = SimpleNamespace(log=lambda *_: None, close=lambda: closed.append(1))

    def failing(*_):
        raise TrainingError("the loss is nan")

    monkeypatch.setattr("lama.training.loop.one_step", failing)
    with pytest.raises(TrainingError):
        run_with(tracker, tmp_path / "run", photos)
    assert closed == [1]


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(ValueError, match=r"pip install -r requirements-track.txt"):
        Tracker("paintings", "toy", {})


def test_a_real_project_on_this_machine(tmp_path, photos, monkeypatch):
    pytest.importorskip("trackio", reason="optional: requirements-track.txt")
    from trackio.sqlite_storage import SQLiteStorage

    monkeypatch.setattr("trackio.sqlite_storage.TRACKIO_DIR", tmp_path / "trackio", raising=True)
    run_with(Tracker("paintings", "toy", {"lr": 1}), tmp_path / "run", photos)
    logs = SQLiteStorage.get_logs("paintings", "toy")
    assert [row["step"] for row in logs] == [6, 6, 12, 12]
    assert logs[0]["loss"] > 0
    assert logs[1]["val_l1"] > 0
