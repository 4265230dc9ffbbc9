"""What a machine does not have or allow: rights, memory, room on the disk."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from space.store import Store, StoreError, files
from space.store import shards as shards_module
from tests.space.store.conftest import make_submission

_AS_NOBODY = """
import os, sys
from space.store import Store, StoreError
os.setuid(65534)
try:
    Store.open(sys.argv[1])
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize("existing", [False, True])
def test_a_read_only_data_directory_gives_one_clear_line(existing: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        if existing:
            Store.open(Path(name) / "data").close()
        Path(name).chmod(0o555)
        run = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, str(Path(name) / "data")],
            capture_output=True,
            text=True,
            check=False,
        )
    assert "cannot be written to" in run.stdout, run.stderr


def test_large_pictures_are_held_in_memory_a_few_at_a_time(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(3):
        store.save(make_submission(i))
    rows = list(store.core.rows(store.core.index.all("SELECT * FROM records")))
    monkeypatch.setattr(shards_module, "_BYTES_A_GROUP", 1)
    shards_module.write_shard(tmp_path / "a.parquet", rows, "")
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 3


def test_a_save_leaves_room_to_delete_what_it_saves(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(store.core.data_dir)
    sent = make_submission(0)
    size = len(sent.image_bytes)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: usage._replace(free=files.RESERVE_BYTES + 3 * size)
    )
    with pytest.raises(StoreError, match="disk is full"):
        store.save(sent)  # as a file, in a shard, and that once more when a neighbour goes
