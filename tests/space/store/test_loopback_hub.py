"""The real Hub client against a Hub on loopback: push, trouble, deletion, and loading back."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from space.store import Store, StoreError, hub
from tests.space.store.conftest import make_submission
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
