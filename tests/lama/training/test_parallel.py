"""Two processes on the CPU do what one does with the same global batch."""

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import distributed, multiprocessing, nn

from lama.checkpoint import build
from lama.training import losses
from lama.training.loop import train
from lama.training.parallel import (
    WholeBatchNorm2d,
    average_gradients,
    gather,
    in_any_process,
    leave_at_exit,
    mean_over_processes,
    share_batch_norm,
)
from lama.training.run import Run
from tests.lama.training.toy import ALL_LOSSES, TOY, draw_photos, photos_in

ROOT = Path(__file__).parents[3]
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SHAPE = (6, 3, 7, 9)


def inputs():
    source = torch.Generator().manual_seed(1)
    x = torch.randn(SHAPE, generator=source, dtype=torch.float64).float() * 3 + 5
    mask = (torch.rand((6, 1, 7, 9), generator=source) < 0.3).float()
    mask[:3] *= 0.0  # all holes lie in the second process's share
    mask[0, 0, 0, 0] = 1
    return x, mask, torch.rand(SHAPE, generator=source)


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 3))


def gradient_penalty(net, x):
    """Differentiates twice through the batch norm."""
    x = x.clone().requires_grad_()
    return losses.r1_penalty(net(x), x)


def work(rank, folder):
    """One of two processes: its share through everything, results to a file."""
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    x, mask, target = (t[rank * 3 : rank * 3 + 3] for t in inputs())
    net = share_batch_norm(network())
    assert type(net[1]) is WholeBatchNorm2d
    out = net(x)
    loss = out.square().mean() + gradient_penalty(net, x)
    loss.backward()
    average_gradients(net.parameters())
    ratio = losses.relative_feature_loss([x], [target], mean_over_processes)
    hole = losses.hole_l1_loss(target, x, mask, mean_over_processes)
    result = {
        "out": out.detach(),
        "loss": mean_over_processes(loss.detach()),
        "gradients": [p.grad for p in net.parameters()],
        "state": net.state_dict(),
        "hole": mean_over_processes(hole),
        "ratio": mean_over_processes(ratio),
        "flags": [in_any_process(rank == k, torch.device("cpu")) for k in (0, 1, 2)],
        "gathered": gather(x.flip(0)),
        "frozen": net.eval()(x).detach(),
    }
    torch.save(result, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def shares(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


def test_two_halves_are_the_whole(shares):
    x, mask, target = inputs()
    net = network()
    out = net(x)
    loss = out.square().mean() + gradient_penalty(net, x)
    loss.backward()
    close = {"rtol": 1e-4, "atol": 1e-6}
    torch.testing.assert_close(torch.cat([s["out"] for s in shares]), out.detach(), **close)
    for share in shares:
        torch.testing.assert_close(share["loss"], loss.detach(), **close)
        for mine, wanted in zip(share["gradients"], net.parameters(), strict=True):
            torch.testing.assert_close(mine, wanted.grad, **close)
        assert share["state"].keys() == net.state_dict().keys()
        for key, wanted in net.state_dict().items():
            torch.testing.assert_close(share["state"][key], wanted, **close)
        torch.testing.assert_close(share["hole"], losses.hole_l1_loss(target, x, mask))
        torch.testing.assert_close(share["ratio"], losses.relative_feature_loss([x], [target]))
        assert torch.equal(share["gathered"], torch.cat([x[:3].flip(0), x[3:].flip(0)]))
        assert share["flags"] == [True, True, False]
    frozen = torch.cat([s["frozen"] for s in shares])
    torch.testing.assert_close(frozen, net.eval()(x).detach(), **close)


def test_alone_nothing_is_replaced():
    net = network()
    assert type(share_batch_norm(net)[1]) is nn.BatchNorm2d
    assert not in_any_process(False, torch.device("cpu"))


def end(rank, folder):
    """One of two processes, which ends as a program does."""
    meeting = f"file://{folder}/meeting"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    last = Path(folder) / f"{rank}.txt"
    atexit.register(lambda: last.write_text(str(distributed.is_initialized())))
    for _ in range(2):
        leave_at_exit()
    last.write_text(str(distributed.is_initialized()))


def test_the_group_is_left_before_python_ends(tmp_path):
    # Or else now and then a run that ended well ends in SIGABRT.
    program = "import sys; from tests.lama.training.test_parallel import end; "
    program += "end(int(sys.argv[1]), sys.argv[2])"
    command = [sys.executable, "-c", program]
    both = [subprocess.Popen([*command, rank, str(tmp_path)], cwd=ROOT) for rank in "01"]
    assert [process.wait(120) for process in both] == [0, 0]
    assert [(tmp_path / f"{rank}.txt").read_text() for rank in (0, 1)] == ["False", "False"]


def lines(folder):
    return [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]


def test_a_signal_to_one_process_stops_both_after_the_same_step(tmp_path):
    draw_photos(tmp_path / "photos")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *LAUNCH, "-m", "tests.lama.training.toy", str(tmp_path / "run")]
    command += [str(tmp_path / "photos"), "--steps", "100000", "--save-every", "100000"]
    launcher = subprocess.Popen(command, cwd=ROOT, env=environment)
    deadline = time.monotonic() + 300
    while not (tmp_path / "run" / "stats.jsonl").exists():
        assert launcher.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = psutil.Process(launcher.pid).children()
    second = [c for c in children if c.environ().get("RANK") == "1"]
    second[0].send_signal(signal.SIGTERM)
    assert launcher.wait(300) == 0
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step"] == lines(tmp_path / "run")[-1]["step"]


def test_processes_that_see_other_folders_do_not_go_on(tmp_path):
    draw_photos(tmp_path / "photos")
    photos = photos_in(tmp_path / "photos")
    for rank, steps in ((0, 1), (1, 2)):
        train(Run(replace(TOY, steps=steps), tmp_path / str(rank) / "run", photos))
    (tmp_path / "0" / "run" / "options.json").unlink()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [
        sys.executable,
        *LAUNCH,
        "-m",
        "tests.lama.training.toy",
        str(tmp_path / "{rank}" / "run"),
    ]
    command += [str(tmp_path / "photos"), "--resume"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "not at one place of one run (steps 1, 2)" in done.stderr
    assert not (tmp_path / "0" / "run" / "options.json").exists(), "nothing is written before"
    for rank, steps in ((0, 1), (1, 2)):
        state = torch.load(tmp_path / str(rank) / "run" / "state.pt", weights_only=True)
        assert state["step"] == steps


def test_a_run_of_two_processes_has_the_loss_curve_of_one(tmp_path):
    draw_photos(tmp_path / "photos")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    runs = []
    for name, prefix in (("one", []), ("two", LAUNCH)):
        command = [sys.executable, *prefix, "-m", "tests.lama.training.toy"]
        command += [str(tmp_path / name), str(tmp_path / "photos"), "--config", "all"]
        command += ["--save-every", "3", "--validate"]
        given = {"cwd": ROOT, "env": environment, "stderr": subprocess.PIPE, "text": True}
        runs.append(subprocess.Popen(command, **given))
    for run in runs:
        _, errors = run.communicate()
        assert run.returncode == 0, errors
    one, two = lines(tmp_path / "one"), lines(tmp_path / "two")
    # Six steps, and two looks at held-out photos, by the first process alone.
    assert [line["step"] for line in one] == [1, 2, 3, 3, 4, 5, 6, 6]
    terms = {"hole_l1", "perceptual", "lpips", "r1", "feature_matching", "matching"}
    assert terms <= one[-3].keys()
    assert len(two) == len(one)
    for mine, wanted in zip(two, one, strict=True):
        assert mine.keys() == wanted.keys()
        for name in wanted.keys() - {"images_per_second"}:
            # A gradient's length feels rounding more than a loss: it has kinks.
            relative = 2e-3 if name == "gradient_norm" else 1e-5
            assert np.isclose(mine[name], wanted[name], rtol=relative, atol=1e-6), (name, wanted)
    states = [torch.load(tmp_path / n / "state.pt", weights_only=True) for n in ("one", "two")]
    torch.manual_seed(ALL_LOSSES.seed)
    before = build(ALL_LOSSES.generator).state_dict()
    moved, apart = 0.0, 0.0
    for key, weight in before.items():
        moved += float((states[0]["generator"][key] - weight).square().sum())
        apart += float((states[0]["generator"][key] - states[1]["generator"][key]).square().sum())
    assert 0 < apart < 0.01**2 * moved
