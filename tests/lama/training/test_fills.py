import numpy as np
import pytest

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
