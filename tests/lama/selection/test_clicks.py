"""The network that comes along: on drawn objects, at every size, with every prompt."""

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import lama.selection
from lama.selection.clicks import Clicks, packed, unpacked
from lama.selection.u2net import U2NetP
from lama.selection.views import Window, cut, lay_back, window
from masks.selection import Prompt


@pytest.fixture(scope="module")
def provider():
    return lama.selection.default()


def drawing(height=211, width=333, radius=40):
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(60, 130, (5, 7, 3), dtype=np.uint8), (width, height))
    truth = np.zeros((height, width), np.uint8)
    centre = (width * 2 // 3, height // 2)
    cv2.circle(truth, centre, radius, 1, -1)
    image[truth > 0] = (230, 60, 40)
    return image, truth > 0, centre


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def test_the_default_is_the_network(provider):
    assert provider.name == "clicks"


@pytest.mark.parametrize("size", [(211, 333, 40), (701, 1203, 130)])
def test_a_click_and_a_box_find_the_disc(provider, size):
    image, truth, (x, y) = drawing(*size)
    radius = size[2]
    click = provider.select(image, Prompt(points=((x, y),)))
    box = (x - radius, y - radius, x + radius + 1, y + radius + 1)
    boxed = provider.select(image, Prompt(box=box))
    assert click.dtype == boxed.dtype == np.bool_
    assert overlap(click, truth) > 0.8
    assert overlap(boxed, truth) > 0.85
    assert (provider.select(image, Prompt(points=((x, y),))) == click).all()


@pytest.mark.parametrize("size", [(16, 16), (17, 301), (64, 16)])
def test_any_size_gives_a_mask(provider, size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    for prompt in (
        Prompt(points=((3, 4),)),
        Prompt(points=((3, 4), (9, 9)), not_points=((12, 12),)),
        Prompt(box=(0, 0, size[1], size[0])),
    ):
        assert provider.select(image, prompt).shape == size


@pytest.mark.parametrize("size", [(1001, 2000), (853, 1280)])
def test_the_last_pixel_can_be_pointed_at(provider, size):
    """Sides are rounded when the photo is made small, down as well."""
    image = np.full((*size, 3), 90, np.uint8)
    last = (size[1] - 1, size[0] - 1)
    assert provider.select(image, Prompt(points=(last,), not_points=(last,))).shape == size
    assert provider.select(image, Prompt(box=(last[0], last[1], *size[::-1]))).shape == size


def test_bad_prompts_are_refused(provider):
    image, *_ = drawing()
    with pytest.raises(ValueError, match="nothing was pointed at"):
        provider.select(image, Prompt())
    with pytest.raises(ValueError, match="outside the picture"):
        provider.select(image, Prompt(points=((333, 5),)))


@pytest.mark.parametrize("size", [(16, 16), (33, 50), (7, 129)])
def test_the_network_takes_any_size(size):
    network = U2NetP(6).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 6, *size)).shape == (2, 1, *size)


def test_the_network_refuses_other_weights():
    with pytest.raises(ValueError, match="U2-Net-p"):
        U2NetP(6).from_arrays([torch.zeros(3)])


def test_packing_loses_little_and_comes_back_in_order(tmp_path):
    torch.manual_seed(0)
    arrays = list(U2NetP(6).parameters())
    save_file(packed([a.detach() for a in arrays]), tmp_path / "w.safetensors")
    network = Clicks(tmp_path / "w.safetensors").network
    for kept, array in zip(unpacked(packed([a.detach() for a in arrays])), arrays, strict=True):
        assert (kept - array).abs().max() <= array.abs().max() / 200
    assert len(list(network.parameters())) == len(arrays)


def test_windows_stay_on_the_photo_and_lie_back_where_they_were_cut():
    assert window((2, 90), 40, 100, 200) == Window(0, 60, 40)
    wide = window((50, 10), 80, 30, 200)
    assert wide.top < 0 < wide.top + wide.side
    image = np.zeros((100, 150, 3), np.uint8)
    image[30:50, 60:90] = 255
    at = window((75, 40), 64, 100, 150)
    seen = cut(image, at, 96, Prompt(box=(60, 30, 90, 50)))
    back = lay_back((seen[0] > 0).astype(np.float32), at, 100, 150) > 0.5
    assert overlap(back, image[..., 0] > 0) > 0.97
    boxed = lay_back(seen[5], at, 100, 150) > 0.5
    assert overlap(boxed, image[..., 0] > 0) > 0.9
