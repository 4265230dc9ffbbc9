"""kill -9 on everything, again and again: nothing lost, doubled, brought back or unreadable.

    python -m tests.space.store.raging --rounds 100 [--output benchmarks/results/storm.json]

Four writers, a reviewer, a merger, a pusher and a reader work on one data directory and are killed
at random moments, round after round, while a Hub on loopback answers some requests with 429 and
500, hangs, and cuts the line before and after a commit counts. After each round every confirmed
record must be there, bit for bit; in the end the Hub must hold exactly the approved records.
"""

import argparse
import io
import json
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import datasets
import numpy as np
import pyarrow.parquet as pq
from huggingface_hub.utils import disable_progress_bars

from space.store import Store, hub
from tests.space.store.conftest import make_mask
from tests.space.store.loopback_hub import LoopbackHub, client, loopback_hub
from tests.space.store.storm import act

ROLES = ("write", "write", "write", "write", "review", "merge", "push", "read")
TROUBLES = ("429", "500", "cut before", "cut after", "hang before", "hang after")


@dataclass
class Account:
    """What the rounds came to. All but the first block has to be 0 or empty."""

    rounds: int = 0
    confirmed: int = 0
    deleted: int = 0
    records: int = 0
    approved: int = 0
    on_hub: int = 0
    commits: int = 0
    readings: int = 0
    requests: int = 0
    troubles: dict[str, int] = field(default_factory=dict)

    lost: int = 0
    doubled: int = 0
    brought_back: int = 0
    unreadable: int = 0
    wrong_status: int = 0
    wrong_masks: int = 0
    hub_differs: int = 0
    problems: list[str] = field(default_factory=list)

    def sound(self) -> bool:
        """Whether nothing is wrong."""
        bad = (
            *(self.lost, self.doubled, self.brought_back, self.unreadable),
            *(self.wrong_status, self.wrong_masks, self.hub_differs),
        )
        return not any(bad) and not self.problems


def storm(root: Path, rounds: int, chance: random.Random, say=lambda words: None) -> Account:
    """Rage for some rounds in a directory, and look at what is left after each."""
    account = Account()
    troubles: Counter[str] = Counter()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.space.store.storm"])
    with loopback_hub() as remote:
        remote.hang_seconds = 2.5
        dice = random.Random(chance.randrange(10**9))

        def trouble(kind: str) -> str:
            found = dice.choice(TROUBLES) if dice.random() < 0.04 else ""
            troubles[found] += bool(found)
            return found

        for number in range(rounds):
            remote.chance = trouble
            rage(context, root, number, chance, remote.url)
            remote.chance = lambda kind: ""
            look(root, account)
            account.rounds += 1
            say(f"round {number + 1}: {account.records} records, {account.confirmed} confirmed, "
                f"{account.deleted} deleted, {len(remote.revisions)} commits")  # fmt: skip
            if not account.sound():
                break
        finish(root, remote, account)
        account.requests = len(remote.requests)
        account.commits = len(remote.revisions)
    account.troubles = {name: n for name, n in sorted(troubles.items()) if name}
    return account


def rage(context, root: Path, number: int, chance: random.Random, url: str) -> None:
    """Start everybody, let them work for some time, kill them one after the other."""
    Store.open(root / "data").close()
    processes, logs = [], []
    for index, role in enumerate(ROLES):
        logs.append(root / f"{role}-{number}-{index}.log")
        seed = chance.randrange(10**9)
        process = context.Process(target=act, args=(role, root, logs[-1], seed, url), daemon=True)
        process.start()
        processes.append(process)
    deadline = time.monotonic() + 120
    while not all("saved" in words(log) for log in logs[:4]) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3 + 2 * chance.random())
    died = [role for role, one in zip(ROLES, processes, strict=True) if not one.is_alive()]
    chance.shuffle(processes)
    for process in processes:
        process.kill()
        time.sleep(0.1 * chance.random())
    for process in processes:
        process.join(30)
        assert process.exitcode == -signal.SIGKILL or died, "a process ended on its own"
    assert not died, f"ended on their own: {died}"
    for cache in root.glob("cache-*"):
        shutil.rmtree(cache, ignore_errors=True)


def words(log: Path) -> str:
    return log.read_text() if log.exists() else ""


@dataclass
class History:
    """What the processes were told."""

    saved: dict[str, int] = field(default_factory=dict)  # id: seed
    maybe: set[str] = field(default_factory=set)  # a deletion was begun
    deleted: set[str] = field(default_factory=set)
    status: dict[str, set[str]] = field(default_factory=dict)  # those that it may have


def history(root: Path) -> History:
    """Read all the logs."""
    found = History()
    for log in root.glob("write-*.log"):
        for line in log.read_text().split("\n")[:-1]:
            kind, *rest = line.split()
            if kind == "saved":
                found.saved[rest[0]] = int(rest[1])
            elif kind != "ready":
                (found.maybe if kind == "deleting" else found.deleted).add(rest[0])
    rounds = sorted(root.glob("review-*.log"), key=lambda path: int(path.name.split("-")[1]))
    for log in rounds:  # one reviewer a round, so the order is known
        for line in log.read_text().split("\n")[:-1]:
            kind, *rest = line.split()
            if kind == "deciding":
                found.status.setdefault(rest[0], {"pending"}).add(rest[1])
            elif kind == "decided":
                found.status[rest[0]] = {rest[1]}
    return found


def look(root: Path, account: Account) -> None:
    """Compare what is there with what was confirmed."""
    told = history(root)
    store = Store.open(root / "data")
    rows = {r["id"]: r["status"] for r in store.core.index.all("SELECT id, status FROM records")}
    account.confirmed, account.deleted = len(told.saved), len(told.deleted)
    account.records = len(rows)
    account.lost = len(set(told.saved) - told.maybe - set(rows))
    account.brought_back = len(told.deleted & set(rows))
    account.wrong_status = sum(
        status not in told.status.get(one, {"pending"}) for one, status in rows.items()
    )
    account.problems += store.verify().problems
    store.close()


def finish(root: Path, remote: LoopbackHub, account: Account) -> None:
    """One last push; then read everything back, here and from the Hub."""
    store = Store.open(root / "data")
    hub.push(store.core, client(remote.url, 20.0), "ann/masks")
    on_hub: list[str] = []
    for name, data in remote.files.items():
        if name.endswith(".parquet"):
            on_hub += pq.read_table(io.BytesIO(data), columns=["id"]).column("id").to_pylist()
    approved = "SELECT id FROM records WHERE status = 'approved' AND licence != 'private'"
    wanted = [row["id"] for row in store.core.index.all(approved)]
    account.approved, account.on_hub = len(wanted), len(on_hub)
    account.hub_differs = len(set(wanted) ^ set(on_hub))
    for files in remote.revisions:  # no revision, however short-lived, holds a record twice
        account.doubled += _doubled(files)
    lines = "".join(words(log) for log in root.glob("read-*.log")).splitlines()
    account.readings = sum(line.startswith("read ") for line in lines)
    failed = [line for line in lines if line.startswith("failed")]
    # Before the first record there is nothing to make a table of.
    account.problems += [line for line in failed if "corresponds to no data" not in line]
    told = history(root)
    with tempfile.TemporaryDirectory() as cache:
        table = datasets.load_dataset(str(store.dataset_dir), split="train", cache_dir=cache)
        account.doubled += len(table) - len(set(table["id"]))
        account.unreadable = account.records - len(table)
        for row in table:
            if row["id"] in told.saved:
                mask = make_mask(told.saved[row["id"]]) * np.uint8(255)
                account.wrong_masks += not np.array_equal(np.asarray(row["mask"]), mask)
    store.close()


_IDS: dict[bytes, list[str]] = {}


def _doubled(files: dict[str, bytes]) -> int:
    ids: list[str] = []
    for name, data in files.items():
        if name.endswith(".parquet"):
            if data not in _IDS:
                table = pq.read_table(io.BytesIO(data), columns=["id"])
                _IDS[data] = table.column("id").to_pylist()
            ids += _IDS[data]
    return len(ids) - len(set(ids))


def main() -> int:
    """Rage, print what it came to; 1 if anything is wrong."""
    parser = argparse.ArgumentParser("python -m tests.space.store.raging", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="write the account as JSON")
    options = parser.parse_args()
    datasets.disable_progress_bars()
    disable_progress_bars()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        account = storm(
            Path(folder),
            options.rounds,
            random.Random(options.seed),
            lambda words: sys.stdout.write(words + "\n") and sys.stdout.flush(),
        )
    result = asdict(account) | {"seed": options.seed, "seconds": round(time.monotonic() - began)}
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if account.sound() else 1


if __name__ == "__main__":
    sys.exit(main())
