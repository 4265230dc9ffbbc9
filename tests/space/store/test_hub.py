"""Pushing: everything arrives once, private records never, deletions follow."""

import io
import re
from dataclasses import dataclass, field

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete

from space.store import Store, StoreError, SubmissionError, hub
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

    def list_repo_files(self, repo_id: str, *, repo_type: str) -> list[str]:
        return sorted(self.files)

    def create_commit(
        self, repo_id: str, operations: list, *, commit_message: str, repo_type: str
    ) -> None:
        assert commit_message
        if self.fail == "before":
            raise OSError("connection refused")
        for operation in operations:
            path = operation.path_in_repo
            if isinstance(operation, CommitOperationDelete):
                del self.files[path]
            else:
                assert isinstance(operation, CommitOperationAdd)
                with operation.as_file() as stream:
                    self.files[path] = stream.read()
                self.uploads.append(path)
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
    assert front["configs"][0]["data_files"][0]["path"] == "data/train-*.parquet"
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
    hub.push(store.core, remote, "ann/masks", PENDING)
    assert remote.ids() == [kept.record_id]


def test_deletions_and_merges_follow(store: Store) -> None:
    remote = FakeHub()
    receipts = [store.save(make_submission(seed)) for seed in range(31)]
    hub.push(store.core, remote, "ann/masks", PENDING)
    gone = receipts.pop(3)
    store.delete(gone.record_id, gone.token)
    receipts += [store.save(make_submission(seed)) for seed in range(40, 43)]
    store.compact()
    done = hub.push(store.core, remote, "ann/masks", PENDING)
    assert done.withdrawn >= 30
    assert remote.ids() == sorted(receipt.record_id for receipt in receipts)
    assert len([path for path in remote.files if path.endswith(".parquet")]) < 8


def test_many_shards_go_in_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SHARDS_A_COMMIT", 2)
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
