"""What the app kept for a while goes by itself: by time, by size, and after a crash."""

import logging
import os
import threading
import time
from pathlib import Path

import pytest

from space import contributions, sweeping
from space.exports import Exports
from space.photos import PhotoShelf
from space.services import Services
from space.store import files, traces
from space.sweeping import Sweeper, sweep_uploads, trim
from tests.space.dataset_app import make_services
from tests.space.store.conftest import make_photo, make_submission


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "data")


def made(path: Path, hours_ago: float = 0.0, size: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    when = time.time() - hours_ago * 3600
    os.utime(path, (when, when))
    return path


def test_downloads_go_after_an_hour_without_a_visitor(services: Services) -> None:
    cache = services.settings.folders.cache
    exports = Exports(cache / "exports")
    old, young = exports.put(b"1", "a.png"), exports.put(b"2", "b.png")
    os.utime(old.parent, (1, 1))
    datasets = [made(cache / "dataset-exports" / f"saved-masks-{h}.zip", h) for h in (0, 2)]
    strategy = made(cache / "dataset-exports" / "masks-like-users.json", 50)
    Sweeper(services).sweep()
    assert [old.parent.exists(), young.exists()] == [False, True]
    assert [path.exists() for path in datasets] == [True, False]
    assert strategy.exists()


def test_a_copy_that_was_made_during_a_deletion_goes(services: Services) -> None:
    receipt = services.store.save(make_submission(0))
    late = services.settings.folders.cache / "uploads" / "x" / "saved-masks-1.zip"
    before = made(late, 0.001)
    services.store.delete(receipt.record_id, receipt.token)
    after = made(late.with_name("saved-masks-2.zip"), -0.001)
    Sweeper(services).sweep()
    assert [before.exists(), after.exists()] == [False, True]


def test_copies_elsewhere_go_too(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "elsewhere"))
    receipt = services.store.save(make_submission(0))
    copy = made(tmp_path / "elsewhere" / ("0f" * 32) / "saved-masks-1.zip")
    contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    assert not copy.exists()


def test_pictures_that_a_run_makes_after_a_deletion_go(services: Services) -> None:
    receipt = services.store.save(make_submission(0))
    runs = services.settings.data_dir / "runs"
    for name, hours in (("20260101-000000", 1.0), ("20260102-000000", -0.01)):
        made(runs / name / "plan.json", hours)
    contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    pictures = [made(runs / f"2026010{day}-000000" / "before-after.png") for day in (1, 2)]
    Sweeper(services).sweep()
    assert [path.exists() for path in pictures] == [False, True]
    assert (runs / "20260101-000000" / "plan.json").exists()


def test_uploads_go_six_hours_after_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    young = made(tmp_path / "a" / "old photo.jpg", 1000)  # its date is not when it came
    sweep_uploads(tmp_path)
    assert young.exists()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + sweeping.UPLOAD_SECONDS + 60)
    sweep_uploads(tmp_path)
    assert not young.exists()
    monkeypatch.setattr(time, "time", lambda: now + 2 * sweeping.UPLOAD_SECONDS + 60)
    sweep_uploads(tmp_path)
    assert list(tmp_path.iterdir()) == []
    sweep_uploads(tmp_path / "nowhere")


def test_photos_and_results_share_one_limit(tmp_path: Path) -> None:
    photos, exports = PhotoShelf(tmp_path / "photos"), Exports(tmp_path / "exports")
    opened = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        path.write_bytes(make_photo(number, 100, 100))
        opened.append(photos.put(path))
    results = [exports.put(bytes(30_000), f"{number}.png") for number in range(3)]
    for age, path in enumerate((opened[0].path, results[0].parent, opened[1].path)):
        when = time.time() - 1000 + age
        os.utime(path, (when, when))
    trim(photos, exports, tmp_path / "uploads", 10**6)
    assert len(photos.kept()) == len(exports.kept()) == 3
    trim(photos, exports, tmp_path / "uploads", 150_000)
    assert {path.name for _, _, path in photos.kept()} == {one.id for one in opened[1:]}
    assert results[0].exists() is False
    assert not photos.directory.joinpath(f"{opened[0].id}.json").exists()
    trim(photos, exports, tmp_path / "uploads", 1)
    assert {path.name for _, _, path in photos.kept()} == {opened[2].id}, "young ones stay"
    assert len(exports.kept()) == 2


def test_what_a_crash_left_on_the_shelf_goes(services: Services, tmp_path: Path) -> None:
    path = made(tmp_path / "photo.png")
    path.write_bytes(make_photo(1))
    handle = services.photos.put(path)
    folder = services.photos.directory
    part, young = made(folder / "a.part", 1), made(folder / "b.part")
    orphan = made(folder / f"{'0' * 64}.json")
    Sweeper(services).sweep()
    assert services.photos.get(handle.id) == handle
    assert [one.exists() for one in (part, young, orphan)] == [False, True, False]


def test_a_deletion_that_was_cut_off_is_finished(services: Services) -> None:
    receipt = services.store.save(make_submission(0))
    copy = made(services.settings.folders.cache / "uploads" / "x" / "photo.png")
    copy.write_bytes(make_photo(0))
    services.store.delete(receipt.record_id, receipt.token, copies=True)
    Sweeper(services).sweep()
    assert not copy.exists()
    assert traces.pending(services.store.core) == []


@pytest.mark.parametrize("trouble", [OSError, RuntimeError])
def test_trouble_is_said_once_and_stops_nothing_else(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: type[Exception],
) -> None:
    old = made(services.settings.folders.cache / "dataset-exports" / "saved-masks-1.zip", 2)

    def refuse(*_):
        raise trouble("no")

    monkeypatch.setattr(contributions, "forget", refuse)
    sweeper = Sweeper(services)
    with caplog.at_level(logging.WARNING):
        sweeper.sweep()
        sweeper.sweep()
    assert not old.exists()
    assert len(caplog.records) == 1


def test_it_runs_as_long_as_the_app(services: Services) -> None:
    old = made(services.settings.folders.cache / "dataset-exports" / "saved-masks-1.zip", 2)
    with sweeping.sweeping(services):
        deadline = time.monotonic() + 20
        while old.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        [thread] = [one for one in threading.enumerate() if one.name == "sweep"]
    assert not old.exists()
    thread.join(20)
    assert not thread.is_alive()


def test_dataset_downloads_are_not_counted_and_stay_for_their_hour(tmp_path: Path) -> None:
    photos, exports = PhotoShelf(tmp_path / "photos"), Exports(tmp_path / "exports")
    path = tmp_path / "photo.png"
    path.write_bytes(make_photo(0, 100, 100))
    opened = photos.put(path)
    result = exports.put(bytes(30_000), "result.png")
    dataset = exports.put(bytes(900_000), "saved-masks-1.zip")
    for age, used in enumerate((dataset.parent, opened.path, result.parent)):
        os.utime(used, (time.time() - 1000 + age,) * 2)
    trim(photos, exports, tmp_path / "uploads", 100_000)
    assert [file.exists() for file in (dataset, opened.path, result)] == [True, True, True]
    trim(photos, exports, tmp_path / "uploads", 1)
    assert [file.exists() for file in (dataset, opened.path, result)] == [True, False, False]
    os.utime(dataset.parent, (1, 1))
    exports.sweep()
    assert not dataset.exists()


def test_uploads_count_and_go_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, exports = PhotoShelf(tmp_path / "photos"), Exports(tmp_path / "exports")
    uploads = tmp_path / "uploads"
    sent = [made(uploads / ("0" * 64) / f"{number}.png") for number in range(2)]
    for path in sent:
        path.write_bytes(bytes(60_000))
    trim(photos, exports, uploads, 100_000)
    assert all(path.exists() for path in sent), "what is young may be on its way"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1000)
    trim(photos, exports, uploads, 100_000)
    assert [path.exists() for path in sent] == [False, True]
    trim(photos, exports, uploads, 1)
    assert not sent[1].exists()


def test_a_download_that_a_killed_process_was_making_goes(services: Services) -> None:
    store = services.store
    unfinished = made(services.settings.folders.dataset_exports / ".saved-masks-1.zip.0123abcd")
    with files.working(store.core.unfinished):
        Sweeper(services).sweep()
        assert unfinished.exists(), "somebody is at work"
    Sweeper(services).sweep()
    assert not unfinished.exists()
