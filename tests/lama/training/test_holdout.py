"""What is held out: exactly as many as asked for, evenly, and the same to the end of a run."""

import json
from itertools import pairwise

import pytest

from lama.training.holdout import HoldOut, evenly, told_apart


@pytest.mark.parametrize(
    ("total", "asked", "number"),
    [(143, 48, 48), (951, 24, 24), (96, 48, 48), (95, 48, 47), (60, 48, 30), (7, 0, 0), (2, 9, 1)],
)
def test_as_many_as_asked_for_but_at_most_half(total, asked, number):
    taken = evenly(total, asked)
    assert len(set(taken)) == number
    assert all(0 <= i < total for i in taken)
    gaps = [b - a for a, b in pairwise([*taken, total])]
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


def test_a_run_does_not_go_on_without_its_record(tmp_path):
    """Photos that it was judged by would be trained on."""
    assert len(HoldOut.of(tmp_path, 24, False).choose([str(i) for i in range(951)])) == 24
    with pytest.raises(ValueError, match=r"held_out.json cannot be read.*put a copy of it back"):
        HoldOut.of(tmp_path, 24, True)


def test_what_is_on_record_is_held_out_and_nothing_else(tmp_path):
    first = HoldOut.of(tmp_path, 3, False)
    assert first.choose(list("abcdefg")) == [0, 2, 4]
    first.write(tmp_path)
    for asked in (None, 3):
        again = HoldOut.of(tmp_path, asked, True)
        assert again.choose(list("zygfedcba")) == [4, 6, 8]
    assert again.choose(list("xyza")) == [3]
    with pytest.raises(ValueError, match="holds out 3 photos, not 4"):
        HoldOut.of(tmp_path, 4, True)
    with pytest.raises(ValueError, match="none of the photos that the run holds out is there"):
        again.choose(list("xyz"))


def test_files_of_one_name_in_folders_of_one_name_are_told_apart(tmp_path):
    first, labels = HoldOut(2), told_apart(["a/1.png"] * 4)
    assert first.choose(labels) == [0, 2]
    first.write(tmp_path)
    assert HoldOut.of(tmp_path, None, True).choose(labels) == [0, 2]


def test_what_has_one_label_is_one_photo(tmp_path):
    first = HoldOut(2)
    assert first.choose(list("aabbccdd")) == [0, 1, 4, 5]
    assert first.chosen == ["a", "c"]
    first.write(tmp_path)
    assert HoldOut.of(tmp_path, None, True).choose(list("cbbaac")) == [0, 3, 4, 5]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"asked": "x", "photos": []}', '{"asked": 1}'])
def test_a_record_that_cannot_be_read_is_said(tmp_path, text):
    (tmp_path / "held_out.json").write_text(text)
    with pytest.raises(ValueError, match=r"held_out.json cannot be read"):
        HoldOut.of(tmp_path, None, True)


def test_too_few_photos_and_senseless_numbers_are_refused(tmp_path):
    with pytest.raises(ValueError, match="too few to hold some out"):
        HoldOut(3).choose(["a"])
    with pytest.raises(ValueError, match="-1 photos cannot be held out"):
        HoldOut.of(tmp_path, -1, False)
    nothing = HoldOut(0)
    assert nothing.choose(["a"]) == []
    nothing.write(tmp_path)
    assert json.loads((tmp_path / "held_out.json").read_text()) == {"asked": 0, "photos": []}
    assert HoldOut.of(tmp_path, None, True).choose(["a", "b"]) == []
