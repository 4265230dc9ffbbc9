import argparse

import pytest

from masks.arguments import Parser, line, natural, positive


def test_a_bad_flag_is_one_sentence():
    parser = Parser(prog="python -m masks")
    parser.add_argument("--count", type=positive)
    with pytest.raises(ValueError, match=r"unrecognized arguments: --bogus \(see python -m masks"):
        parser.parse_args(["--bogus"])
    with pytest.raises(ValueError, match="argument --count: a whole number, 1 or more, not '0'"):
        parser.parse_args(["--count", "0"])


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("17", 17)])
def test_whole_numbers(text, number):
    assert natural(text) == number


@pytest.mark.parametrize("text", ["-1", "x", "1.5", ""])
def test_other_numbers_are_refused(text):
    for kind in (natural, positive):
        with pytest.raises(argparse.ArgumentTypeError):
            kind(text)


def test_errors_in_one_line():
    assert line(ValueError("two\n  lines")) == "two lines"
    assert line(FileNotFoundError(2, "No such file", "a.png")) == "a.png: No such file"
    assert line(KeyError()) == "KeyError"
