"""The printed code is run, and must give the masks that were shown."""

import contextlib
import runpy
import shlex

import cv2
import numpy as np
import pytest
from PIL import Image

import masks
from masks.__main__ import main
from space.mask_lab import drawing, reproduce, wishes
from tests.masks.scenes import desk

WISHES = [
    {"strategy": "wide", "width": 96, "height": 64, "count": 3, "seed": 0},
    {"strategy": "thin", "width": 400, "height": 390, "count": 2, "seed": 7,
     "values": {"max_chains": 30, "continuous_angles": 1}},
    {"strategy": "outpaint", "width": 100, "height": 60, "count": 3, "seed": 2**40,
     "values": {"min_share": 0.1, "max_share": 0.33, "left": 0.05}},
    {"strategy": "segmentation", "width": 256, "height": 200, "count": 4, "seed": 5},
    {"strategy": "segmentation", "photo": True, "count": 4, "seed": 1, "values": {"flip": 0}},
    {"strategy": "medium", "photo": True, "count": 2, "seed": 9, "values": {"box_share": 0.5}},
]  # fmt: skip


@pytest.fixture(params=WISHES, ids=lambda data: f"{data['strategy']}-{data['seed']}")
def wish(request, scenery, photo):
    data = dict(request.param)
    if data.pop("photo", False):
        data["photo"] = photo.id
    return wishes.read(data, scenery)


def test_the_printed_python_gives_the_masks_shown(wish, scenery, tmp_path):
    script = tmp_path / "printed.py"
    script.write_text(reproduce.python(wish))
    with contextlib.chdir(tmp_path):  # where "my desk.jpg" lies
        space = runpy.run_path(str(script))
    shown = [item.mask for item in drawing.draw(wish, scenery)]
    assert len(space["holes"]) == len(shown)
    assert all(np.array_equal(a, b) for a, b in zip(space["holes"], shown, strict=True))


def test_the_printed_command_gives_the_masks_shown(wish, scenery, tmp_path):
    words = shlex.split(reproduce.command(wish))
    assert words[:3] == ["python", "-m", "masks"]
    with contextlib.chdir(tmp_path):
        assert main(words[3:]) == 0
    for k, item in enumerate(drawing.draw(wish, scenery)):
        path = tmp_path / reproduce.FOLDER / f"{wish.strategy.name}_{k:04d}.png"
        assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED) > 0, item.mask)


def test_names_that_could_break_out_are_quoted(scenery, shelf, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(desk(40, 50)[0]).save(path)
    handle = shelf.put(path, "it's; rm -rf '$HOME'.png")
    wish = wishes.read({"photo": handle.id}, scenery)
    assert shlex.split(reproduce.command(wish))[-3] == handle.name
    assert repr(handle.name) in reproduce.python(wish)


def test_published_values_are_not_repeated(scenery):
    wish = wishes.read({"strategy": "wide", "values": {"max_width": 100}}, scenery)
    assert "max_width" not in reproduce.python(wish) + reproduce.command(wish)
    assert masks.names()
