"""Runs as processes of their own: whether they are there, and how stopped ones go on."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from space.store.deciding import decide
from space.store.files import try_lock
from space.train.runs import TrainingRuns
from space.train.trainer import Trainer
from tests.space.store.conftest import make_submission


def sleeper() -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def pretend(runs: TrainingRuns, pid: int, name: str = "20260101-000000", ago: float = 0) -> Path:
    """A run folder, and a note that it was this process `ago` seconds ago."""
    run_dir = runs.folder / name
    run_dir.mkdir(parents=True)
    (run_dir / "launch.json").write_text(json.dumps({"arguments": [], "time": time.time() - ago}))
    note = {"run": name, "pid": pid, "time": time.time() - ago}
    (runs.folder / "current.json").write_text(json.dumps(note))
    return run_dir


def test_a_process_with_the_same_number_is_not_the_run(trainer: Trainer) -> None:
    alive = time.time() - psutil.Process().create_time()
    pretend(trainer.runs, os.getpid(), ago=alive + 3600)
    assert trainer.runs.current() is None


def test_a_run_of_the_command_line_is_seen_and_can_be_cancelled(trainer: Trainer) -> None:
    process = sleeper()
    try:
        run_dir = trainer.runs.folder / "20260101-000000"
        run_dir.mkdir(parents=True)
        status = {"phase": "training", "message": "", "pid": process.pid, "time": time.time()}
        (run_dir / "status.json").write_text(json.dumps(status))
        state = trainer.state()
        assert (state.running, state.phase, state.name) == (True, "training", run_dir.name)
        (run_dir / "status.json").write_text(json.dumps(status | {"time": time.time() - 900}))
        assert not trainer.state().running, "that process began later: it has the number by chance"
        (run_dir / "status.json").write_text(json.dumps(status))
        assert trainer.runs.cancel()
        assert process.wait(10) == -15
        assert not trainer.state().running
    finally:
        process.kill()


def told(runs: TrainingRuns, name: str, ago: float, **status: object) -> Path:
    """A run folder that was last heard of some seconds ago."""
    run_dir = runs.folder / name
    run_dir.mkdir(parents=True)
    path = run_dir / "status.json"
    path.write_text(json.dumps({"time": time.time() - ago, **status}))
    os.utime(path, (time.time() - ago,) * 2)
    return run_dir


def test_the_last_run_is_the_one_last_heard_of_whatever_its_name(trainer: Trainer) -> None:
    told(trainer.runs, "zebra-2", 500, phase="promoted")
    told(trainer.runs, "20260101-000000", 300, phase="refused")
    told(trainer.runs, "mine", 100, phase="failed", message="of mine")
    (trainer.runs.folder / "zz-no-run").mkdir()
    state = trainer.state()
    assert (state.name, state.phase, state.message) == ("mine", "failed", "of mine")
    launch = trainer.runs.folder / "20260101-000000" / "launch.json"
    launch.write_text('{"arguments": []}')
    assert trainer.state().name == "20260101-000000", "it was asked for a moment ago"


def test_any_run_at_work_keeps_others_from_starting(trainer: Trainer, monkeypatch) -> None:
    monkeypatch.setattr(TrainingRuns, "_launch", lambda *_: pytest.fail("it was started"))
    process = sleeper()
    try:
        now = {"phase": "evaluating", "pid": process.pid, "time": time.time()}
        told(trainer.runs, "mine", 100, **now)
        told(trainer.runs, "20260101-000000", 0, phase="failed")
        assert trainer.runs.current() == {"run": "mine", "pid": process.pid}
        assert (trainer.state().name, trainer.state().running) == ("mine", True)
        for begin in (lambda: trainer.runs.start([]), trainer.runs.resume):
            with pytest.raises(ValueError, match="being trained already"):
                begin()
    finally:
        process.kill()


def test_a_run_of_another_user_is_theirs_to_stop(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "terminate", refuse)
    pretend(trainer.runs, os.getpid())
    with pytest.raises(ValueError, match="Another user"):
        trainer.runs.cancel()


def test_a_zombie_is_over(trainer: Trainer) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    pretend(trainer.runs, process.pid)
    deadline = time.monotonic() + 20
    while trainer.runs.current() is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert trainer.runs.current() is None
    process.wait()


def test_a_real_run_that_fails_says_why(trainer: Trainer) -> None:
    """One approved mask is too few: the process starts, says so and ends."""
    store = trainer.services.store
    receipt = store.save(make_submission(1))
    decide(store.core, receipt.record_id, "ann", "approved")
    name = trainer.runs.start(["--init", "lama-tiny", "--steps", "2"])
    assert trainer.runs.current()["run"] == name
    deadline = time.monotonic() + 120
    while trainer.state().running and time.monotonic() < deadline:
        time.sleep(0.3)
    state = trainer.state()
    assert state.phase == "failed"
    assert "Approve more" in state.message
    assert "Approve more" in state.log


def stopped_run(runs: TrainingRuns, phase: str = "stopped") -> Path:
    """What a run leaves that was cancelled at step 7 of 50."""
    run_dir = runs.folder / "20260101-000000"
    run_dir.mkdir(parents=True)
    launch = {"arguments": ["--init", "lama-tiny"], "time": time.time() - 100}
    (run_dir / "launch.json").write_text(json.dumps(launch))
    (run_dir / "plan.json").write_text('{"steps": 50}')
    (run_dir / "status.json").write_text(json.dumps({"phase": phase, "time": time.time() - 10}))
    (run_dir / "stats.jsonl").write_text('{"step": 7, "loss": 2.0}\n')
    (run_dir / "state.pt").write_bytes(b"x")
    (run_dir / "log.txt").write_text("the first part\n")
    return run_dir


def test_a_stopped_run_goes_on_as_it_was_asked_for(trainer: Trainer, monkeypatch) -> None:
    run_dir = stopped_run(trainer.runs)
    assert trainer.state().resumable
    assert trainer.state().seconds == pytest.approx(90, abs=1)
    commands = []
    popen = subprocess.Popen

    def started(command: list[str], **how) -> subprocess.Popen:
        commands.append(command)
        return popen([sys.executable, "-c", "import time; print('more'); time.sleep(60)"], **how)

    monkeypatch.setattr("space.train.runs.subprocess.Popen", started)
    assert trainer.runs.resume() == run_dir.name
    [process] = trainer.runs.children.values()
    try:
        assert os.getsid(process.pid) != os.getsid(0), "a Ctrl+C for the app is not meant for it"
        assert "--resume" in commands[0]
        assert commands[0][-2:] == ["--init", "lama-tiny"]
        assert str(run_dir.resolve()) in commands[0]
        deadline = time.monotonic() + 20
        while "more" not in (run_dir / "log.txt").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (run_dir / "log.txt").read_text() == "the first part\nmore\n"
        state = trainer.state()
        assert (state.running, state.phase, state.resumed_at) == (True, "preparing", 0)
        # It was saved at step 5; what it had logged of later steps is made again.
        (run_dir / "status.json").write_text('{"phase": "training", "since": 5}')
        assert trainer.state().resumed_at == 5
        assert not state.resumable
        assert state.seconds < 60
        with pytest.raises(ValueError, match="being trained already"):
            trainer.runs.resume()
    finally:
        process.kill()


@pytest.mark.parametrize("phase", ["promoted", "refused"])
def test_a_run_that_is_done_is_not_resumed(trainer: Trainer, phase: str) -> None:
    stopped_run(trainer.runs, phase)
    with pytest.raises(ValueError, match="no stopped run"):
        trainer.runs.resume()


def test_a_run_that_would_fail_again_is_not_resumed(trainer: Trainer) -> None:
    run_dir = stopped_run(trainer.runs, "failed")
    assert trainer.state().resumable, "a full disk, say"
    (run_dir / "status.json").write_text('{"phase": "failed", "resumable": false}')
    with pytest.raises(ValueError, match="no stopped run"):
        trainer.runs.resume()


def test_resuming_needs_what_training_needs(trainer: Trainer, monkeypatch) -> None:
    stopped_run(trainer.runs)
    monkeypatch.setattr("lama.extras.NEEDED", ("no_such_package",))
    with pytest.raises(ValueError, match=r"requirements-train\.txt"):
        trainer.runs.resume()


def test_nothing_is_resumed_where_nothing_was_saved(trainer: Trainer) -> None:
    with pytest.raises(ValueError, match="no stopped run"):
        trainer.runs.resume()
    (stopped_run(trainer.runs) / "state.pt").unlink()
    with pytest.raises(ValueError, match="no stopped run"):
        trainer.runs.resume()


def test_two_that_press_start_at_once_start_one_run(trainer: Trainer, monkeypatch) -> None:
    monkeypatch.setattr(TrainingRuns, "_launch", lambda *_: pytest.fail("it was started"))
    trainer.runs.folder.mkdir(parents=True)
    stopped_run(trainer.runs)
    with try_lock(trainer.runs.folder / "start.lock") as mine:
        assert mine
        for begin in (lambda: trainer.runs.start([]), trainer.runs.resume):
            with pytest.raises(ValueError, match="being trained already"):
                begin()
