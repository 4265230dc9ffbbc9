"""COCO's run lengths: both ways, in both spellings, and refused when they cannot be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masks import rle


@given(st.integers(1, 23), st.integers(1, 23), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_there_and_back(height: int, width: int, seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    counts = rle.encode(mask)
    assert sum(counts) == height * width
    assert all(count > 0 for count in counts[1:])
    np.testing.assert_array_equal(rle.decode(counts, height, width), mask)


def test_the_order_is_down_the_columns_and_begins_with_known() -> None:
    mask = np.array([[True, False, False], [True, False, True]])
    assert rle.encode(mask) == [0, 2, 3, 1]


def test_the_short_text_of_other_programs_is_read() -> None:
    # What pycocotools writes for [6, 1, 40, 4, 5, 4, 5, 4, 21]: its own example of a 9 x 10 mask.
    assert rle._read("61X13mN000`0") == [6, 1, 40, 4, 5, 4, 5, 4, 21]
    mask = rle.decode("61X13mN000`0", 9, 10)
    assert rle.encode(mask) == [6, 1, 40, 4, 5, 4, 5, 4, 21]


@pytest.mark.parametrize("counts", [[3, 2], [-1, 7], [], "~~", "3\u00e9", [5, 1, 1], [None]])
def test_what_does_not_fit_is_refused(counts: list[int] | str) -> None:
    with pytest.raises(ValueError, match="run lengths"):
        rle.decode(counts, 2, 3)
