"""The health line: what it says with and without a Hub, and what the button answers."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from space import sync
from space.dataset import health_panel
from space.dataset import tab as dataset_tab
from space.review.reviewers import Sight
from space.services import Services
from space.store.errors import HubError, SubmissionError
from space.sync import Sync
from tests.space.asking import HERE, STRANGER, asks, profile
from tests.space.dataset_app import build, make_services
from tests.space.store.conftest import make_submission
from tests.space.store.test_hub import FakeHub


@pytest.fixture
def services(tmp_path: Path) -> Services:
    made = make_services(tmp_path / "data")
    remote = FakeHub()
    made.store.core.index.remember(hub_statuses="pending")
    sync = Sync(made.store, remote, "ann/masks", 5)
    yield replace(made, sync=sync)
    made.store.close()


def test_the_button_pushes_and_says_so(services: Services) -> None:
    services.store.save(make_submission(0))
    assert "1 record pushed; 1 are on ann/masks" in health_panel.push_now(services, HERE)
    assert "Everything that is approved is on the Hub" in health_panel.push_now(services, HERE)
    assert 'data-health="failed">0<' in health_panel.show(services)
    assert 'data-health="last push">just now<' in health_panel.show(services)


def test_a_failure_is_shown_with_its_reason_and_no_markup(services: Services) -> None:
    services.store.save(make_submission(0))
    services.sync._hub.fail = "before"
    assert "connection refused" in health_panel.push_now(services, HERE)
    assert "The last push failed" in health_panel.show(services)
    info = services.store.info() | {"last_error": "<script>"}
    shown = health_panel.health_html(info, True, datetime.now(UTC))
    assert "<script>" not in shown
    assert 'data-health="failed">1<' in shown
    assert "it is tried again" in shown
    shown = health_panel.health_html(info, False, datetime.now(UTC))
    assert "Nothing is lost." in shown
    assert "tried again" not in shown


def test_only_the_hubs_refusals_are_tried_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.store.save(make_submission(0))
    for error, again in ((HubError("Gone.", "gone"), True), (SubmissionError("Other."), False)):
        monkeypatch.setattr(services.sync, "push_now", mock.Mock(side_effect=error))
        assert ("tried again on its own" in health_panel.push_now(services, HERE)) == again


def test_only_reviewers_push(services: Services) -> None:
    services.store.save(make_submission(0))
    for request in (STRANGER, asks(x_real_ip="203.0.113.7"), asks(host="masks.example.org")):
        assert "Only reviewers" in health_panel.push_now(services, request)
    accounts = replace(services.settings, auth_file=Path("accounts"), reviewers=("ann",))
    shared = replace(services, settings=accounts)
    assert "Only reviewers" in health_panel.push_now(shared, asks(username="bob"))
    assert services.sync._hub.commits == []
    assert "1 record pushed" in health_panel.push_now(shared, asks(username="ann"))


def test_the_button_itself_asks_who_it_is(services: Services) -> None:
    [push] = [fn.fn for fn in build(services).fns.values() if fn.name == "push"]
    services.store.save(make_submission(0))
    assert "Only reviewers" in push(STRANGER, profile("ann"))
    assert "1 record pushed" in push(HERE, None)


def test_the_hubs_pause_is_kept(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    services.store.save(make_submission(0))
    asked: list[int] = []

    def busy(*_: object, **__: object) -> None:
        asked.append(1)
        error = OSError("429")
        error.response = SimpleNamespace(status_code=429, headers={"retry-after": "150"})
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(services.sync._hub, "create_repo", busy)
        assert "asks for a pause (429)" in health_panel.push_now(services, HERE)
        for _ in range(3):
            said = health_panel.push_now(services, HERE)
            assert "The Hub asked for a pause. Try again in 3 minutes" in said
        another = Sync(services.store, services.sync._hub, "ann/masks")  # after a new start
        with pytest.raises(HubError, match="asked for a pause of another 3 minutes"):
            another.push_now()
        assert asked == [1]
    later = time.time() + 151
    monkeypatch.setattr(sync.time, "time", lambda: later)
    assert "1 record pushed" in health_panel.push_now(services, HERE)


def test_without_a_hub_there_is_neither_button_nor_promise(tmp_path: Path) -> None:
    plain = make_services(tmp_path / "plain")
    assert "without --hub-dataset" in health_panel.push_now(plain, HERE)
    ids = [c.elem_id for c in build(plain).blocks.values() if getattr(c, "elem_id", None)]
    assert "push-now" not in ids
    plain.store.close()


def test_with_a_hub_there_is_a_button(services: Services) -> None:
    ids = [c.elem_id for c in build(services).blocks.values() if getattr(c, "elem_id", None)]
    assert {"push-now", "dataset-health"} <= set(ids)
    assert len(dataset_tab.view(services, "any", "any", "any", 24, Sight(True, True))) == 7


@pytest.mark.parametrize(
    ("seconds", "words"), [(20, "in 20 s"), (300, "in 5 min"), (-10, "just now"), (None, "never")]
)
def test_times_are_told_from_now(seconds: int | None, words: str) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    moment = None if seconds is None else (now + timedelta(seconds=seconds)).isoformat()
    assert health_panel._then(moment, now, "never") == words
