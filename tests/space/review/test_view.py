"""What the Review tab says of its own progress."""

import pytest

from space.review.view import progress_html
from space.store.agreement import Agreement, Reviewer
from space.store.queue import Queue


@pytest.mark.parametrize(("decided", "pace"), [(9, "-"), (10, "360")])
def test_the_pace_of_a_few_decisions_is_not_said(decided: int, pace: str) -> None:
    found = Agreement((Reviewer("ann", decided, decided, 0, 360.0),), decided, 0, 0, None)
    html = progress_html(Queue(waiting=3, skipped=0), found, "ann")
    assert f'data-review="per hour">{pace}</dd>' in html
    assert f"<td>{pace}</td></tr>" in html
