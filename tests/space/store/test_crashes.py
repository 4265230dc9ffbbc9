"""Killed at every step, a full disk, and many processes at once: nothing confirmed is ever lost."""

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import numpy as np
import pytest

from space.store import Store, StoreError, compaction, files, shards
from tests.space.store.conftest import make_mask, make_photo, make_submission

SAVE_STEPS = ("prepared", "kept", "committed", "published", "described")
EXCHANGE_STEPS = ("directory made", "exchange committed", "link moved")


class Killed(BaseException):
    """Stands for the end of the process: no handler may catch it."""


def dying_at(step: str):
    def on_step(name: str) -> None:
        if name == step:
            raise Killed(name)

    return on_step


def ids_of(store: Store, tmp_path: Path) -> list[str]:
    table = datasets.load_dataset(
        str(store.dataset_dir), split="train", cache_dir=str(tmp_path / "cache")
    )
    for row in table:  # decodes every picture
        assert row["image"].size == row["mask"].size
    return sorted(table["id"])


@pytest.mark.parametrize("step", SAVE_STEPS)
@pytest.mark.parametrize("again", ["open", "save", "delete"])
def test_a_save_killed_at_any_step_is_whole_or_nothing(
    tmp_path: Path, step: str, again: str
) -> None:
    sound = Store.open(tmp_path / "data")
    first = sound.save(make_submission(0))
    spare = sound.save(make_submission(1))
    dying = Store.open(tmp_path / "data", on_step=dying_at(step))
    with pytest.raises(Killed):
        dying.save(make_submission(2, image_bytes=make_photo(0)))  # the photo of another record
    dying.close()
    assert set(ids_of(sound, tmp_path)) >= {first.record_id, spare.record_id}
    expected = {first.record_id, spare.record_id}
    if again == "open":
        sound.close()
        sound = Store.open(tmp_path / "data")
    elif again == "save":
        expected.add(sound.save(make_submission(3)).record_id)
    else:
        sound.delete(spare.record_id, spare.token)
        expected.remove(spare.record_id)
    committed = SAVE_STEPS.index(step) >= SAVE_STEPS.index("committed")
    found = ids_of(sound, tmp_path)
    assert len(found) == len(set(found)) == len(expected) + committed
    assert set(found) >= expected
    assert sound.verify().problems == []
    assert sorted(record.id for record in sound.newest()) == found
    sound.close()


@pytest.mark.parametrize("step", [*EXCHANGE_STEPS, "bytes removed"])
def test_a_deletion_killed_at_any_step_is_done_or_not(tmp_path: Path, step: str) -> None:
    sound = Store.open(tmp_path / "data")
    kept = [sound.save(make_submission(i)) for i in range(33)]
    compaction.compact(sound.core)
    gone = kept.pop(7)
    dying = Store.open(tmp_path / "data", on_step=dying_at(step))
    with pytest.raises(Killed):
        dying.delete(gone.record_id, gone.token)
    dying.close()
    before = ids_of(sound, tmp_path)  # readable even before anybody mends it
    assert len(before) in (32, 33)
    kept.append(sound.save(make_submission(50)))
    found = ids_of(sound, tmp_path)
    done = step != "directory made"
    assert (gone.record_id in found) != done
    assert set(found) - {gone.record_id} == {receipt.record_id for receipt in kept}
    assert sound.verify().problems == []
    if done:
        digest = make_photo(7)[60:200]
        left = [p for p in (tmp_path / "data").rglob("*") if p.is_file() and not p.is_symlink()]
        assert not [path for path in left if digest in path.read_bytes()]
    sound.close()


@pytest.mark.parametrize("step", EXCHANGE_STEPS)
def test_merging_killed_at_any_step_changes_nothing(tmp_path: Path, step: str) -> None:
    sound = Store.open(tmp_path / "data")
    receipts = [sound.save(make_submission(i)) for i in range(31)]
    dying = Store.open(tmp_path / "data", on_step=dying_at(step))
    with sound.core.index.transaction() as run:  # keeps `save` from merging by itself
        run.execute("UPDATE shards SET shelf = 'later'")
    receipts.append(dying.save(make_submission(40)))
    with sound.core.index.transaction() as run:
        run.execute("UPDATE shards SET shelf = 'open/pending'")
    with pytest.raises(Killed):
        compaction.compact(dying.core)
    dying.close()
    wanted = sorted(receipt.record_id for receipt in receipts)
    assert ids_of(sound, tmp_path) == wanted
    receipts.append(sound.save(make_submission(41)))
    compaction.compact(sound.core)
    assert ids_of(sound, tmp_path) == sorted(receipt.record_id for receipt in receipts)
    assert sound.verify().problems == []
    sound.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("after", range(8))
def test_a_disk_that_refuses_at_any_write(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, after: int
) -> None:
    first = store.save(make_submission(0))
    calls = 0

    def failing(original):
        def call(*arguments):
            nonlocal calls
            calls += 1
            if calls > after:
                raise OSError(number, os.strerror(number))
            return original(*arguments)

        return call

    with monkeypatch.context() as patch:
        for module, name in ((files, "sync_directory"), (shards, "sync_file"), (os, "fsync")):
            patch.setattr(module, name, failing(getattr(module, name)))
        try:
            second = store.save(make_submission(1))
        except StoreError as error:
            second, said = None, str(error)
    if second is None:
        assert ("disk is full" if number == errno.ENOSPC else "cannot be written") in said
    expected = [first.record_id] + ([second.record_id] if second else [])
    third = store.save(make_submission(2))
    assert ids_of(store, tmp_path) == sorted([*expected, third.record_id])
    assert store.verify().problems == []


_ON_A_SMALL_DISK = """
mount -t tmpfs -o size=1500k tmpfs "$1" && exec "$2" -m tests.space.store.small_disk "$1"
"""


@pytest.mark.skipif(
    subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0,
    reason="needs the right to mount",
)
def test_a_disk_that_is_really_full() -> None:
    with tempfile.TemporaryDirectory() as place:
        run = subprocess.run(
            ["unshare", "-m", "sh", "-c", _ON_A_SMALL_DISK, "sh", place, sys.executable],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout.splitlines()[-1])
    assert "disk is full" in answer["error"]
    assert answer["loaded"] == answer["confirmed"] >= 3
    assert answer["after deleting one"] == answer["confirmed"] - 1
    assert answer["problems when full"] == answer["problems"] == []


def test_some_room_is_left_for_deleting(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = store.save(make_submission(0))
    usage = shutil.disk_usage(store.core.data_dir)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=30 * 2**20))
    with pytest.raises(StoreError, match="disk is full"):
        store.save(make_submission(1))
    assert store.info()["records"] == 1
    store.delete(first.record_id, first.token)


def test_threads_share_one_store_while_it_is_verified(store: Store) -> None:
    with ThreadPoolExecutor(6) as pool:
        saving = [pool.submit(store.save, make_submission(seed)) for seed in range(18)]
        verifying = [pool.submit(store.verify) for _ in range(3)]
        receipts = [one.result() for one in saving]
        deleting = [pool.submit(store.delete, r.record_id, r.token) for r in receipts[:5]]
        verifying += [pool.submit(store.verify) for _ in range(3)]
        assert [one.result().id for one in deleting] == [r.record_id for r in receipts[:5]]
        assert [one.result().problems for one in verifying] == [[]] * 6
    assert store.info()["records"] == 13
    assert {record.id for record in store.newest()} == {r.record_id for r in receipts[5:]}


@pytest.mark.slow
def test_four_processes_save_200_records_and_two_are_killed(tmp_path: Path) -> None:
    """Every confirmed record is there exactly once, as it was sent."""
    data = tmp_path / "data"
    logs = [tmp_path / f"confirmed-{number}.log" for number in range(6)]

    def writer(number: int, first: int, count: int) -> subprocess.Popen:
        arguments = [str(data), str(logs[number]), str(first), str(count)]
        return subprocess.Popen([sys.executable, "-m", "tests.space.store.writer", *arguments])

    writers = [writer(number, number * 50, 50) for number in range(4)]
    alive, deadline = {0: 9, 2: 17}, time.monotonic() + 120
    while alive and time.monotonic() < deadline:
        # Each as soon as it has confirmed so many: the other one may be quicker.
        for victim in [v for v, least in alive.items() if len(_lines(logs[v])) >= least]:
            writers[victim].send_signal(signal.SIGKILL)
            del alive[victim]
        time.sleep(0.005)
    assert [process.wait(timeout=120) for process in writers] == [-9, 0, -9, 0]
    # What the killed ones had not confirmed is sent again, as a person would.
    rest = []
    for number, victim in ((4, 0), (5, 2)):
        done = len(_lines(logs[victim]))
        rest.append(writer(number, victim * 50 + done, 50 - done))
    assert [process.wait(timeout=120) for process in rest] == [0, 0]

    confirmed = {}
    for log in logs:
        for line in _lines(log):
            seed, record_id = line.split()
            assert record_id not in confirmed
            confirmed[record_id] = int(seed)
    assert sorted(confirmed.values()) == list(range(200))
    store = Store.open(data)
    table = datasets.load_dataset(
        str(data / "dataset"), split="train", cache_dir=str(tmp_path / "cache")
    )
    raw = table.cast_column("image", datasets.Image(decode=False))
    found = {}
    for row, undecoded in zip(table, raw, strict=True):
        assert row["id"] not in found
        found[row["id"]] = True
        seed = json.loads(row["strokes"])[0]["seed"]
        assert undecoded["image"]["bytes"] == make_photo(seed)
        assert row["image"].size == (67, 41)
        np.testing.assert_array_equal(np.asarray(row["mask"]), make_mask(seed) * np.uint8(255))
        assert confirmed.get(row["id"], seed) == seed
    assert set(found) >= set(confirmed)
    # A killed process may have committed one record more than it lived to confirm.
    assert len(found) <= len(confirmed) + 2
    assert store.info()["records"] == len(found)
    assert store.verify().problems == []
    store.close()


def _lines(log: Path) -> list[str]:
    return log.read_text().split("\n")[:-1] if log.exists() else []


def test_all_that_a_save_leaves_was_flushed_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut takes bytes that were not flushed, and names of directories that were not."""
    flushed: dict[int, object] = {}
    fsync = os.fsync

    def noted(handle: int) -> None:
        fsync(handle)
        state = os.fstat(handle)
        is_folder = stat.S_ISDIR(state.st_mode)
        flushed[state.st_ino] = set(os.listdir(handle)) if is_folder else state.st_size

    monkeypatch.setattr(os, "fsync", noted)
    store = Store.open(tmp_path / "data")
    store.save(make_submission(0))
    assert "dataset" in flushed[store.core.data_dir.stat().st_ino]
    assert store.core.index.get("PRAGMA synchronous")[0] == 2, "FULL: a commit survives as well"
    lost = []
    for part in ("originals", "masks", "published"):
        root = store.core.data_dir / part
        for path in (root, *root.rglob("*")):
            found = {p.name for p in path.iterdir()} if path.is_dir() else path.stat().st_size
            if flushed.get(path.stat().st_ino) != found:
                lost.append(path)
    assert lost == []
    store.close()


def test_what_recovery_goes_by_is_flushed_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a power cut could leave a photo of which no shard tells whose it is."""
    fsync, flushed, prepared = os.fsync, set(), []

    def noted(handle: int) -> None:
        fsync(handle)
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            flushed.update(os.listdir(handle))

    def at(step: str) -> None:
        if step == "prepared":
            prepared.extend(path.name for path in incoming.iterdir())
            assert set(prepared) <= flushed

    incoming = tmp_path / "data" / "incoming"
    store = Store.open(tmp_path / "data", on_step=at)
    monkeypatch.setattr(os, "fsync", noted)
    store.save(make_submission(0))
    assert prepared
    store.close()
