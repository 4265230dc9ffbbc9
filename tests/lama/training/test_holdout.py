"""What is held out: exactly as many as asked for, evenly, and the same to the end of a run."""

import hashlib
import json
from itertools import pairwise

import pytest

from lama.training.holdout import (
    HoldOut,
    by_content,
    evenly,
    read_digests,
    told_apart,
    write_digests,
)


@pytest.mark.parametrize(
    ("total", "asked", "number"),
    [(143, 48, 48), (96, 95, 95), (48, 48, 48), (5, 48, 5), (7, 0, 0), (0, 9, 0), (2, 9, 2)],
)
def test_indices_at_even_distances(total, asked, number):
    taken = evenly(total, asked)
    assert len(set(taken)) == number
    assert all(0 <= i < total for i in taken)
    gaps = [b - a for a, b in pairwise([*taken, total])]
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


@pytest.mark.parametrize(
    ("total", "asked", "number"),
    [(143, 48, 48), (951, 24, 24), (96, 48, 48), (95, 48, 47), (60, 48, 30), (7, 0, 0), (2, 9, 1)],
)
def test_as_many_as_asked_for_but_at_most_half(total, asked, number):
    taken = HoldOut(asked).choose([str(i) for i in range(total)])
    # Written out: another rule would take other photos for the same `--holdout`.
    assert taken == [i * total // number for i in range(number)]


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


def digests(count: int) -> list[str]:
    return [hashlib.sha256(bytes([i])).hexdigest() for i in range(count)]


def test_about_a_fifth_is_held_out_by_content_alone() -> None:
    every = digests(200)
    trained, held = by_content(every, most=60)
    assert 25 <= len(held) <= 55
    assert sorted(trained + held) == list(range(200))
    backwards, held_again = by_content(every[::-1], most=60)
    assert {every[::-1][i] for i in held_again} == {every[i] for i in held}
    assert len(backwards) == len(trained)


@pytest.mark.parametrize("most", [1, 3, 24])
def test_of_many_a_smaller_share_is_held_out(most) -> None:
    every = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(2000)]
    trained, held = by_content(every, most)
    assert 1 <= len(held) <= most
    assert sorted(trained + held) == list(range(2000))
    assert by_content(every, most, [every[i] for i in held]) == (trained, held)


def test_of_two_one_is_held_out() -> None:
    for i in range(60):
        pair = [hashlib.sha256(f"{i} {k}".encode()).hexdigest() for k in range(2)]
        trained, held = by_content(pair, most=24)
        assert sorted(trained + held) == [0, 1]
        assert len(held) == 1


def test_what_is_there_twice_is_never_on_both_sides() -> None:
    every = digests(6)
    trained, held = by_content(every * 3, most=24)
    assert len(trained) + len(held) == 6
    assert not {every[i % 6] for i in trained} & {every[i % 6] for i in held}
    with pytest.raises(ValueError, match="1 is too few"):
        by_content(every[:1] * 5, most=3)


@pytest.mark.parametrize("most", [6, 24])
def test_nothing_that_was_trained_on_is_held_out_when_more_has_come(most) -> None:
    every = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(1000)]
    trained: set[str] = set()
    for count in (5, 8, 13, 21, 60, 75, 120, 121, 300, 1000):
        rest, held = by_content(every[:count], most)
        assert not trained & {every[i] for i in held}
        trained |= {every[i] for i in rest}


def test_a_run_that_goes_on_holds_out_what_it_held_out() -> None:
    few, more = digests(40), digests(60)
    held = [few[i] for i in by_content(few, most=24)[1]]
    rest, again = by_content(more[5:], most=24, before=held)
    assert {more[5:][i] for i in again} == set(held) - set(more[:5])
    assert len(rest) == 55 - len(again)
    with pytest.raises(ValueError, match="held out is gone"):
        by_content(more, most=24, before=["0" * 64])
    with pytest.raises(ValueError, match="held out is gone"):
        by_content(more, most=24, before=[])


def test_digests_are_read_as_they_were_written(tmp_path) -> None:
    held = {"masks": digests(2), "photos": []}
    write_digests(tmp_path, held)
    assert read_digests(tmp_path) == held


@pytest.mark.parametrize(
    "text", [None, "", "[]", '{"masks": []}', '{"masks": [], "photos": null}', '{"masks": "ab"}']
)
def test_digests_that_are_gone_or_damaged_are_said(tmp_path, text) -> None:
    if text is not None:
        (tmp_path / "held.json").write_text(text)
    with pytest.raises(ValueError, match=r"held.json cannot be read.*put a copy of it back"):
        read_digests(tmp_path)
