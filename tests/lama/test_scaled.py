import cv2
import numpy as np
import pytest

from lama.scaled import fill_small, shrink


def shown(seen):
    """A fill that remembers what it was given and answers with grey."""

    def run(image, hole):
        seen.append((image.clone(), hole.copy()))
        return image * 0 + 0.5

    return run


@pytest.mark.parametrize("shape", [(67, 101), (40, 33)])
def test_what_is_filled_is_small_and_comes_back_at_full_size(shape, rng):
    rgb = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = np.zeros(shape, bool)
    mask[9:30, 11:25] = True
    seen = []
    result = fill_small(rgb, mask, 0.5, shown(seen))
    [(image, hole)] = seen
    assert image.shape == (1, 3, round(shape[0] / 2), round(shape[1] / 2))
    assert hole.shape == image.shape[2:]
    assert result.shape == rgb.shape
    assert result.dtype == np.uint8
    assert (np.abs(result[mask].astype(int) - 128) <= 1).all()


def test_the_holes_old_content_does_not_bleed_into_its_neighbours():
    rgb = np.full((61, 53, 3), 40, np.uint8)
    mask = np.zeros((61, 53), bool)
    mask[11:37, 13:36] = True
    rgb[mask] = 255
    seen = []
    fill_small(rgb, mask, 0.37, shown(seen))
    [(image, hole)] = seen
    values = image[0].permute(1, 2, 0).numpy()
    assert np.allclose(values[~hole], 40 / 255, atol=1e-5)
    assert (values[hole] == 0).all()


def test_a_picture_that_nobody_may_write_to_and_a_part_of_a_larger_one(rng):
    whole = rng.integers(0, 256, (90, 80, 3), dtype=np.uint8)
    whole.flags.writeable = False
    mask = np.zeros((90, 80), bool)
    mask[20:40, 30:50] = True
    part = (slice(5, 70), slice(7, 76))
    seen = []
    fill_small(whole[part], mask[part], 0.5, shown(seen))
    again = []
    fill_small(whole[part].copy(), mask[part].copy(), 0.5, shown(again))
    assert np.array_equal(seen[0][0], again[0][0])


@pytest.mark.parametrize("share", [0.55, 0.7, 0.9])
def test_what_is_known_between_scattered_holes_is_not_lost(rng, share):
    rgb = np.full((301, 403, 3), (200, 40, 90), np.uint8)
    mask = rng.random((301, 403)) < share
    rgb[mask] = 255 - rgb[mask]
    image, hole = shrink(rgb, mask, (103, 138))
    assert hole.mean() < share
    known = image[0].permute(1, 2, 0).numpy()[~hole]
    assert np.allclose(known, np.array([200, 40, 90]) / 255, atol=1e-5)


@pytest.mark.parametrize("size", [(24, 40), (99, 131)])
def test_holes_in_one_piece_are_as_large_as_they_were(rng, size):
    """What is hole by more than half, and nothing else decides."""
    rgb = rng.integers(0, 256, (201, 263, 3), dtype=np.uint8)
    mask = np.zeros((201, 263), bool)
    mask[13:118, 20:199] = True
    mask[150:153, 200:203] = True
    known = cv2.resize(1 - mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    colours = cv2.resize(
        np.where(mask[..., None], 0, rgb).astype(np.float32), size[::-1],
        interpolation=cv2.INTER_AREA,
    )  # fmt: skip
    image, hole = shrink(rgb, mask, size)
    assert np.array_equal(hole, known < 0.5)
    there = image[0].permute(1, 2, 0).numpy()[~hole]
    assert np.allclose(there, (colours / known.clip(0.5)[..., None])[~hole] / 255, atol=1e-6)
