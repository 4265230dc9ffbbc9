"""The timer: it pushes what waits, backs off when it must, restores, and never twice at once."""

import re
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import RepositoryNotFoundError

from space import sync
from space.store import Store, StoreError, SubmissionError, hub
from space.store.errors import HubError
from space.store.hub_errors import explained
from space.sync import Sync
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_mask, make_photo, make_submission
from tests.space.store.test_hub import FakeHub
from tests.space.store.test_index import unreadable

PENDING = ("pending",)


@pytest.fixture
def store(tmp_path: Path):
    opened = Store.open(tmp_path / "data")
    yield opened
    opened.close()


def make(store: Store, remote: FakeHub, minutes: float = 60.0) -> Sync:
    store.core.index.remember(hub_statuses="pending")
    return Sync(store, remote, "ann/masks", minutes)


def wait_for(what, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_the_timer_pushes_what_was_saved(store: Store) -> None:
    remote = FakeHub()
    store.save(make_submission(0))
    syncing = make(store, remote, minutes=0.001)
    syncing.start()
    wait_for(lambda: len(remote.ids()) == 1)
    store.save(make_submission(1))
    wait_for(lambda: len(remote.ids()) == 2)
    wait_for(lambda: store.info()["next_push"] is not None)
    commits = len(remote.commits)
    time.sleep(0.3)
    assert len(remote.commits) == commits, "it talks to the Hub though nothing waits"
    syncing.stop()
    assert store.info()["next_push"] is None


def test_stopping_pushes_what_still_waits(store: Store) -> None:
    remote = FakeHub()
    syncing = make(store, remote)
    syncing.start()
    wait_for(lambda: store.info()["next_push"] is not None)
    store.save(make_submission(0))
    syncing.stop()
    assert len(remote.ids()) == 1


def test_the_pause_doubles_with_jitter_and_never_undercuts_the_hub(store: Store) -> None:
    syncing = make(store, FakeHub())
    pauses = []
    for failures in range(1, 12):
        syncing._failures = failures
        pauses.append(syncing._pause(None))
    for number, pause in enumerate(pauses):
        expected = min(30.0 * 2**number, 3600.0)
        assert 0.5 * expected <= pause <= 1.5 * expected
    assert len(set(pauses)) == len(pauses)
    syncing._failures = 1
    assert all(syncing._pause(500.0) >= 500.0 for _ in range(20))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"ratelimit": '"api";r=9;t=55'}, None),
        ({}, None),
        ({"retry-after": "soon"}, None),
    ],
)
def test_what_the_hub_asks_for_is_understood(headers: dict, seconds: float | None) -> None:
    error = OSError("429 Too Many Requests")
    error.response = SimpleNamespace(headers=headers)  # type: ignore[attr-defined]
    assert explained(error, "The push did not go through").pause == seconds


def test_a_date_in_retry_after_is_understood() -> None:
    error = OSError("503")
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 90))
    error.response = SimpleNamespace(headers={"retry-after": later})  # type: ignore[attr-defined]
    assert 80 < (explained(error, "x").pause or 0) <= 91


def test_failures_are_told_and_made_good(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "FIRST_PAUSE", 0.01)
    remote = FakeHub(fail="before")
    store.save(make_submission(0))
    syncing = make(store, remote)
    syncing.start()
    wait_for(lambda: store.info()["last_error"] is not None)
    assert store.info()["failed"] == 1
    remote.fail = ""
    wait_for(lambda: store.info()["synced"] == 1)
    wait_for(lambda: store.info()["last_error"] is None)
    syncing.stop()


def test_what_was_sent_by_hand_is_not_taken_back(store: Store) -> None:
    remote = FakeHub()
    first, second = (store.save(make_submission(seed)) for seed in range(2))
    set_status(store, first.record_id, "approved")
    running = Sync(store, remote, "ann/masks")  # as the app makes it, before anything was pushed
    running.push_now()
    assert remote.ids() == [first.record_id]
    hub.push(store.core, remote, "ann/masks", ("approved", "pending"))
    both = sorted([first.record_id, second.record_id])
    assert remote.ids() == both
    running._attempt()
    running.push_now()
    assert remote.ids() == both, "the app took back what the operator had sent"
    third = store.save(make_submission(2)).record_id
    running._attempt()
    assert remote.ids() == sorted([*both, third])
    hub.push(store.core, remote, "ann/masks")
    running.push_now()
    assert remote.ids() == [first.record_id]


def test_only_one_of_two_processes_pushes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "_LOCK_SECONDS", 0.05)
    first, second = FakeHub(), FakeHub()
    one, two = make(store, first, 0.001), make(store, second, 0.001)
    one.start()
    wait_for(lambda: store.info()["next_push"] is not None)
    two.start()  # a second handle on the lock file: as good as a second process
    store.save(make_submission(0))
    wait_for(lambda: len(first.ids()) == 1)
    time.sleep(0.2)
    assert second.commits == []
    one.stop()
    second.files = dict(first.files)
    store.save(make_submission(1))
    wait_for(lambda: len(second.ids()) == 2)
    two.stop()


def test_who_never_pushed_leaves_the_other_ones_time_alone(store: Store) -> None:
    one, two = make(store, FakeHub()), make(store, FakeHub())
    one.start()
    wait_for(lambda: store.info()["next_push"] is not None)
    two.start()
    two.stop()
    assert store.info()["next_push"] is not None
    store.core.index.remember(syncer="1", next_push=str(int((time.time() + 60) * 1e6)))
    one.stop()  # another process has taken over since
    assert store.core.index.meta("syncer") == "1"


def test_an_empty_disk_is_restored_before_anything_is_pushed(store: Store, tmp_path: Path) -> None:
    remote = FakeHub()
    receipts = [store.save(make_submission(s, image_bytes=make_photo(s % 2))) for s in range(4)]
    hub.push(store.core, remote, "ann/masks", PENDING)
    uploads = list(remote.uploads)
    fresh = Store.open(tmp_path / "new disk")
    syncing = make(fresh, remote)
    syncing.start()
    wait_for(lambda: fresh.info()["records"] == 4)
    wait_for(lambda: fresh.info()["next_push"] is not None)
    assert fresh.verify().problems == []
    assert fresh.info()["synced"] == 4
    assert [path for path in remote.uploads[len(uploads) :] if path.endswith(".parquet")] == []
    for seed, receipt in enumerate(receipts):
        assert (fresh.mask(fresh.get(receipt.record_id)) == make_mask(seed)).all()
    fresh.delete(receipts[2].record_id, receipts[2].token)
    syncing.push_now()
    assert remote.ids() == sorted(r.record_id for r in receipts if r is not receipts[2])
    syncing.stop()
    fresh.close()


def test_a_restoration_that_fails_keeps_the_push_waiting(store: Store, tmp_path: Path) -> None:
    remote = FakeHub()
    receipt = store.save(make_submission(0))
    hub.push(store.core, remote, "ann/masks", PENDING)
    fresh = Store.open(tmp_path / "new disk")
    syncing = make(fresh, remote)
    remote.fail = "listing"
    with pytest.raises(HubError, match=re.escape("ann/masks could not be restored: no route")):
        syncing.push_now()
    mine = fresh.save(make_submission(1))  # saved before the Hub could be reached
    remote.fail = ""
    syncing.push_now()
    assert remote.ids() == sorted([receipt.record_id, mine.record_id])
    assert fresh.info()["records"] == 2
    fresh.close()


def test_a_token_that_came_late_still_restores(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = FakeHub()
    receipt = store.save(make_submission(0))
    hub.push(store.core, remote, "ann/masks", PENDING)
    fresh = Store.open(tmp_path / "new disk")

    def hidden(*_: object, **__: object) -> None:  # what the Hub says without a token
        raise RepositoryNotFoundError("404", response=SimpleNamespace(headers={}, request=None))

    with monkeypatch.context() as patch:
        patch.setattr(remote, "repo_info", hidden)
        with pytest.raises(HubError, match="no dataset ann/masks on the Hub, or the token"):
            sync.restore(fresh.core, remote, "ann/masks")
        patch.setattr(remote, "list_repo_files", hidden)
        with pytest.raises(HubError, match="did not go through"):
            make(fresh, remote).push_now()  # the first push would make it
    assert sync.is_empty(fresh.core)
    make(fresh, remote).push_now()
    assert fresh.get(receipt.record_id)
    assert not sync.is_empty(fresh.core)
    fresh.close()


@pytest.mark.parametrize("trouble", [RuntimeError("broken"), TypeError("None"), KeyError("x")])
def test_no_failure_ends_the_thread(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    remote = FakeHub()
    store.save(make_submission(0))
    hub.push(store.core, remote, "ann/masks", PENDING)
    fresh = Store.open(tmp_path / "new disk")
    syncing = make(fresh, remote)
    tried = []

    def broken(*_: object, **__: object) -> None:
        tried.append(1)
        raise trouble

    monkeypatch.setattr(sync, "FIRST_PAUSE", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(remote, "hf_hub_download", broken)
        syncing.start()
        wait_for(lambda: len(tried) > 1)
    wait_for(lambda: fresh.info()["records"] == 1)
    syncing.stop()
    fresh.close()


def test_a_restoration_brings_back_nothing_that_was_deleted(store: Store) -> None:
    remote = FakeHub()
    kept, gone = (store.save(make_submission(seed)) for seed in range(2))
    hub.push(store.core, remote, "ann/masks", PENDING)
    store.delete(gone.record_id, gone.token)
    assert sync.restore(store.core, remote, "ann/masks") == 0
    assert store.info()["records"] == 1
    hub.push(store.core, remote, "ann/masks", PENDING)
    assert remote.ids() == [kept.record_id]
    assert store.verify().problems == []


def test_another_repository_is_refused(store: Store) -> None:
    hub.push(store.core, FakeHub(), "bob/masks", PENDING)
    with pytest.raises(SubmissionError, match="belongs to bob/masks"):
        make(store, FakeHub()).push_now()


def test_an_index_that_fails_does_not_spoil_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    syncing = make(store, FakeHub())
    syncing.start()
    wait_for(lambda: store.info()["next_push"] is not None)
    with monkeypatch.context() as patch:
        unreadable(store, patch)
        syncing.stop()
    assert "disk I/O error" in caplog.text


def test_the_button_and_the_timer_do_not_meet(store: Store) -> None:
    remote = FakeHub()
    for seed in range(3):
        store.save(make_submission(seed))
    syncing = make(store, remote)
    problems: list[StoreError] = []

    def press() -> None:
        try:
            syncing.push_now()
        except StoreError as error:
            problems.append(error)

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(remote.ids()) == 3


def test_what_was_sent_by_hand_is_not_taken_back_by_a_new_disk_either(
    store: Store, tmp_path: Path
) -> None:
    remote = FakeHub()
    first, second = (store.save(make_submission(seed)) for seed in range(2))
    set_status(store, first.record_id, "approved")
    hub.push(store.core, remote, "ann/masks", ("approved", "pending"))
    fresh = Store.open(tmp_path / "new disk")
    Sync(fresh, remote, "ann/masks").push_now()
    assert remote.ids() == sorted([first.record_id, second.record_id])
    assert fresh.core.index.meta("hub_statuses") == "approved pending"
    fresh.close()


def test_stopping_waits_no_longer_than_its_patience(store: Store) -> None:
    remote, free = FakeHub(), threading.Event()
    commit = remote.create_commit

    def slow(*given: object, **named: object) -> object:
        free.wait(30)
        return commit(*given, **named)  # type: ignore[arg-type]

    remote.create_commit = slow  # type: ignore[method-assign]
    syncing = make(store, remote)
    store.save(make_submission(0))
    syncing.start()
    wait_for(syncing._turn.locked)
    begun = time.monotonic()
    syncing.stop(patience=0.2)
    assert time.monotonic() - begun < 5
    free.set()
    wait_for(lambda: len(remote.ids()) == 1)
