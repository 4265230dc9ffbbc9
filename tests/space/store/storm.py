"""What runs and is killed in the storm: writers that also delete, reviewers, a merger, a pusher
with the real Hub client, and a reader. Each writes down what it has been told is done.
"""

import logging
import os
import random
import shutil
import time
from pathlib import Path

import datasets
from huggingface_hub.utils import disable_progress_bars

from space.store import Store, StoreError, SubmissionError, compaction, hub
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_photo, make_submission
from tests.space.store.loopback_hub import client


def note(handle: int, *words: object) -> None:
    """Write a line that survives the death of the process."""
    os.write(handle, (" ".join(map(str, words)) + "\n").encode())
    os.fsync(handle)


def write(root: Path, handle: int, chance: random.Random) -> None:
    store = Store.open(root / "data")
    mine = []
    while True:
        seed = chance.randrange(10**6)
        licence = "private" if seed % 7 == 0 else "cc0-1.0"
        photo = make_photo(seed % 40)
        receipt = store.save(make_submission(seed, image_bytes=photo, licence=licence))
        note(handle, "saved", receipt.record_id, seed)
        mine.append(receipt)
        if chance.random() < 0.25:
            victim = mine.pop(chance.randrange(len(mine)))
            note(handle, "deleting", victim.record_id)
            store.delete(victim.record_id, victim.token)
            note(handle, "deleted", victim.record_id)


def review(root: Path, handle: int, chance: random.Random) -> None:
    store = Store.open(root / "data")
    while True:
        records = store.newest(40)
        if not records:
            time.sleep(0.05)
            continue
        chosen = chance.choice(records)
        status = chance.choice(("approved", "approved", "approved", "rejected"))
        note(handle, "deciding", chosen.id, status)
        try:
            set_status(store, chosen.id, status)
        except SubmissionError:  # deleted a moment ago
            continue
        note(handle, "decided", chosen.id, status)


def merge(root: Path) -> None:
    compaction.DUE = 6
    store = Store.open(root / "data")
    while True:
        compaction.compact(store.core)
        time.sleep(0.05)


def push(root: Path, handle: int, url: str) -> None:
    disable_progress_bars()
    store, remote = Store.open(root / "data"), client(url)
    while True:
        try:
            done = hub.push(store.core, remote, "ann/masks", ("approved",))
            note(handle, "pushed", done.records)
        except StoreError as error:
            note(handle, "refused", str(error)[:200])
        time.sleep(0.1)


def read(root: Path, handle: int) -> None:
    datasets.disable_progress_bars()
    while True:
        cache = root / f"cache-{os.getpid()}"
        try:
            table = datasets.load_dataset(
                str(root / "data" / "dataset"), split="train", cache_dir=str(cache)
            )
            ids = table["id"]
            assert len(set(ids)) == len(ids), "a record is there twice"
            note(handle, "read", len(ids))
        except (OSError, ValueError, AssertionError, RuntimeError) as error:
            note(handle, "failed", repr(error))
        shutil.rmtree(cache, ignore_errors=True)


def act(role: str, root: Path, log: Path, seed: int, url: str) -> None:
    """Play a role until killed."""
    logging.disable(logging.CRITICAL)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    note(handle, "ready")
    if role == "write":
        write(root, handle, random.Random(seed))
    elif role == "review":
        review(root, handle, random.Random(seed))
    elif role == "merge":
        merge(root)
    elif role == "push":
        push(root, handle, url)
    else:
        read(root, handle)
