"""Numbers, times and messages as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from space.words import (
    ago,
    counted,
    duration,
    file_size,
    percent,
    sentence,
    waiting_time,
    whole,
)


def test_messages_become_sentences():
    assert sentence("count must be 1") == "Count must be 1."
    assert sentence("Open it once more.") == "Open it once more."


def test_one_is_not_many():
    said = [counted(number, "record") for number in (0, 1, 2, 12_345)]
    assert said == ["0 records", "1 record", "2 records", "12,345 records"]


def test_small_shares_have_a_digit_after_the_point():
    assert [percent(share) for share in (0.0, 0.0123, 0.0999, 0.1, 1.0)] == [
        "0.0 %", "1.2 %", "10.0 %", "10 %", "100 %",
    ]  # fmt: skip
    assert (percent(0.25, 0), percent(0.25, 1)) == ("25 %", "25.0 %")


def test_sizes_are_in_the_largest_unit_that_fits():
    said = [file_size(count) for count in (5, 999, 5_000, 5_200_000, 7 * 10**9)]
    assert said == ["5 B", "999 B", "5.0 kB", "5.2 MB", "7.0 GB"]


def test_times_to_wait_are_never_too_short():
    assert [waiting_time(s) for s in (0.0, 0.2, 1.01, 90, 91, 3600)] == [
        "1 second", "1 second", "2 seconds", "90 seconds", "2 minutes", "60 minutes",
    ]  # fmt: skip


def test_durations():
    assert [duration(s) for s in (0, 89, 90, 5399, 5400)] == [
        "0 s",
        "89 s",
        "2 min",
        "90 min",
        "1.5 h",
    ]


def test_how_long_ago():
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    said = [ago(now - timedelta(seconds=seconds), now) for seconds in (-5, 3, 61, 7300, 200_000)]
    assert said == ["just now", "just now", "1 min ago", "2 h ago", "2 d ago"]
    assert ago(now - timedelta(days=40), now) == "2026-01-20"


@pytest.mark.parametrize("value", [3, 3.0, "3", " 3 "])
def test_whole_numbers_come_in_many_ways(value):
    assert whole(value, "count", 1, 3) == 3


@pytest.mark.parametrize("value", [True, None, "", 0, 4, 2.5, "-1", "two", [1]])
def test_and_nothing_else_is_one(value):
    with pytest.raises(ValueError, match="count must be a whole number from 1 to 3, not"):
        whole(value, "count", 1, 3)
