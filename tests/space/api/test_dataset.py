"""The dataset endpoints, called over HTTP as another program would."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from space.api import dataset as api_dataset
from space.api.dataset import run_log_mask
from space.pace import RateLimit
from space.save_sheet import saver
from space.services import Services
from space.visitors import Visitor
from tests.space.asking import HERE, STRANGER, asks, profile
from tests.space.dataset_app import build, make_services
from tests.space.store.conftest import make_mask, make_photo
from tests.space.store.test_index import unreadable


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    return make_services(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def client(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(services.settings.folders.cache / "uploads"))
        demo = build(services)
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True)
        yield Client(url, verbose=False, download_files=str(tmp_path_factory.mktemp("answers")))
        demo.close()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    photo, mask = tmp_path / "photo.png", tmp_path / "mask.png"
    photo.write_bytes(make_photo(4))
    Image.fromarray(make_mask(4)).save(mask)
    return photo, mask


def test_log_look_delete(client: Client, services: Services, files: tuple[Path, Path]) -> None:
    photo, mask = map(handle_file, files)
    before = client.predict(api_name="/dataset_info")
    assert list(before)[:7] == [
        *("records", "images", "pending", "approved", "rejected", "synced", "bytes")
    ]
    record_id, receipt = client.predict(
        image=photo, mask=mask, licence="cc-by-4.0", consent=True, strategy="wide", note="hello",
        api_name="/log_mask",
    )  # fmt: skip
    after = client.predict(api_name="/dataset_info")
    assert (after["records"], after["pending"]) == (before["records"] + 1, before["pending"] + 1)
    record = services.store.get(record_id)
    assert (record.licence, record.strategy, record.note) == ("cc-by-4.0", "wide", "hello")
    assert record.contributor == "anonymous"
    np.testing.assert_array_equal(services.store.mask(record), make_mask(4))
    data_dir = services.settings.data_dir
    with pytest.raises(AppError, match="does not belong"):
        client.predict(record_id=record_id, receipt="wrong", api_name="/delete_record")
    said = client.predict(record_id=record_id, receipt=receipt, api_name="/delete_record")
    assert said == f"The record {record_id} is deleted."
    assert client.predict(api_name="/dataset_info") == before
    needle = make_photo(4)[60:300]
    left = [path for path in data_dir.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in left if needle in path.read_bytes()] == []


def test_an_index_that_fails_is_said_in_words(
    client: Client, services: Services, files: tuple[Path, Path]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        unreadable(services.store, patch)
        patch.setattr(api_dataset, "visitor", lambda *_: Visitor("ann", local=True))
        with pytest.raises(AppError, match="Could not use the index.*disk I/O error"):
            client.predict(api_name="/dataset_info")
        photo, mask = map(handle_file, files)
        given = {"image": photo, "mask": mask, "licence": "cc0-1.0", "consent": True}
        with pytest.raises(AppError, match="Could not use the index.*disk I/O error"):
            client.predict(**given, api_name="/log_mask")


def test_defaults_are_refused(client: Client, files: tuple[Path, Path]) -> None:
    photo, mask = map(handle_file, files)
    with pytest.raises(AppError, match="consent"):
        client.predict(image=photo, mask=mask, licence="cc0-1.0", api_name="/log_mask")
    with pytest.raises(AppError, match=r"Choose one of cc0-1\.0"):
        client.predict(image=photo, mask=mask, consent=True, api_name="/log_mask")
    given = {"image": photo, "mask": mask, "licence": "cc0-1.0", "consent": True}
    with pytest.raises(AppError, match="no mask strategy 'magic'"):
        client.predict(**given, strategy="magic", api_name="/log_mask")
    with pytest.raises(AppError, match="Send a mask"):
        client.predict(**{**given, "mask": None}, api_name="/log_mask")
    record_id, receipt = client.predict(**given, api_name="/log_mask")  # the rest has defaults
    client.predict(record_id=record_id, receipt=receipt, api_name="/delete_record")


def test_bad_files_are_refused_in_words(
    client: Client, files: tuple[Path, Path], tmp_path: Path
) -> None:
    given = {"licence": "cc0-1.0", "consent": True, "api_name": "/log_mask"}
    other = tmp_path / "other.png"
    Image.fromarray(make_mask(1, 20, 30)).save(other)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(AppError, match="same size"):
        client.predict(image=handle_file(files[0]), mask=handle_file(other), **given)
    with pytest.raises(AppError, match="not a picture"):
        client.predict(image=handle_file(text), mask=handle_file(files[1]), **given)
    with pytest.raises(AppError, match="not a picture"):
        client.predict(image=handle_file(files[0]), mask=handle_file(text), **given)
    assert client.predict(api_name="/dataset_info")["records"] == 0


def test_an_upright_mask_fits_a_turned_photo(
    client: Client, services: Services, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    photo, mask = tmp_path / "turned.jpg", tmp_path / "mask.png"
    Image.open(io.BytesIO(make_photo(2, 20, 30))).save(photo, exif=exif)
    Image.fromarray(make_mask(2, 30, 20)).save(mask)
    record_id, receipt = client.predict(
        handle_file(photo), handle_file(mask), "private", True, api_name="/log_mask"
    )
    record = services.store.get(record_id)
    assert (record.width, record.height) == (20, 30)
    client.predict(record_id, receipt, api_name="/delete_record")


def test_a_mask_may_be_as_large_as_the_apps_limit(
    services: Services, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple] = []

    def opened(*values: object) -> np.ndarray:
        given.append(values)
        return make_mask(4)

    monkeypatch.setattr(api_dataset, "open_mask", opened)
    saved = run_log_mask(services, *map(str, files), "private", True, None, "")
    assert given[0][2] == services.photos.max_pixels
    services.store.delete(*saved)


def handler(services: Services, name: str) -> Callable[..., tuple[str, str]]:
    with gr.Blocks(analytics_enabled=False) as demo:
        api_dataset.register(services)
    [found] = [fn.fn for fn in demo.fns.values() if fn.name == name]
    return found


def test_who_is_signed_in_has_a_pseudonym(services: Services, files: tuple[Path, Path]) -> None:
    log_mask = handler(services, "log_mask")
    given = (*map(str, files), "cc0-1.0", True, "drawn", "")
    for request, who, name in (
        (STRANGER, profile("ann"), "ann"),
        (asks(username="bob"), None, "bob"),
        (STRANGER, None, None),
    ):
        saved = log_mask(*given, request, who)
        expected = services.store.pseudonym(name) if name else "anonymous"
        assert services.store.get(saved[0]).contributor == expected
        services.store.delete(*saved)


def test_strangers_cannot_fill_the_disk(services: Services, files: tuple[Path, Path]) -> None:
    rested = replace(services, pace=RateLimit())
    log_mask, on_page = handler(rested, "log_mask"), saver(rested)
    without_consent = (*map(str, files), "cc0-1.0", False, "drawn", "")
    for _ in range(59):
        with pytest.raises(gr.Error, match="consent"):
            log_mask(*without_consent, STRANGER, None)
    assert "Tick the sentence" in on_page(None, "cc0-1.0", False, "", None, STRANGER, None)[0]
    with pytest.raises(gr.Error, match="Try again in 1 second"):
        log_mask(*without_consent, STRANGER, None)
    with pytest.raises(gr.Error, match="consent"):
        log_mask(*without_consent, STRANGER, profile("ann"))
    for _ in range(70):  # whoever sits at the machine may import a folder in one go
        with pytest.raises(gr.Error, match="consent"):
            log_mask(*without_consent, HERE, None)


def test_only_these_endpoints_are_public(client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/log_mask", "/delete_record", "/dataset_info"}
    names = [one["parameter_name"] for one in named["/log_mask"]["parameters"]]
    assert names == ["image", "mask", "licence", "consent", "strategy", "note"]
    names = [one["parameter_name"] for one in named["/delete_record"]["parameters"]]
    assert names == ["record_id", "receipt"]


@pytest.mark.parametrize("consent", ["false", "true", 1, None])
def test_nothing_but_true_is_consent(
    services: Services, files: tuple[Path, Path], consent: object
) -> None:
    with pytest.raises(gr.Error, match="consent"):
        run_log_mask(services, *map(str, files), "cc0-1.0", consent, "drawn", "")
