"""Processes that make samples end with the training, and so does the program."""

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import masks
from lama.training.loader import ShardSampler, default_workers, load
from tests.lama.training.toy import crops, draw_photos, photos_in

ROOT = Path(__file__).parents[3]
# A run that ends in an error nobody catches, in one of its workers or in the loop.
BROKEN = """
import sys
from dataclasses import replace
from pathlib import Path
from lama.training import loop
from lama.training.run import Run
from tests.lama.training.toy import TOY, photos_in
import masks

where, folder = sys.argv[1], Path(sys.argv[2])

def strategy(image, rng):
    if where == "worker":
        raise RuntimeError("no hole today")
    return masks.get("box")(image, rng)

def breaks(*_):
    raise RuntimeError("no step today")

if where == "loop":
    loop.one_step = breaks
run = Run(replace(TOY, workers=2), folder / "run", photos_in(folder / "photos"))
run.strategy = strategy
loop.train(run)
"""


@pytest.mark.parametrize(("where", "words"), [("worker", "no hole"), ("loop", "no step")])
def test_an_error_ends_the_program(tmp_path, where, words):
    draw_photos(tmp_path / "photos")
    command = [sys.executable, "-c", BROKEN, where, str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    # What hangs leaves a worker that ignores SIGTERM: the whole group has to go.
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, process_group=0
    )
    try:
        _, said = process.communicate(timeout=150)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        pytest.fail("it did not end")
    assert process.returncode == 1
    assert f"{words} today" in said


def sluggish(image, rng):
    time.sleep(1000)


@pytest.mark.parametrize("strategy", [masks.get("box"), sluggish])
def test_closing_ends_the_workers_whatever_they_do(tmp_path, strategy, monkeypatch):
    monkeypatch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.5)
    draw_photos(tmp_path / "photos")
    samples = crops(photos_in(tmp_path / "photos"), strategy, crop=16, stop=50)
    before = set(multiprocessing.active_children())
    batches = load(samples, range(50), 2, 2)
    if strategy is not sluggish:
        assert next(batches).image.shape == (2, 3, 16, 16)
        batches.close()
    else:
        # Nobody waits for these: an error while waiting is what ends it.
        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(
            "torch.utils.data.dataloader._MultiProcessingDataLoaderIter._next_data", interrupt
        )
        with pytest.raises(KeyboardInterrupt):
            next(batches)
    assert set(multiprocessing.active_children()) <= before


@pytest.mark.parametrize("processes", [1, 3])
def test_shares_are_every_sample_once_and_in_order(processes):
    total, batch = 36, 12
    parts = [list(ShardSampler(total, batch, batch // processes, p)) for p in range(processes)]
    assert sorted(n for part in parts for n in part) == list(range(total))
    assert all(part == sorted(part) for part in parts)
    for step in range(3):
        size = batch // processes
        now = [n for part in parts for n in part[step * size : (step + 1) * size]]
        assert now == list(range(step * batch, (step + 1) * batch))
    assert all(
        len(ShardSampler(total, batch, batch // processes, 0)) == len(part) for part in parts
    )


def test_a_long_run_is_counted_out_and_not_held():
    order = ShardSampler(120_000_000, 120, 120, 0)
    assert len(order) == 120_000_000
    assert next(iter(order)) == 0
    assert not [value for value in vars(order).values() if not isinstance(value, int)]


def test_workers_by_default(monkeypatch):
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)
    assert default_workers(cpu) == 1
    assert default_workers(gpu) == 8
    assert default_workers(gpu, streamed=True) == 1, "each would read the whole stream"
    for processes, each in (("4", 3), ("16", 1)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
        assert default_workers(gpu) == each


@pytest.mark.parametrize("workers", [0, 2])
def test_photos_that_cannot_be_read_are_one_sentence(tmp_path, workers):
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_bytes(b"no photo")
    samples = crops(photos_in(tmp_path), masks.get("box"), crop=16, stop=4)
    with pytest.raises(ValueError, match=r"^ten photos in a row could not be read.*\.jpg$") as info:
        list(load(samples, range(4), 2, workers))
    assert "\n" not in str(info.value)
