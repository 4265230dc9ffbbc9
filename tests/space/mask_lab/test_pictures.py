import base64
import io

import numpy as np
import pytest
from PIL import Image

import masks
from masks.preview import RED
from space.mask_lab import pictures


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text.split(",")[-1])))


def test_an_overlay_is_red_in_the_hole_and_see_through_outside():
    mask = np.zeros((120, 200), bool)
    mask[40:90, 50:150] = True
    pixels = np.asarray(opened(pictures.overlay_png(mask)).convert("RGBA"))
    assert pixels.shape == (120, 200, 4)
    assert tuple(pixels[60, 100]) == (*RED, pictures.TINT)
    assert pixels[10, 10, 3] == 0
    assert pixels[39, 100, 3] > 200  # the outline, outside ...
    assert pixels[40, 100, 3] > 200  # ... and inside
    assert pixels[39, 100, :3].sum() > pixels[40, 100, :3].sum()


def test_large_masks_become_small_overlays():
    mask = np.zeros((1500, 3000), bool)
    mask[:, :700] = True
    text = pictures.overlay_png(mask, 300)
    assert opened(text).size == (300, 150)
    assert len(text) < 4000


def test_a_dot_does_not_vanish():
    mask = np.zeros((3000, 4000), bool)
    mask[1201, 777] = True
    assert np.asarray(opened(pictures.overlay_png(mask)).convert("RGBA"))[..., 3].any()


@pytest.mark.parametrize("name", masks.names())
def test_every_strategy_has_a_picture_that_shows_a_hole(name):
    image = opened(pictures.strategy_picture(name)).convert("RGB")
    plain = masks.scene(192, 256)[::2, ::2].astype(int)
    assert image.size == (128, 96)
    assert (np.abs(np.asarray(image).astype(int) - plain).sum(2) > 60).mean() > 0.01


def test_a_preview_keeps_the_aspect():
    assert opened(pictures.preview(masks.scene(300, 900), 300)).size == (300, 100)
