"""A deleted record's bytes are nowhere: not below the data directory, and not on the Hub.

Files are searched as they lie there, and Parquet files once more with every value unpacked, since
a compressed page would hide what is in it. What the Hub's history still holds, and that squashing
ends it, is looked at as well.
"""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from space import contributions
from space.store import Store, compaction, hub
from space.store.exporting import KINDS, export
from space.sync import Sync
from tests.space.dataset_app import make_services
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_submission, photo_of
from tests.space.store.loopback_hub import LoopbackHub, client, loopback_hub

WORDS = {"note": "a note to be forgotten", "strokes": '[{"secret": "path of the brush"}]'}


@pytest.fixture
def remote() -> Iterator[LoopbackHub]:
    with loopback_hub() as running:
        yield running


def unpacked(name: str, data: bytes) -> bytes:
    """A file's bytes, and every value in it if it is Parquet."""
    if not name.endswith(".parquet") or not data:
        return data
    parts = [data]
    for row in pq.read_table(io.BytesIO(data)).to_pylist():
        for value in row.values():
            if isinstance(value, dict):
                parts.append(value["bytes"])
            else:
                parts.append(str(value).encode())
    return b"\n".join(parts)


def on_disk(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path): unpacked(path.name, path.read_bytes()) for path in files}


def traces_of(store: Store, record_id: str) -> dict[str, bytes]:
    record = store.get(record_id)
    photo = photo_of(store, record)
    mask = store.core.objects.read("masks", record.mask_sha256)
    return {
        "photo": photo[len(photo) // 2 : len(photo) // 2 + 48],
        "mask": mask[45:93],
        "note": b"a note to be forgotten",
        "strokes": b"path of the brush",
        "photo's digest": record.image_sha256.encode(),
        "mask's digest": record.mask_sha256.encode(),
    }


def found(traces: dict[str, bytes], files: dict[str, bytes]) -> list[tuple[str, str]]:
    return [(what, n) for what, t in traces.items() for n, data in files.items() if t in data]


@pytest.mark.parametrize("moment", ["single", "merged", "pushed", "pushed and merged"])
def test_nothing_of_a_deleted_record_is_left(
    tmp_path: Path, remote: LoopbackHub, moment: str
) -> None:
    data_dir = tmp_path / "data"
    services = make_services(data_dir)
    store, api = services.store, client(remote.url)
    services = replace(services, sync=Sync(store, api, "ann/masks"))
    kept = [store.save(make_submission(seed)) for seed in range(6)]
    sent = make_submission(77, **WORDS)
    gone = contributions.save(services, sent)
    set_status(store, gone.record_id, "approved")
    for receipt in kept[:3]:
        set_status(store, receipt.record_id, "approved")
    uploads = services.settings.folders.cache / "uploads"
    uploads.mkdir(parents=True, exist_ok=True)
    (uploads / "photo.png").write_bytes(sent.image_bytes)
    store.thumbnail(store.get(gone.record_id))
    traces = traces_of(store, gone.record_id)
    assert {what for what, _ in found(traces, on_disk(data_dir))} == set(traces)
    if "pushed" in moment:
        hub.push(store.core, api, "ann/masks")
        assert {what for what, _ in found(traces, hub_files(remote))} >= {"photo", "note"}
    if "merged" in moment:
        kept += [store.save(make_submission(seed)) for seed in range(100, 140)]
        for receipt in kept:
            set_status(store, receipt.record_id, "approved")
        compaction.compact(store.core)
    if moment == "pushed and merged":
        hub.push(store.core, api, "ann/masks")

    contributions.delete(services.store, gone.record_id, gone.token, services.photos)
    assert found(traces, on_disk(data_dir)) == []
    hub.push(store.core, api, "ann/masks")
    assert found(traces, hub_files(remote)) == []
    assert gone.record_id.encode() not in b"".join(hub_files(remote).values())
    assert found(traces, on_disk(data_dir)) == []
    assert store.verify().problems == []
    store.close()


def hub_files(remote: LoopbackHub) -> dict[str, bytes]:
    """Every file of the Hub's newest revision."""
    return {name: unpacked(name, data) for name, data in remote.files.items()}


def test_history_keeps_it_until_it_is_squashed(store: Store, remote: LoopbackHub) -> None:
    api = client(remote.url)
    gone = store.save(make_submission(77, **WORDS))
    store.save(make_submission(1))
    for record in store.newest():
        set_status(store, record.id, "approved")
    traces = traces_of(store, gone.record_id)
    hub.push(store.core, api, "ann/masks")
    store.delete(gone.record_id, gone.token)
    hub.push(store.core, api, "ann/masks")
    assert found(traces, hub_files(remote)) == []
    history = {str(n): unpacked(".parquet", f) for n, f in enumerate(remote.blobs.values())}
    assert found(traces, history) != []
    api.super_squash_history("ann/masks", repo_type="dataset")
    assert len(remote.revisions) == 1
    history = {str(n): unpacked(".parquet", f) for n, f in enumerate(remote.blobs.values())}
    assert found(traces, history) == []
    assert hub.push(store.core, api, "ann/masks").shards == 0  # and nothing travels again


@pytest.mark.parametrize("kind", KINDS)
def test_a_later_export_does_not_have_it(store: Store, tmp_path: Path, kind: str) -> None:
    gone = store.save(make_submission(77, **WORDS))
    store.save(make_submission(1))
    traces = traces_of(store, gone.record_id)
    store.delete(gone.record_id, gone.token)
    path = tmp_path / ("out.zip" if kind == "zip" else "out")
    export(store.core, kind, path)
    files = on_disk(path) if path.is_dir() else {"zip": path.read_bytes()}
    assert found(traces, files) == []


def test_a_deleted_mask_leaves_a_photo_that_others_use(store: Store) -> None:
    shared = make_submission(5).image_bytes
    gone = store.save(make_submission(5, image_bytes=shared, **WORDS))
    kept = store.save(make_submission(6, image_bytes=shared))
    traces = traces_of(store, gone.record_id)
    store.delete(gone.record_id, gone.token)
    left = {what for what, _ in found(traces, on_disk(store.core.data_dir))}
    assert left == {"photo", "photo's digest"}
    assert np.count_nonzero(store.mask(store.get(kept.record_id)))
