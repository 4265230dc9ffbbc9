"""A deleted record leaves nothing in the app's cache, and what a crash cut off is made up for."""

import hashlib
import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from space import contributions, forgetting
from space.api.dataset import run_delete
from space.canvas.protocol import encode_mask
from space.canvas.server import CanvasServer
from space.dataset.command import main
from space.dataset.tab import delete_with
from space.photos import PhotoShelf
from space.services import Services
from space.settings import Settings
from space.store import Receipt, Store, StoreError, Submission, SubmissionError, traces
from space.store.files import working
from space.sweeping import Sweeper
from tests.space.fakes import TeleaEngine
from tests.space.store.conftest import make_mask, make_photo, make_submission
from tests.space.store.test_crashes import Killed, dying_at
from tests.space.store.test_index import unreadable


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    settings = Settings(model="telea", data_dir=tmp_path / "data")
    uploads = settings.folders.cache / "uploads"
    uploads.mkdir(parents=True)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    store = Store.open(settings.data_dir)
    yield Services(TeleaEngine(), store, settings, PhotoShelf(settings.folders.cache / "photos"))
    store.close()


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def uploaded(services: Services, name: str, content: bytes) -> Path:
    folder = hashlib.sha256(name.encode()).hexdigest()
    path = services.settings.folders.cache / "uploads" / folder / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def tiff(seed: int) -> bytes:
    """A photo that browsers do not show, so that the app makes a preview of it."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(make_photo(seed))).save(buffer, "TIFF")
    return buffer.getvalue()


def used(services: Services, seed: int, name: str) -> tuple[Receipt, str]:
    """Somebody opens a photo, fills, downloads, goes on from there twice, and saves a mask."""
    server = CanvasServer(services)
    path = uploaded(services, f"{seed}.tif", tiff(seed))
    photo = server.open_photo({"path": str(path), "name": name})
    assert photo["preview"]
    identity = photo["photo"]
    for _ in range(2):
        value = {"photo": identity, "mask": encode_mask(make_mask(seed)), "request": 1}
        result = server.run({"page": name, "value": value | {"model": "telea"}})["result"]
        assert server.export({"result": result, "format": "PNG"})["ok"]
        identity = server.adopt({"result": result})["photo"]
    submission = Submission(path.read_bytes(), make_mask(seed), "private", consent=True)
    return services.store.save(submission), photo["photo"]


def mask_file(form: str, seed: int) -> bytes:
    """A mask as somebody may send it: other bytes than those that are stored."""
    hole = make_mask(seed)
    buffer = io.BytesIO()
    if form == "clear":
        layer = np.zeros((*hole.shape, 4), np.uint8)
        layer[hole] = (200, 30, 90, 255)
        Image.fromarray(layer).save(buffer, "PNG")
    else:
        Image.fromarray(hole.astype(np.uint8) * 200).save(buffer, form)
    return buffer.getvalue()


def delete(services: Services, receipt: Receipt, how: str) -> None:
    if how == "app":
        contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
        return
    folder = ["--data-dir", str(services.settings.data_dir)]
    arguments = ["dataset", "delete", receipt.record_id, "--receipt", receipt.token, *folder]
    assert main(arguments, lambda _: None) == 0


@pytest.mark.parametrize("how", ["app", "command line"])
def test_nothing_of_photo_results_and_mask_is_left(services: Services, how: str) -> None:
    other = services.photos.put(uploaded(services, "other.png", make_photo(9)), "other.png")
    kept = files_of(services.settings.folders.cache)
    receipt, _ = used(services, 1, "my secret.tif")
    for number, form in enumerate(("PNG", "clear", "BMP")):
        uploaded(services, f"mask{number}.png", mask_file(form, 1))
    (services.settings.folders.cache / "dataset-exports").mkdir()
    (services.settings.folders.cache / "dataset-exports" / "saved-masks-1.zip").write_bytes(b"x")
    (services.settings.folders.cache / "dataset-exports" / ".saved-masks-2.zip.ab").write_bytes(
        b"x"
    )
    delete(services, receipt, how)
    assert files_of(services.settings.folders.cache) == kept
    assert services.photos.get(other.id) == other
    assert traces.pending(services.store.core) == []


def test_an_upload_that_no_decoder_understands_stops_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt, _ = used(services, 1, "a.tif")
    mask = uploaded(services, "mask.bmp", mask_file("BMP", 1))

    def undecodable(path: Path, *_: object) -> None:
        raise struct.error("required argument is not an integer")

    monkeypatch.setattr(forgetting, "open_mask", undecodable)
    delete(services, receipt, "app")
    assert mask.exists(), "it may be anything"
    assert traces.pending(services.store.core) == []


def test_what_belongs_to_others_stays(services: Services) -> None:
    receipt, photo = used(services, 1, "one.tif")
    masks = [uploaded(services, f"mask{seed}.png", mask_file("PNG", seed)) for seed in (1, 2)]
    again = Submission(tiff(1), make_mask(2), "private", consent=True)
    second = services.store.save(again)
    contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    assert services.photos.get(photo)  # another mask is on it
    assert services.photos.made_from([photo])
    assert [path.exists() for path in masks] == [False, True]
    contributions.delete(services.store, second.record_id, second.token, services.photos)
    assert files_of(services.settings.folders.cache) == set()


def test_a_result_that_has_a_record_of_its_own_stays(services: Services) -> None:
    receipt, photo = used(services, 1, "one.tif")
    [first, *_] = sorted(services.photos.made_from([photo]))
    adopted = services.photos.get(first)
    mine = services.store.save(make_submission(5, image_bytes=adopted.path.read_bytes()))
    contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    assert services.photos.get(first)
    contributions.delete(services.store, mine.record_id, mine.token, services.photos)
    assert not list(services.photos.directory.iterdir())


def test_a_file_in_the_making_is_left_to_who_makes_it(services: Services) -> None:
    receipt = services.store.save(make_submission(1))
    path = services.settings.folders.cache / "dataset-exports" / ".saved-masks-1.zip.ab"
    path.parent.mkdir()
    path.write_bytes(b"in the making")
    with working(services.store.core.unfinished):
        contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    assert path.exists()


@pytest.mark.parametrize("step", ["exchange committed", "bytes removed"])
def test_a_deletion_that_was_killed_is_finished(services: Services, step: str) -> None:
    receipt, _ = used(services, 1, "my secret.tif")
    dying = Store.open(services.settings.data_dir, on_step=dying_at(step))
    with pytest.raises(Killed):
        contributions.delete(dying, receipt.record_id, receipt.token)
    dying.close()
    assert files_of(services.settings.folders.cache)
    with pytest.raises(SubmissionError, match="deleted already"):
        contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    assert files_of(services.settings.folders.cache) == set()


def test_a_file_that_refuses_is_said_and_tried_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt, _ = used(services, 1, "my secret.tif")
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".tif":
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(StoreError, match=r"record is deleted.*copy of its photo.*tries again"):
            contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    assert services.store.info()["records"] == 0
    assert files_of(services.settings.folders.cache) == {
        f"uploads/{hashlib.sha256(b'1.tif').hexdigest()}/1.tif"
    }
    assert len(traces.pending(services.store.core)) == 1
    contributions.forget(services.store)
    assert files_of(services.settings.folders.cache) == set()
    assert traces.pending(services.store.core) == []


def test_the_page_and_the_endpoint_say_what_is_left(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = [services.store.save(make_submission(seed)) for seed in range(2)]

    def refuse(*_):
        raise FileNotFoundError(2, "No such file or directory", "a folder")

    monkeypatch.setattr(forgetting, "forget_record", refuse)
    status, _ = delete_with(services, f"{receipts[0].record_id} {receipts[0].token}")
    assert "The record is deleted. Could not remove every copy" in status
    with pytest.raises(gr.Error, match="The record is deleted"):
        run_delete(services, receipts[1].record_id, receipts[1].token)


def test_a_deletion_that_is_done_stays_done_when_the_index_fails_after_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = [services.store.save(make_submission(seed)) for seed in range(2)]
    delete_whole = contributions.delete

    def then_fail(*arguments: object) -> None:
        delete_whole(*arguments)
        unreadable(services.store, monkeypatch)

    with monkeypatch.context() as patch:
        patch.setattr(contributions, "delete", then_fail)
        working_connection = services.store.core.index._connection
        status, _ = delete_with(services, f"{receipts[0].record_id} {receipts[0].token}")
        assert "Deleted." in status
        services.store.core.index._connection = working_connection
        said = run_delete(services, receipts[1].record_id, receipts[1].token)
        assert said == f"The record {receipts[1].record_id} is deleted."
        services.store.core.index._connection = working_connection


def test_files_and_folders_may_vanish_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcd":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x")
    lstat = Path.lstat

    def vanishing(path: Path) -> os.stat_result:
        for folder in tmp_path.iterdir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", vanishing)
    forgetting.remove_if((tmp_path, tmp_path / "nowhere"), lambda *_: True)
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_runs_go_and_logs_stay(tmp_path: Path) -> None:
    names = ("1/samples/0.png", "1/before-after.png", "1/log.jsonl", "1/deep/er/x.png", "a.png")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    forgetting.forget_run_pictures(tmp_path)
    assert files_of(tmp_path) == set(names[2:])


def test_undo_leaves_the_photo_on_the_canvas(services: Services) -> None:
    receipt, photo = used(services, 1, "one.tif")
    made = services.settings.folders.cache / "dataset-exports" / "saved-masks-1.zip"
    made.parent.mkdir()
    made.write_bytes(b"x")
    contributions.undo(services, receipt)
    assert services.photos.get(photo)
    assert not made.exists()
    assert traces.pending(services.store.core) == []


def test_a_shared_folder_of_uploads_loses_nothing_but_what_gradio_put_there(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(shared))
    digest = "0123456789abcdef" * 4
    mine = [f"{digest}/photo.png", f"{digest}/mask.png", f"{digest}/saved-masks-1.zip"]
    others = [
        *("my photos/original.png", "my photos/mask.png", "original.png", "saved-masks-1.zip"),
        *(".saved-masks-1.zip.ab", f"{digest}/deeper/photo.png", f"{digest}x/photo.png"),
        "backup/saved-masks-2.zip",
    ]
    for name in (*mine, *others):
        (shared / name).parent.mkdir(parents=True, exist_ok=True)
        (shared / name).write_bytes(mask_file("PNG", 1) if "mask.png" in name else make_photo(1))
    (shared / ("f" * 64)).symlink_to(shared / "my photos")
    receipt = services.store.save(make_submission(1))
    contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    Sweeper(services).sweep()
    assert files_of(shared) == set(others)


def test_a_process_that_knows_nothing_of_them_forgets_uploads_elsewhere(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the command line does, which is run without the app's variables."""
    core = services.store.core
    forgetting.note_uploads(core)  # within the cache: nothing to note
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    forgetting.note_uploads(core)
    assert core.index.meta("uploads", "") == ""
    elsewhere = [tmp_path / "one", tmp_path / "two"]
    files = [place / ("0123456789abcdef" * 4) / "photo.png" for place in elsewhere]
    for place, file in zip(elsewhere, files, strict=True):
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(place))
        for _ in range(2):
            forgetting.note_uploads(core)
        file.parent.mkdir(parents=True)
        file.write_bytes(make_photo(1))
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    receipt = services.store.save(make_submission(1))
    contributions.delete(services.store, receipt.record_id, receipt.token)
    assert not any(file.exists() for file in files)
