"""Downloads of the dataset: what is in them, and that nobody fills the disk with them."""

import os
import shutil
import time
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from gradio.data_classes import _StaticFiles

from space import contributions
from space.dataset import downloads
from space.dataset.downloads import make
from space.services import Services
from space.store import Filters
from space.ui import served_folders
from tests.space.dataset_app import make_services
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_submission


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "data" / "cache" / "uploads"))
    made = make_services(tmp_path / "data")
    # As `space.wiring.launch` says it: they are served where they lie.
    monkeypatch.setattr(_StaticFiles, "all_paths", [Path(served_folders(made.settings)[0])])
    return made


def path_of(services: Services, kind: str = "zip", filters: Filters | None = None) -> Path:
    file, words = make(services, kind, filters or Filters())
    assert file.visible, words
    return Path(file.value["path"])


def test_zip(services: Services) -> None:
    assert "no mask to put" in make(services, "zip", Filters())[1]
    services.store.save(make_submission(0))
    _, words = make(services, "zip", Filters())
    assert "1 record," in words
    [folder, _] = map(Path, served_folders(services.settings))
    assert len(list(folder.glob("*/saved-masks-*.zip"))) == 1, "no browser gets other places' files"
    assert "no mask" in make(services, "zip", Filters(strategy="wide"))[1]
    with zipfile.ZipFile(path_of(services, "zip", Filters("drawn", "pending"))) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3


def test_the_same_question_gets_the_same_file_until_something_changes(services: Services) -> None:
    receipt = services.store.save(make_submission(0))
    made = {kind: path_of(services, kind) for kind in ("zip", "parquet")}
    assert pq.read_table(made["parquet"]).num_rows == 1
    for kind, path in made.items():
        long_ago = time.time() - 3000
        os.utime(path.parent, (long_ago, long_ago))
        assert path_of(services, kind) == path
        assert path.parent.stat().st_mtime > long_ago + 2000, "it stays for another hour"
    set_status(services.store, receipt.record_id, "approved")
    decided = path_of(services)
    assert decided != made["zip"]
    services.store.save(make_submission(1))
    both = path_of(services)
    assert both != decided
    contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    assert not both.exists()
    assert "1 record," in make(services, "zip", Filters())[1]


def test_who_sees_less_gets_another_file(services: Services) -> None:
    services.store.save(make_submission(0))
    services.store.save(make_submission(1, licence="private"))
    everything, public = (path_of(services, "zip", Filters(private=seen)) for seen in (True, False))
    assert [len(zipfile.ZipFile(path).namelist()) for path in (everything, public)] == [5, 3]


def test_no_more_than_the_newest_two_stay(services: Services) -> None:
    services.store.save(make_submission(0))
    result = services.exports.put(b"1", "result.png")
    os.utime(result.parent, (time.time() - 500,) * 2)
    made = []
    for age, high in enumerate((1.0, 0.9, 0.8, 0.7)):
        made.append(path_of(services, "zip", Filters(max_area=high)))
        os.utime(made[-1].parent, (time.time() - 100 + age,) * 2)
    assert [path.exists() for path in made] == [False, False, True, True]
    assert result.exists(), "only downloads of the dataset are counted"
    assert list(services.settings.folders.dataset_exports.iterdir()) == []


def test_nothing_is_made_that_the_disk_has_no_room_for(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.store.save(make_submission(0))
    usage = shutil.disk_usage(services.settings.data_dir)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    file, words = make(services, "zip", Filters())
    assert not file.visible
    assert "Choose fewer records" in words


def test_a_deletion_just_before_a_download_is_ready_is_said(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = services.store.save(make_submission(0))
    services.store.save(make_submission(1))
    write = downloads.export

    def slowly(*arguments) -> int:
        count = write(*arguments)
        contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
        return count

    monkeypatch.setattr(downloads, "export", slowly)
    file, words = make(services, "zip", Filters())
    assert not file.visible
    assert "deleted meanwhile" in words
    monkeypatch.undo()
    assert "1 record," in make(services, "zip", Filters())[1]
