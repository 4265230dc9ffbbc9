"""SIGKILL in the middle of a run, and numbers that go wrong: nothing is lost, nothing differs."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lama.checkpoint import read_checkpoint
from lama.training.loop import train
from lama.training.run import Run, TrainingError
from tests.lama.training.toy import TOY, draw_photos, photos_in

ROOT = Path(__file__).parents[3]
STEPS = 30


@pytest.fixture
def photos(tmp_path):
    draw_photos(tmp_path / "photos")
    return tmp_path / "photos"


def start(folder, photos, *flags):
    command = [sys.executable, "-m", "tests.lama.training.toy", str(folder), str(photos), *flags]
    # One thread: sums are then made in one order, and equal means equal to the last bit.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command += ["--steps", str(STEPS), "--workers", "1"]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def lines(folder):
    path = folder / "stats.jsonl"
    text = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in text if line.endswith("\n")]


def same(a, b, where=""):
    """Every tensor of a nested state is equal, bit for bit."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return sum(same(a[key], b[key], f"{where}/{key}") for key in a)
    if isinstance(a, (list, tuple)):
        return sum(same(x, y, where) for x, y in zip(a, b, strict=True))
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), f"{where} differs by {(a.double() - b.double()).abs().max()}"
        return 1
    assert a == b, where
    return 0


def test_a_killed_run_ends_in_the_weights_of_an_unbroken_one(tmp_path, photos):
    whole = start(tmp_path / "whole", photos)
    killed = start(tmp_path / "killed", photos)
    deadline = time.monotonic() + 300
    while not any(line["step"] >= 7 for line in lines(tmp_path / "killed")):
        assert killed.poll() is None, "it should still run"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    saved = torch.load(tmp_path / "killed" / "state.pt", weights_only=True)
    assert saved["step"] < max(line["step"] for line in lines(tmp_path / "killed")) < STEPS
    assert start(tmp_path / "killed", photos, "--resume").wait() == 0
    assert whole.wait() == 0
    states = [
        torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("whole", "killed")
    ]
    assert states[0]["step"] == STEPS
    assert same(*states) > 100
    shipped = [
        read_checkpoint(tmp_path / name / "generator.safetensors") for name in ("whole", "killed")
    ]
    assert same(shipped[0][1], shipped[1][1]) > 30
    assert shipped[0][2] == shipped[1][2]
    logs = [lines(tmp_path / name) for name in ("whole", "killed")]
    for log in logs:
        for line in log:
            del line["images_per_second"]
    assert logs[0] == logs[1]
    assert [line["step"] for line in logs[1]] == list(range(1, STEPS + 1))


def test_what_was_seen_of_fills_and_photos_is_resumed_too(tmp_path, photos):
    weights = replace(TOY.weights, adversarial=0, matching=5)
    run = toy_run(tmp_path / "run", photos, weights=weights, steps=2)
    train(run, save_every=2)
    assert run.networks.matching.seen == 2 * TOY.batch
    other = toy_run(tmp_path / "run", photos, weights=weights, steps=4)
    assert other.resume()
    assert same(run.networks.matching.state_dict(), other.networks.matching.state_dict()) == 3
    older = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    del older["matching"]  # as runs without this loss left it
    torch.save(older, tmp_path / "run" / "state.pt")
    fresh = toy_run(tmp_path / "run", photos, weights=weights, steps=4)
    assert fresh.resume()
    assert fresh.networks.matching.seen == 0


def toy_run(folder, photos, **changes):
    return Run(replace(TOY, **changes), folder, photos_in(photos))


def test_a_state_of_an_older_run_can_be_gone_on_with(tmp_path, photos):
    train(toy_run(tmp_path / "run", photos, steps=2))
    path = tmp_path / "run" / "state.pt"
    state = torch.load(path, weights_only=True)
    del state["samples"], state["random"]
    torch.save(state, path)
    again = toy_run(tmp_path / "run", photos, steps=3)
    assert again.resume()
    assert (again.step, again.samples) == (2, 8)
    train(again)
    assert again.samples == 12


def test_a_resumed_run_with_another_batch_goes_on_where_the_data_was(tmp_path, photos):
    train(toy_run(tmp_path / "run", photos, steps=3))
    again = toy_run(tmp_path / "run", photos, steps=5, batch=2)
    again.resume()
    fresh = toy_run(tmp_path / "other", photos, steps=20, batch=2)
    expected = list(fresh.batches())[6:8]
    for batch, wanted in zip(again.batches(), expected, strict=True):
        assert torch.equal(batch.image, wanted.image)


def test_a_rate_of_nan_stops_and_leaves_the_checkpoint(tmp_path, photos):
    train(toy_run(tmp_path, photos, steps=4))
    good = {name: (tmp_path / name).read_bytes() for name in ("state.pt", "generator.safetensors")}
    broken = toy_run(tmp_path, photos, steps=9, lr_final=math.nan)
    broken.resume()
    with pytest.raises(TrainingError, match="step 5"):
        train(broken, save_every=100)
    broken = toy_run(tmp_path, photos, steps=9, lr_final=math.nan)
    broken.resume()
    with pytest.raises(TrainingError, match="not finite at step 5, so nothing was saved"):
        train(broken, save_every=1)
    assert good == {name: (tmp_path / name).read_bytes() for name in good}
    mended = toy_run(tmp_path, photos, steps=9)
    assert mended.resume()
    train(mended)
    assert mended.step == 9


def test_infinite_gradients_are_not_taken(tmp_path, photos):
    """The loss is finite, its gradient is not: the weights must not follow it."""
    run = toy_run(tmp_path, photos, steps=2, adversarial_from=0)
    weight = next(run.discriminator.parameters())
    weight.register_hook(lambda gradient: gradient * math.inf)
    before = weight.detach().clone()
    with pytest.raises(TrainingError, match="its gradient (nan|inf) at step 0"):
        train(run)
    assert torch.equal(weight, before)


def test_crops_that_the_generator_cannot_take_are_refused(tmp_path, photos):
    with pytest.raises(ValueError, match="multiple of 8"):
        toy_run(tmp_path, photos, crop=36)
