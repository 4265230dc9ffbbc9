"""A data directory that was copied by a tool that follows links, or loses them, opens as it was."""

import shutil
from pathlib import Path

import pytest

from space.store import Store, compaction
from tests.space.store.conftest import make_submission
from tests.space.store.test_deleting import everything_below
from tests.space.store.test_store import load


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, list]:
    """A closed data directory whose shards have been exchanged before, and its receipts."""
    store = Store.open(tmp_path / "made")
    receipts = [store.save(make_submission(seed)) for seed in range(4)]
    compaction.pack(store.core, "open/pending")
    receipts.append(store.save(make_submission(4)))
    store.close()
    return tmp_path / "made", receipts


def copied(source: Path, target: Path) -> Path:
    """As `scp -r` and `cp -rL` do it."""
    shutil.copytree(source, target, symlinks=False)
    assert not (target / "dataset").is_symlink()
    return target


def whole(data_dir: Path, receipts: list, tmp_path: Path) -> None:
    """It holds these records, deletes with their receipts, and nothing stays of what it deletes."""
    store = Store.open(data_dir)
    assert (data_dir / "dataset").is_symlink()
    assert store.verify().problems == []
    ids = [receipt.record_id for receipt in receipts]
    assert sorted(load(store, tmp_path)["id"]) == sorted(ids)
    gone = make_submission(2)
    assert gone.image_bytes[60:200] in everything_below(data_dir)
    store.delete(ids[2], receipts[2].token)
    assert gone.image_bytes[60:200] not in everything_below(data_dir)
    store.save(make_submission(9))
    assert store.verify().problems == []
    store.close()


def test_a_copy_that_followed_links_opens(made, tmp_path: Path) -> None:
    data_dir, receipts = made
    whole(copied(data_dir, tmp_path / "copy"), receipts, tmp_path)


def test_a_copy_without_its_index_opens(made, tmp_path: Path) -> None:
    data_dir, receipts = made
    copy = copied(data_dir, tmp_path / "copy")
    for path in copy.glob("index.sqlite*"):
        path.unlink()
    whole(copy, receipts, tmp_path)


@pytest.mark.parametrize("index", [True, False])
def test_a_copy_that_left_links_out_opens(made, tmp_path: Path, index: bool) -> None:
    data_dir, receipts = made
    (data_dir / "dataset").unlink()
    for path in () if index else data_dir.glob("index.sqlite*"):
        path.unlink()
    whole(data_dir, receipts, tmp_path)


@pytest.mark.parametrize("index", [True, False])
def test_what_only_the_copied_folder_has_is_kept(made, tmp_path: Path, index: bool) -> None:
    data_dir, receipts = made
    copy = copied(data_dir, tmp_path / "copy")
    shutil.rmtree(copy / "published")
    for path in () if index else copy.glob("index.sqlite*"):
        path.unlink()
    whole(copy, receipts, tmp_path)
