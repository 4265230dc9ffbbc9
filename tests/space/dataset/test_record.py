"""A record of the grid, large, for those who may see it."""

from dataclasses import replace
from pathlib import Path

import pytest

from space.dataset.record import record_html
from space.review.reviewers import Sight
from space.services import Services
from tests.space.dataset_app import make_services
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_submission

ALL, STRANGER = Sight(True, True), Sight(False, False)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "data")


def test_photo_mask_and_facts_are_shown(services: Services) -> None:
    submission = replace(make_submission(1), note="<i>a whisker</i>")
    record_id = services.store.save(submission).record_id
    page = record_html(services, record_id, ALL)
    assert 'src="data:image/jpeg;base64,' in page
    assert "&lt;i&gt;a whisker" in page
    assert f"<dt>id</dt><dd>{record_id}</dd>" in page
    assert "<dt>status</dt><dd>pending</dd>" in page


def test_strangers_see_what_is_approved_and_not_private(services: Services) -> None:
    open_id = services.store.save(make_submission(1)).record_id
    private = replace(make_submission(2), licence="private")
    private_id = services.store.save(private).record_id
    assert "cannot be shown" in record_html(services, open_id, STRANGER)
    for record_id in (open_id, private_id):
        set_status(services.store, record_id, "approved")
    assert "<img" in record_html(services, open_id, STRANGER)
    assert "<img" not in record_html(services, private_id, STRANGER)
    assert "<img" in record_html(services, private_id, ALL)


@pytest.mark.parametrize("sent", [None, 5, "../../x", "<b>"])
def test_what_is_no_record_is_said(services: Services, sent: object) -> None:
    page = record_html(services, sent, ALL)
    assert 'data-kind="error"' in page
    assert "<b>" not in page
