import time

import numpy as np
import pytest

from lama.pixmap import largest_number, stretched


@pytest.mark.parametrize(
    ("data", "largest"),
    [
        (b"P5\n4 3\n255\n", 255),
        (b"P6 # wide\n4 # high\n3\t1023\n", 1023),
        (b"P2\r\n4 3 65535 ", 65535),
    ],
)
def test_the_number_that_is_white(data, largest):
    assert largest_number(data + bytes(24)) == largest


@pytest.mark.parametrize(
    "data", [b"", b"P5\n4 3\n0\n", b"P5\n4 3\n65536\n", b"P5\n4 3\n655#x\n35\n", b"P4\n4 3\n1\n"]
)
def test_what_is_not_understood_is_refused(data):
    with pytest.raises(ValueError, match="header of this pixmap"):
        largest_number(data)


def test_a_header_without_end_is_not_looked_for():
    began = time.monotonic()
    with pytest.raises(ValueError, match="header of this pixmap"):
        largest_number(b"P5" + b" " * 50_000_000)
    assert time.monotonic() - began < 1


def test_numbers_are_stretched_and_rounded():
    numbers = np.array([0, 1, 500, 1000, 1001], np.uint16)
    expected = [0, 66, 32768, 65535, 65535]
    assert stretched(numbers, 1000).tolist() == expected
    assert stretched(numbers, 65535) is numbers
