"""/generate_masks over HTTP with gradio_client, as docs/api.md shows it."""

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import masks
from space.api import masks as api_masks
from space.exports import Exports
from tests.masks.scenes import desk


@pytest.fixture
def client(services):
    with gr.Blocks(analytics_enabled=False) as demo:
        api_masks.register(services)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, show_error=True)
    yield Client(url, verbose=False)
    demo.close()


def read(paths):
    return [np.asarray(Image.open(path)) for path in paths]


def test_everything_may_be_left_out(client):
    files, statistics = client.predict(api_name="/generate_masks")
    (mask,) = read(files)
    assert mask.shape == (512, 512)
    assert set(np.unique(mask)) == {0, 255}
    assert statistics["strategy"] == "wide"


def test_a_strategy_that_is_null_is_the_default(client):
    _, statistics = client.predict(strategy=None, api_name="/generate_masks")
    assert statistics["strategy"] == "wide"


def test_numbers_that_are_null_are_the_defaults(client):
    given = dict.fromkeys(("count", "seed", "height", "width"))
    files, statistics = client.predict(strategy="box", **given, api_name="/generate_masks")
    assert len(files) == 1
    assert (statistics["seed"], statistics["width"], statistics["height"]) == (0, 512, 512)


def test_masks_are_those_of_python(client, tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(desk(140, 200)[0]).save(path)
    files, statistics = client.predict(
        image=handle_file(path),
        strategy="segmentation",
        count=3,
        seed=4,
        parameters={"flip": 0},
        api_name="/generate_masks",
    )
    expected = masks.generate("segmentation", masks.read_image(path), 3, 4, flip=0)
    assert all(
        np.array_equal(ours > 0, item.mask)
        for ours, item in zip(read(files), expected, strict=True)
    )
    assert (statistics["width"], statistics["height"], statistics["count"]) == (200, 140, 3)
    assert statistics["parameters"]["flip"] == 0
    assert statistics["mean"] == pytest.approx(np.mean([item.mask.mean() for item in expected]))
    assert [one["strategy_used"] for one in statistics["masks"]] == [
        item.strategy_used for item in expected
    ]


def test_parameters_may_be_text_and_sizes_are_height_and_width(client):
    files, statistics = client.predict(
        strategy="box",
        count=2,
        height=90,
        width=160,
        parameters='{"max_boxes": 1}',
        api_name="/generate_masks",
    )
    assert all(mask.shape == (90, 160) for mask in read(files))
    assert statistics["parameters"]["max_boxes"] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"strategy": "wude"}, "There is no mask strategy 'wude'; there are wide, box"),
        ({"count": 1000}, "Count must be a whole number from 1 to 256"),
        ({"seed": -2}, "Seed must be"),
        ({"height": 8}, "Height must be a whole number from 16"),
        ({"parameters": {"max_width": 0}}, "Max_width must be a whole number from 1 to 500"),
        ({"parameters": "{"}, "must be JSON"),
        ({"parameters": [1]}, "must be an object by name"),
    ],
)
def test_bad_input_gets_a_sentence(client, arguments, complaint):
    with pytest.raises(AppError, match=complaint):
        client.predict(**arguments, api_name="/generate_masks")


def test_a_file_that_is_no_picture_is_refused(client, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"no picture at all")
    with pytest.raises(AppError, match="not a picture"):
        client.predict(image=handle_file(path), api_name="/generate_masks")


def test_the_files_lie_where_they_are_swept(client, services):
    client.predict(count=2, height=64, width=80, api_name="/generate_masks")
    [place] = (services.settings.folders.cache / "exports").iterdir()
    assert sorted(path.name for path in place.iterdir()) == ["wide_0000.png", "wide_0001.png"]


def test_a_photo_above_the_apps_limit_is_refused(picture):
    with pytest.raises(ValueError, match="pixels"):
        api_masks.picture_of(str(picture), 64, 64, 2_000)
    assert api_masks.picture_of(str(picture), 64, 64, 3_000).shape == (43, 61, 3)


def test_not_more_pixels_than_fit_are_drawn_in_one_call(monkeypatch, tmp_path):
    monkeypatch.setattr(api_masks, "MOST_PIXELS", 3 * 64 * 80)
    with pytest.raises(ValueError, match="from 1 to 3"):
        api_masks.generate(masks.scene(64, 80), "box", 4, 0, None, Exports(tmp_path))
