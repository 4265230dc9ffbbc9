"""/inpaint over HTTP with gradio_client, as docs/api.md shows it, on a fake engine."""

import errno
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from space.api import inpaint as api_inpaint
from space.exports import Exports
from space.services import Services


@pytest.fixture
def client(services: Services) -> Iterator[Client]:
    with gr.Blocks(analytics_enabled=False) as demo:
        api_inpaint.register(services)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, show_error=True)
    yield Client(url, verbose=False)
    demo.close()


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    hole = np.zeros((43, 61), dtype=np.uint8)
    hole[5:15, 20:40] = 255
    path = tmp_path / "mask.png"
    Image.fromarray(hole).save(path)
    return path


def test_result_is_lossless_and_says_what_made_it(
    client: Client, picture: Path, mask: Path, rgb: np.ndarray
) -> None:
    result, info = client.predict(
        image=handle_file(picture), mask=handle_file(mask), api_name="/inpaint"
    )
    filled = np.asarray(Image.open(result))
    assert Image.open(result).format == "PNG"
    hole = np.asarray(Image.open(mask)) > 0
    assert np.array_equal(filled[~hole], rgb[~hole])
    assert (filled[hole] != rgb[hole]).any()
    assert info["model"] == "telea"
    assert info["sha256"] == "0" * 64
    assert info["seconds"] >= 0
    assert info["hole_fraction"] == pytest.approx(200 / (43 * 61))
    assert info["untouched_outside"] is True


def test_a_model_that_is_null_is_the_apps_own(client: Client, picture: Path, mask: Path) -> None:
    _, info = client.predict(
        image=handle_file(picture), mask=handle_file(mask), model=None, api_name="/inpaint"
    )
    assert info["model"] == "telea"


def test_bad_input_comes_back_in_words(client: Client, picture: Path, mask: Path) -> None:
    with pytest.raises(AppError, match="no model named 'nothing'"):
        client.predict(handle_file(picture), handle_file(mask), "nothing", api_name="/inpaint")
    wrong = picture.parent / "small.png"
    Image.new("L", (10, 10), 255).save(wrong)
    with pytest.raises(AppError, match="10"):
        client.predict(handle_file(picture), handle_file(wrong), "", api_name="/inpaint")
    Image.new("L", (61, 43), 0).save(wrong)
    with pytest.raises(AppError, match="no hole"):
        client.predict(handle_file(picture), handle_file(wrong), "", api_name="/inpaint")
    Image.new("L", (61, 43), 255).save(wrong)
    with pytest.raises(AppError, match="covers everything"):
        client.predict(handle_file(picture), handle_file(wrong), "", api_name="/inpaint")


def test_a_photo_above_the_apps_limit_is_refused_first(
    services: Services, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.photos, "max_pixels", 2_000)
    with pytest.raises(gr.Error, match="pixels"):
        api_inpaint.run(services, str(picture), str(tmp_path / "no mask.png"), None)


def test_what_the_disk_says_keeps_paths_to_itself(
    services: Services, picture: Path, mask: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device", "/srv/secret/result.png")

    monkeypatch.setattr(Exports, "put", full)
    with pytest.raises(gr.Error, match="disk says: No space left on device") as refused:
        api_inpaint.run(services, str(picture), str(mask), None)
    assert "secret" not in str(refused.value)
    gone = picture.parent / "secret" / "photo.png"
    for image, hole in ((gone, mask), (picture, gone)):
        with pytest.raises(gr.Error, match="no longer there. Send it once more") as refused:
            api_inpaint.run(services, str(image), str(hole), None)
        assert "secret" not in str(refused.value)
