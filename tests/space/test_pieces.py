"""What tabs are put together from."""

import base64
import io

import gradio as gr
import numpy as np
from PIL import Image

from space.pieces import COPY, data_url, error_html, html, jpeg_url, png_url, refused, status_html


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))


def test_what_went_wrong_is_announced_and_no_markup() -> None:
    assert 'role="alert"' in error_html("no")
    assert 'role="status"' in status_html("done", "<b>yes</b>")
    assert "<b>yes</b>" in status_html("done", "<b>yes</b>")
    assert "<script>" not in error_html(ValueError("<script>"))


def test_a_refusal_is_an_error_with_its_words_alone() -> None:
    error = refused(ValueError("Send an image."))
    assert isinstance(error, gr.Error)
    assert (error.message, error.print_exception) == ("Send an image.", False)


def test_scripts_come_with_what_they_share() -> None:
    with gr.Blocks():
        code = html("a", "b", COPY).js_on_load
        assert html("c").js_on_load is None
    assert code.index("function copyText") < code.index("[data-copy]")


def test_pictures_are_part_of_the_page(rgb: np.ndarray) -> None:
    assert data_url(b"x", "webp") == "data:image/webp;base64,eA=="
    assert np.array_equal(np.asarray(opened(png_url(rgb[:, ::-1]))), rgb[:, ::-1])
    assert (opened(jpeg_url(rgb)).format, opened(jpeg_url(rgb)).size) == ("JPEG", (61, 43))
