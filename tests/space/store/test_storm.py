"""kill -9 on everything, again and again: nothing lost, doubled, brought back or unreadable."""

import io
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest

from space.store import Store, hub
from tests.space.store.conftest import make_mask
from tests.space.store.storm import DiskHub

ROLES = ("write", "write", "write", "write", "merge", "push", "read")
ROUNDS = 2


def rage(root: Path, number: int, chance: random.Random) -> None:
    """Start everybody, let them work for some seconds, kill them one after the other."""
    store = Store.open(root / "data")
    store.close()
    processes, logs = [], []
    for index, role in enumerate(ROLES):
        logs.append(root / f"{role}-{number}-{index}.log")
        command = [sys.executable, "-m", "tests.space.store.storm", role, str(root)]
        processes.append(subprocess.Popen([*command, str(logs[-1]), str(chance.randrange(10**9))]))
    deadline = time.monotonic() + 120
    while not all("saved" in words(log) for log in logs[:4]) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(1 + 2 * chance.random())
    chance.shuffle(processes)
    assert [process.poll() for process in processes] == [None] * len(ROLES)
    for process in processes:
        process.send_signal(signal.SIGKILL)
        time.sleep(0.1 * chance.random())
    for process in processes:
        process.wait(timeout=30)


def words(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def history(root: Path) -> tuple[dict[str, int], set[str], set[str]]:
    """What was confirmed with its seed, what may be deleted, and what is."""
    saved, maybe, deleted = {}, set(), set()
    for log in root.glob("write-*.log"):
        for line in log.read_text().split("\n")[:-1]:
            kind, *rest = line.split()
            if kind == "saved":
                saved[rest[0]] = int(rest[1])
            elif kind != "ready":
                (maybe if kind == "deleting" else deleted).add(rest[0])
    return saved, maybe, deleted


@pytest.mark.slow
def test_storm(tmp_path: Path) -> None:
    chance = random.Random(4)
    for number in range(ROUNDS):
        rage(tmp_path, number, chance)
        saved, maybe, deleted = history(tmp_path)
        store = Store.open(tmp_path / "data")
        there = {row["id"] for row in store.core.index.all("SELECT id FROM records")}
        assert set(saved) - maybe <= there
        assert not deleted & there
        assert store.verify().problems == []
        store.close()
    readings = "".join(words(log) for log in tmp_path.glob("read-*.log")).splitlines()
    assert [line for line in readings if line.startswith("read ")]
    # Before the first record there is nothing to make a table of.
    failed = [line for line in readings if line.startswith("failed")]
    assert [line for line in failed if "corresponds to no data" not in line] == []

    store, remote = Store.open(tmp_path / "data"), DiskHub(tmp_path / "hub")
    hub.push(store.core, remote, "ann/masks", ("pending",))
    on_hub: list[str] = []
    for name, blob in remote.files().items():
        if name.endswith(".parquet"):
            table = pq.read_table(io.BytesIO((remote.root / blob).read_bytes()), columns=["id"])
            on_hub += table.column("id").to_pylist()
    public = store.core.index.all("SELECT id FROM records WHERE licence != 'private' ORDER BY id")
    assert sorted(on_hub) == [row["id"] for row in public]

    table = datasets.load_dataset(
        str(store.dataset_dir), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert len(table) == len(there)
    for row in table:
        if row["id"] in saved:
            mask = make_mask(saved[row["id"]]) * np.uint8(255)
            np.testing.assert_array_equal(np.asarray(row["mask"]), mask)
    store.close()
