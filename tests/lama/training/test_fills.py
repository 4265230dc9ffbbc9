import numpy as np
import pytest

from lama.training.exemplar import exemplar
from lama.training.fills import FILLS, fill_version


@pytest.mark.parametrize("name", FILLS)
def test_fills_change_the_hole_only(name, picture, hole):
    given = picture.copy()
    filled = FILLS[name](given, hole)
    assert filled.dtype == np.uint8
    assert np.array_equal(filled[~hole], picture[~hole])
    assert np.abs(filled[hole].astype(int) - picture[hole]).mean() < 60
    assert np.array_equal(given, picture)


@pytest.mark.parametrize("name", FILLS)
def test_what_lay_in_the_hole_does_not_matter(name, picture, hole):
    other = picture.copy()
    other[hole] = 255 - other[hole]
    assert np.array_equal(FILLS[name](other, hole), FILLS[name](picture, hole))


def test_versions_name_what_the_fill_was_made_with():
    assert len({fill_version(name) for name in ("telea", "exemplar")}) == 2
    assert fill_version("exemplar") == fill_version("exemplar")


def checks(height, width):
    y, x = np.mgrid[:height, :width]
    board = ((x // 5 + y // 5) % 2 * 200 + 20).astype(np.uint8)
    return np.stack([board, 255 - board, board // 2], 2)


@pytest.mark.parametrize("shape", [(101, 67), (150, 211)])
def test_exemplar_continues_a_repeating_pattern(shape):
    board = checks(*shape)
    mask = np.zeros(shape, bool)
    mask[30:52, 20:45] = True
    filled = exemplar(board, mask)
    assert np.abs(filled[mask].astype(int) - board[mask]).mean() < 4
    smooth = FILLS["biharmonic"](board, mask)
    assert np.abs(smooth[mask].astype(int) - board[mask]).mean() > 40


def test_exemplar_is_seeded():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (140, 130, 3)).astype(np.uint8)
    mask = np.zeros((140, 130), bool)
    mask[40:70, 50:90] = True
    first = exemplar(noise, mask)
    assert np.array_equal(first, exemplar(noise, mask))
    assert not np.array_equal(first, exemplar(noise, mask, seed=1))


@pytest.mark.parametrize("shape", [(16, 16), (33, 90), (64, 64)])
def test_exemplar_takes_holes_that_leave_no_patch(shape):
    rgb = checks(*shape)
    mask = np.ones(shape, bool)
    mask[0, 0] = False
    filled = exemplar(rgb, mask)
    assert filled.shape == rgb.shape
    mask[:3] = False
    assert np.array_equal(exemplar(rgb, mask)[:3], rgb[:3])


def test_exemplar_takes_holes_at_the_edge():
    rgb = checks(70, 90)
    mask = np.zeros((70, 90), bool)
    mask[:20] = mask[:, 80:] = True
    filled = exemplar(rgb, mask)
    assert np.abs(filled[mask].astype(int) - rgb[mask]).mean() < 60
