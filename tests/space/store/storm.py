"""What runs and is killed in the storm: writers that also delete, a merger, a pusher, a reader."""

import hashlib
import json
import logging
import os
import random
import shutil
import sys
import time
from pathlib import Path

import datasets
from huggingface_hub import CommitOperationAdd

from space.store import Store, compaction, hub
from tests.space.store.conftest import make_photo, make_submission


class DiskHub:
    """A repository on the disk: a commit counts when the file HEAD is replaced, or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)

    def files(self) -> dict[str, str]:
        head = self.root / "HEAD"
        return json.loads(head.read_text()) if head.exists() else {}

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool, exist_ok: bool) -> None:
        pass

    def list_repo_files(self, repo_id: str, *, repo_type: str) -> list[str]:
        return sorted(self.files())

    def create_commit(
        self, repo_id: str, operations: list, *, commit_message: str, repo_type: str
    ) -> None:
        files = self.files()
        for operation in operations:
            path = operation.path_in_repo
            if isinstance(operation, CommitOperationAdd):
                assert path == "README.md" or path not in files, "pushed twice"
                with operation.as_file() as stream:
                    data = stream.read()
                files[path] = hashlib.sha256(data).hexdigest()
                (self.root / files[path]).write_bytes(data)
            else:
                del files[path]
        head = self.root / f"HEAD.{os.getpid()}"
        head.write_text(json.dumps(files))
        head.replace(self.root / "HEAD")


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


def merge(root: Path) -> None:
    compaction.DUE = 6
    store = Store.open(root / "data")
    while True:
        store.compact()
        time.sleep(0.05)


def push(root: Path) -> None:
    store, remote = Store.open(root / "data"), DiskHub(root / "hub")
    while True:
        hub.push(store.core, remote, "ann/masks", ("pending",))
        time.sleep(0.2)


def read(root: Path, handle: int) -> None:
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


def main() -> None:
    role, root, log, seed = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    logging.disable(logging.WARNING)
    datasets.disable_progress_bars()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    note(handle, "ready")
    if role == "write":
        write(root, handle, random.Random(seed))
    elif role == "merge":
        merge(root)
    elif role == "push":
        push(root)
    else:
        read(root, handle)


if __name__ == "__main__":
    main()
