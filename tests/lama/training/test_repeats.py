import numpy as np
import pytest

from lama.training import repeats
from lama.training.repeats import repeated


def autocorrelation(picture: np.ndarray) -> float:
    """The highest agreement of a picture's middle with itself at another place, at most 1."""
    gray = picture.astype(float).mean(-1)
    gray -= gray.mean()
    spectrum = np.fft.fft2(gray)
    agreement = np.fft.ifft2(np.abs(spectrum) ** 2).real
    agreement /= agreement[0, 0]
    near = 8
    agreement[:near, :near] = agreement[:near, -near:] = 0
    agreement[-near:, :near] = agreement[-near:, -near:] = 0
    return float(agreement.max())


@pytest.mark.parametrize("size", [(96, 96), (61, 130), (256, 256)])
def test_noise_becomes_a_wall_that_agrees_with_itself(rng, size, monkeypatch):
    monkeypatch.setattr(repeats, "SLANT", 0.0)  # seen from the front, cells agree pixel by pixel
    noise = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    walls = [repeated(noise, rng) for _ in range(12)]
    assert all(wall.shape == noise.shape and wall.dtype == np.uint8 for wall in walls)
    assert autocorrelation(noise) < 0.1
    assert np.median([autocorrelation(wall) for wall in walls]) > 0.4


def test_some_walls_end_at_a_line_and_the_photo_goes_on_behind_it(rng):
    noise = rng.integers(0, 256, (97, 64, 3), dtype=np.uint8)
    kept = [(repeated(noise, rng) == noise).all(-1).mean() for _ in range(40)]
    ended = [share for share in kept if share > 0.02]
    assert 8 <= len(ended) <= 32
    assert max(ended) < 0.55


def test_the_same_generator_lays_the_same_wall(rng):
    photo = rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    before = photo.copy()
    first = repeated(photo, np.random.default_rng(3))
    assert np.array_equal(first, repeated(photo, np.random.default_rng(3)))
    assert not np.array_equal(first, repeated(photo, np.random.default_rng(4)))
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("size", [(2, 2), (5, 40), (13, 11)])
def test_small_pictures_too(rng, size):
    photo = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    assert all(repeated(photo, rng).shape == photo.shape for _ in range(10))


def test_black_stays_black(rng):
    black = np.zeros((40, 41, 3), np.uint8)
    assert repeated(black, rng).max() == 0


def test_the_photos_own_light_stays(rng):
    noise = rng.integers(60, 100, (80, 121, 3)).astype(float)
    photo = (noise * np.linspace(0.5, 2, 121)[None, :, None]).astype(np.uint8)
    walls = [repeated(photo, rng) for _ in range(24)]
    steps = [wall[:, 61:].mean() - wall[:, :60].mean() for wall in walls]
    assert np.mean([step > 0 for step in steps]) > 0.8


def test_what_is_repeated_is_what_has_most_in_it(rng):
    photo = np.full((120, 160, 3), 128, np.uint8)  # sky
    photo[:, 100:] = rng.integers(0, 256, (120, 60, 3))
    busy = [repeats._cell(photo, rng).std() > 1 for _ in range(60)]
    assert np.mean(busy) > 0.6  # of single pieces fewer than half


def test_light_does_not_wrap_around(rng):
    """White under the photo's own light stays white: it does not turn black."""
    photo = np.full((80, 121, 3), 250, np.uint8)
    photo[:, :40] = 120
    walls = [repeated(photo, rng) for _ in range(20)]
    assert min(wall.min() for wall in walls) > 50
