"""The real Hub client against a Hub on loopback: push, trouble, deletion, and loading back."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from huggingface_hub import HfApi

from space.store import Store, StoreError, hub
from space.store.errors import HubError
from space.store.restoring import restore
from space.sync import Sync
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_mask, make_submission
from tests.space.store.loopback_hub import LoopbackHub, client, loopback_hub

PENDING = ("pending",)
_LOAD = """
import json, sys
from datasets import load_dataset
table = load_dataset("ann/masks", split=sys.argv[2], cache_dir=sys.argv[1])
print(json.dumps([[row["id"], list(row["image"].size), row["mask"].mode] for row in table]))
"""


@pytest.fixture
def remote() -> Iterator[LoopbackHub]:
    with loopback_hub() as running:
        yield running


def api(remote: LoopbackHub) -> HfApi:
    return client(remote.url)


def load_back(remote: LoopbackHub, tmp_path: Path, split: str = "pending") -> list:
    environment = {
        **os.environ,
        "HF_ENDPOINT": remote.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    run = subprocess.run(
        [sys.executable, "-c", _LOAD, str(tmp_path / "cache"), split],
        capture_output=True, text=True, check=False, env=environment, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    return sorted(json.loads(run.stdout.splitlines()[-1]))


def test_push_delete_push_and_load_back(store: Store, remote: LoopbackHub, tmp_path) -> None:
    receipts = [store.save(make_submission(seed)) for seed in range(3)]
    store.save(make_submission(7, licence="private"))
    done = hub.push(store.core, api(remote), "ann/masks", PENDING)
    assert (done.records, done.kept_back) == (3, 1)
    expected = sorted([receipt.record_id, [67, 41], "L"] for receipt in receipts)
    assert load_back(remote, tmp_path) == expected
    gone = receipts[1]
    store.delete(gone.record_id, gone.token)
    assert hub.push(store.core, api(remote), "ann/masks", PENDING).withdrawn == 1
    expected = [line for line in expected if line[0] != gone.record_id]
    assert load_back(remote, tmp_path) == expected
    assert hub.push(store.core, api(remote), "ann/masks", PENDING).shards == 0
    assert len(remote.revisions) == 2


@pytest.mark.parametrize("trouble", ["500", "429", "403", "cut before", "cut after", "hang after"])
def test_trouble_on_the_way_loses_and_doubles_nothing(
    store: Store, remote: LoopbackHub, trouble: str
) -> None:
    for seed in range(2):
        store.save(make_submission(seed))
    remote.trouble["commit"] = [trouble] * 8  # more than the client's own retries
    with pytest.raises(StoreError, match="did not go through"):
        hub.push(store.core, api(remote), "ann/masks", PENDING)
    remote.trouble.clear()
    hub.push(store.core, api(remote), "ann/masks", PENDING)
    shards = [path for path in remote.uploads if path.endswith(".parquet")]
    assert len(set(shards)) == 2  # one with both records, one with the columns alone
    assert {path for path in remote.files if path.endswith(".parquet")} == set(shards)
    assert store.info()["synced"] == 2


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        ("create", "cut after"),
        ("list", "500"),
        ("preupload", "429"),
        ("batch", "cut before"),
        ("put", "500"),
        ("put", "hang after"),
        ("commit", "hang before"),
    ],
)
def test_trouble_at_any_step_is_made_good_by_the_next_push(
    store: Store, remote: LoopbackHub, kind: str, trouble: str
) -> None:
    receipts = [store.save(make_submission(seed)) for seed in range(2)]
    remote.trouble[kind] = [trouble]
    for _ in range(2):
        with contextlib.suppress(HubError):
            hub.push(store.core, api(remote), "ann/masks", PENDING)
    assert sorted(ids(remote)) == sorted(receipt.record_id for receipt in receipts)
    shards = [path for path in remote.uploads if path.endswith(".parquet")]
    assert len(shards) == len(set(shards)), "something was pushed twice"
    assert store.info()["synced"] == 2


def ids(remote: LoopbackHub) -> list[str]:
    found: list[str] = []
    for name, data in remote.files.items():
        if name.endswith(".parquet"):
            found += pq.read_table(io.BytesIO(data), columns=["id"]).column("id").to_pylist()
    return found


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("401", "does not let this token write there (401)"),
        ("500", "trouble of its own (500)"),
        ("429", "asks for a pause"),
        ("hang before", "did not answer in time"),
        ("cut before", "the connection to the Hub broke"),
    ],
)
def test_what_went_wrong_is_said_without_addresses(
    store: Store, remote: LoopbackHub, trouble: str, words: str
) -> None:
    store.save(make_submission(0))
    remote.trouble["commit"] = [trouble]
    with pytest.raises(HubError) as caught:
        hub.push(store.core, api(remote), "ann/masks", PENDING)
    assert words in str(caught.value)
    assert "http" not in str(caught.value)


def test_the_hubs_own_pause_is_honoured(store: Store, remote: LoopbackHub) -> None:
    store.save(make_submission(0))
    remote.retry_after = "240"
    remote.trouble["commit"] = ["429"]
    with pytest.raises(HubError) as caught:
        hub.push(store.core, api(remote), "ann/masks", PENDING)
    assert caught.value.pause == 240
    syncing = Sync(store, api(remote), "ann/masks", 1)
    remote.trouble["commit"] = ["429"]
    assert syncing._attempt() >= 240
    remote.retry_after = "0"
    assert syncing._attempt() > 60, "the pause is not over"
    assert store.info()["synced"] == 0
    store.core.index.remember(hub_pause_until="")
    assert syncing._attempt() == 60
    assert store.info()["synced"] == 1


def test_an_empty_disk_comes_back_through_the_real_client(
    store: Store, remote: LoopbackHub, tmp_path: Path
) -> None:
    receipts = [store.save(make_submission(seed)) for seed in range(3)]
    hub.push(store.core, api(remote), "ann/masks", PENDING)
    commits = len(remote.revisions)
    remote.trouble["resolve"] = ["500", "cut before"]
    fresh = Store.open(tmp_path / "fresh")
    assert restore(fresh.core, api(remote), "ann/masks") == 3
    assert fresh.verify().problems == []
    assert hub.push(fresh.core, api(remote), "ann/masks", PENDING).shards == 0
    assert len(remote.revisions) == commits
    table = load_dataset(str(fresh.dataset_dir), split="train", cache_dir=str(tmp_path / "cache"))
    assert sorted(table["id"]) == sorted(receipt.record_id for receipt in receipts)
    for seed, receipt in enumerate(receipts):
        assert (fresh.mask(fresh.get(receipt.record_id)) == make_mask(seed)).all()
    assert not (fresh.core.data_dir / "restoring").exists()
    fresh.close()


def test_only_approved_records_are_in_the_training_split(
    store: Store, remote: LoopbackHub, tmp_path: Path
) -> None:
    receipts = [store.save(make_submission(seed)) for seed in range(4)]
    set_status(store, receipts[0].record_id, "approved")
    set_status(store, receipts[1].record_id, "rejected")
    hub.push(store.core, api(remote), "ann/masks", ("approved", "pending", "rejected"))
    assert load_back(remote, tmp_path, "train") == [[receipts[0].record_id, [67, 41], "L"]]
    assert len(load_back(remote, tmp_path, "pending")) == 2
    set_status(store, receipts[2].record_id, "approved")
    set_status(store, receipts[0].record_id, "rejected")  # taken back
    hub.push(store.core, api(remote), "ann/masks")
    assert load_back(remote, tmp_path, "train") == [[receipts[2].record_id, [67, 41], "L"]]
    assert len(ids(remote)) == 1
