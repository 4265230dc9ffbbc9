"""Pushing: everything arrives once, private records never, deletions follow."""

import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete

from space.store import Store, StoreError, SubmissionError, compaction, files, health, hub
from space.store.shards import EMPTY_NAME
from tests.space.store.conftest import make_submission


@dataclass
class FakeHub:
    """A dataset repository in memory that can fail before or after a commit went through."""

    files: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    commits: list[list[str]] = field(default_factory=list)
    fail: str = ""
    private: bool | None = None

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool, exist_ok: bool) -> None:
        assert (repo_type, exist_ok) == ("dataset", True)
        self.private = private

    def list_repo_files(
        self, repo_id: str, *, repo_type: str, revision: str | None = None
    ) -> list[str]:
        if self.fail == "listing":
            raise OSError("no route to host")
        return sorted(self.files)

    def repo_info(self, repo_id: str, *, repo_type: str) -> SimpleNamespace:
        return SimpleNamespace(sha="0" * 40)

    def hf_hub_download(
        self, repo_id: str, filename: str, *, repo_type: str, revision: str, local_dir: str
    ) -> str:
        path = Path(local_dir) / filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.files[filename])
        return str(path)

    def create_commit(
        self, repo_id: str, operations: list, *, commit_message: str, repo_type: str
    ) -> None:
        assert commit_message
        if self.fail == "before":
            raise OSError("connection refused")
        files = dict(self.files)
        for operation in operations:
            path = operation.path_in_repo
            if isinstance(operation, CommitOperationDelete):
                del files[path]
            else:
                assert isinstance(operation, CommitOperationAdd)
                with operation.as_file() as stream:
                    files[path] = stream.read()
                self.uploads.append(path)
        self.files = files
        self.commits.append([operation.path_in_repo for operation in operations])
        if self.fail == "after":
            raise OSError("connection lost")

    def ids(self) -> list[str]:
        found: list[str] = []
        for path, data in self.files.items():
            if path.endswith(".parquet"):
                table = pq.read_table(io.BytesIO(data), columns=["id", "licence"])
                assert "private" not in table.column("licence").to_pylist()
                found += table.column("id").to_pylist()
        assert len(found) == len(set(found))
        return sorted(found)


PENDING = ("pending",)


def test_everything_goes_up_once_and_private_stays(store: Store) -> None:
    remote = FakeHub()
    receipts = [store.save(make_submission(seed)) for seed in range(4)]
    store.save(make_submission(9, licence="private"))
    done = hub.push(store.core, remote, "ann/masks", PENDING)
    assert (done.records, done.on_hub, done.kept_back) == (4, 4, 1)
    assert remote.ids() == sorted(receipt.record_id for receipt in receipts)
    assert f"data/{EMPTY_NAME}" in remote.files
    assert store.info()["synced"] == 4
    front = yaml.safe_load(remote.files["README.md"].split(b"---")[1])
    assert front["license"] == "cc0-1.0"
    assert front["configs"][0]["data_files"] == [
        {"split": "pending", "path": "data/pending-*.parquet"}
    ]
    assert b"4 records on 4 photos" in remote.files["README.md"]
    assert str(store.core.data_dir).encode() not in remote.files["README.md"]
    assert remote.private is True

    assert hub.push(store.core, remote, "ann/masks", PENDING).shards == 0
    assert len(remote.commits) == 1
    receipts.append(store.save(make_submission(5)))
    hub.push(store.core, remote, "ann/masks", PENDING)
    uploads = [path for path in remote.uploads if path.endswith(".parquet")]
    assert len(uploads) == len(set(uploads))
    assert remote.ids() == sorted(receipt.record_id for receipt in receipts)


def test_only_the_wanted_statuses_go_up(store: Store) -> None:
    store.save(make_submission(0))
    remote = FakeHub()
    assert hub.push(store.core, remote, "ann/masks", ("approved",)).kept_back == 1
    assert remote.ids() == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_push_that_died_is_taken_up_again(store: Store, moment: str) -> None:
    remote = FakeHub(fail=moment)
    kept, gone = (store.save(make_submission(seed)) for seed in range(2))
    with pytest.raises(StoreError, match="did not go through: connection"):
        hub.push(store.core, remote, "ann/masks", PENDING)
    assert store.info()["synced"] == 0
    assert "connection" in store.core.index.meta("last_push_error")
    # Deleted while nobody knows whether it has arrived.
    store.delete(gone.record_id, gone.token)
    remote.fail = ""
    done = hub.push(store.core, remote, "ann/masks", PENDING)
    assert done.withdrawn == (moment == "after")
    assert remote.ids() == [kept.record_id]
    uploads = [path for path in remote.uploads if path.endswith(".parquet")]
    assert len(uploads) == len(set(uploads))
    assert store.info()["synced"] == 1
    assert store.core.index.meta("last_push_error") == ""


def test_what_is_deleted_while_a_push_begins_is_not_sent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, gone = (store.save(make_submission(seed)) for seed in range(2))
    remote = FakeHub()
    original = hub._attempt

    def attempt(core, batch):
        if store.info()["records"] == 2:
            store.delete(gone.record_id, gone.token)
        return original(core, batch)

    monkeypatch.setattr(hub, "_attempt", attempt)
    hub.push(store.core, remote, "ann/masks", PENDING)
    assert remote.ids() == [kept.record_id]
    assert gone.record_id.encode() not in b"".join(remote.files.values())


def test_deletions_and_merges_follow(store: Store) -> None:
    remote = FakeHub()
    receipts = []
    for seed in range(31):
        receipts.append(store.save(make_submission(seed)))
        hub.push(store.core, remote, "ann/masks", PENDING)
    gone = receipts.pop(3)
    store.delete(gone.record_id, gone.token)
    receipts += [store.save(make_submission(seed)) for seed in range(40, 43)]
    compaction.compact(store.core)
    done = hub.push(store.core, remote, "ann/masks", PENDING)
    assert done.withdrawn >= 30
    assert remote.ids() == sorted(receipt.record_id for receipt in receipts)
    assert len([path for path in remote.files if path.endswith(".parquet")]) < 8


def test_many_shards_go_in_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SHARDS_A_COMMIT", 2)
    monkeypatch.setattr(compaction, "MAX_ROWS", 1)
    for seed in range(5):
        store.save(make_submission(seed))
    remote = FakeHub()
    hub.push(store.core, remote, "ann/masks", PENDING)
    assert len(remote.commits) == 3
    assert len(remote.ids()) == 5


def test_another_repository_is_refused_and_so_are_bad_names(store: Store) -> None:
    hub.push(store.core, FakeHub(), "ann/masks", PENDING)
    with pytest.raises(SubmissionError, match=re.escape("belongs to ann/masks")):
        hub.push(store.core, FakeHub(), "bob/masks", PENDING)
    for name in ("masks", "a/b/c", "ann/ma sks"):
        with pytest.raises(SubmissionError):
            hub.push(store.core, FakeHub(), name, PENDING)


def test_waiting_shards_travel_as_one(store: Store) -> None:
    remote = FakeHub()
    for seed in range(5):
        store.save(make_submission(seed))
    done = hub.push(store.core, remote, "ann/masks", PENDING)
    assert (done.shards, done.records) == (1, 5)
    assert len(remote.ids()) == 5
    assert store.verify().problems == []


def test_shards_that_cannot_be_merged_travel_one_by_one(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    remote = FakeHub()
    for seed in range(3):
        store.save(make_submission(seed))

    def refuse(*_arguments: object) -> int:
        raise StoreError("a photo is missing")

    monkeypatch.setattr(compaction, "pack", refuse)
    assert hub.push(store.core, remote, "ann/masks", PENDING).shards == 3
    assert len(remote.ids()) == 3
    assert "could not be merged before the push: a photo is missing" in caplog.text


def test_no_revision_holds_a_record_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SHARDS_A_COMMIT", 1)
    monkeypatch.setattr(compaction, "DUE", 3)
    remote = FakeHub()
    monkeypatch.setattr(FakeHub, "create_commit", checked(FakeHub.create_commit))
    for seed in range(9):
        store.save(make_submission(seed))
        hub.push(store.core, remote, "ann/masks", PENDING)
        compaction.compact(store.core)
    hub.push(store.core, remote, "ann/masks", PENDING)
    assert len(remote.ids()) == 9


def checked(commit):
    def both(self: FakeHub, *arguments, **options) -> None:
        commit(self, *arguments, **options)
        self.ids()  # asserts that none is there twice

    return both


def test_a_repository_with_unknown_shards_is_not_written_to(store: Store, tmp_path: Path) -> None:
    remote = FakeHub()
    store.save(make_submission(0))
    hub.push(store.core, remote, "ann/masks", PENDING)
    before = dict(remote.files)
    fresh = Store.open(tmp_path / "another disk")
    fresh.save(make_submission(1))
    with pytest.raises(StoreError, match="holds 1 shards that this data directory does not know"):
        hub.push(fresh.core, remote, "ann/masks", PENDING)
    assert remote.files == before
    assert "does not know" in fresh.info()["last_error"]
    fresh.close()


def test_health_tells_what_waits_and_what_failed(store: Store) -> None:
    remote = FakeHub(fail="before")
    for seed in range(3):
        store.save(make_submission(seed))
    with pytest.raises(StoreError):
        hub.push(store.core, remote, "ann/masks", PENDING)
    info = store.info()
    assert (info["waiting"], info["failed"], info["synced"], info["last_push"]) == (3, 3, 0, None)
    assert info["last_error"] == "connection refused"
    store.save(make_submission(4))
    info = store.info()
    assert (info["waiting"], info["failed"]) == (4, 3)
    remote.fail = ""
    hub.push(store.core, remote, "ann/masks", PENDING)
    info = store.info()
    assert (info["waiting"], info["failed"], info["synced"]) == (0, 0, 4)
    assert info["last_error"] is None
    assert info["last_push"].endswith("+00:00")
    assert (info["shards"], info["shards_synced"]) == (2, 2)


def test_a_shard_that_was_never_sent_leaves_nothing_to_withdraw(store: Store) -> None:
    kept, gone = (store.save(make_submission(seed)) for seed in range(2))
    store.delete(gone.record_id, gone.token)
    assert store.core.index.all("SELECT * FROM retired") == []
    assert not health.due(store.core, ("approved",))
    assert store.get(kept.record_id)


def test_one_push_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = FakeHub()
    store.save(make_submission(0))
    monkeypatch.setattr(hub, "locked", lambda path, timeout: files.locked(path, timeout=0.05))
    with files.locked(store.core.data_dir / "push.lock"):
        with pytest.raises(StoreError, match="has been busy"):
            hub.push(store.core, remote, "ann/masks", PENDING)
        assert remote.commits == []
    assert hub.push(store.core, remote, "ann/masks", PENDING).records == 1


def test_what_was_withdrawn_no_longer_counts_as_there(store: Store) -> None:
    remote = FakeHub()
    store.save(make_submission(0))
    hub.push(store.core, remote, "ann/masks", PENDING)
    assert store.info()["synced"] == 1
    assert hub.push(store.core, remote, "ann/masks", ("approved",)).withdrawn == 1
    assert remote.ids() == []
    assert store.info()["synced"] == 0
    assert not health.due(store.core, ("approved",))
