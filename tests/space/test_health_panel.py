"""The health line: what it says with and without a Hub, and what the button answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from space import dataset_tab, health_panel
from space.services import Services
from space.sync import Sync
from tests.space.dataset_app import build, make_services
from tests.space.store.conftest import make_submission
from tests.space.store.test_hub import FakeHub


@pytest.fixture
def services(tmp_path: Path) -> Services:
    made = make_services(tmp_path / "data")
    remote = FakeHub()
    rng = np.random.default_rng(0)
    sync = Sync(made.store, remote, "ann/masks", 5, ("pending",), rng)
    yield replace(made, sync=sync)
    made.store.close()


def test_the_button_pushes_and_says_so(services: Services) -> None:
    services.store.save(make_submission(0))
    assert "1 record pushed; 1 are on ann/masks" in health_panel.push_now(services)
    assert "Everything that is approved is on the Hub" in health_panel.push_now(services)
    assert 'data-health="failed">0<' in health_panel.show(services)
    assert 'data-health="last push">just now<' in health_panel.show(services)


def test_a_failure_is_shown_with_its_reason_and_no_markup(services: Services) -> None:
    services.store.save(make_submission(0))
    services.sync._hub.fail = "before"
    assert "connection refused" in health_panel.push_now(services)
    assert "The last push failed" in health_panel.show(services)
    info = services.store.info() | {"last_error": "<script>"}
    shown = health_panel.health_html(info, True, datetime.now(UTC))
    assert "<script>" not in shown
    assert 'data-health="failed">1<' in shown


def test_without_a_hub_there_is_neither_button_nor_promise(tmp_path: Path) -> None:
    plain = make_services(tmp_path / "plain")
    assert "without --hub-dataset" in health_panel.push_now(plain)
    ids = [c.elem_id for c in build(plain).blocks.values() if getattr(c, "elem_id", None)]
    assert "push-now" not in ids
    plain.store.close()


def test_with_a_hub_there_is_a_button(services: Services) -> None:
    ids = [c.elem_id for c in build(services).blocks.values() if getattr(c, "elem_id", None)]
    assert {"push-now", "dataset-health"} <= set(ids)
    assert len(dataset_tab.view(services, "any", "any", "any", 24)) == 7


@pytest.mark.parametrize(
    ("seconds", "words"), [(20, "in 20 s"), (300, "in 5 min"), (-10, "just now"), (None, "never")]
)
def test_times_are_told_from_now(seconds: int | None, words: str) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    moment = None if seconds is None else (now + timedelta(seconds=seconds)).isoformat()
    assert health_panel._then(moment, now, "never") == words


def test_sizes() -> None:
    assert [health_panel.size(n) for n in (5, 5_000, 5_200_000, 7 * 10**9)] == [
        "5 B", "5.0 kB", "5.2 MB", "7.0 GB",
    ]  # fmt: skip
