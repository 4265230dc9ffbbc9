"""The Train tab as somebody finds it who has opened nothing yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from space.store import Store
from space.store.deciding import decide
from tests.browser.conftest import App, open_app, own_app
from tests.space.store.conftest import make_submission

pytestmark = pytest.mark.browser


@pytest.fixture
def app_with_one_mask(tmp_path: Path) -> Iterator[App]:
    """An app whose dataset has one approved record, which is too few."""
    store = Store.open(tmp_path / "data")
    decide(store.core, store.save(make_submission(3)).record_id, "ann", "approved")
    store.close()
    with own_app(tmp_path / "data") as running:
        yield running


def test_train_may_be_pressed_though_nothing_was_unfolded(
    browser: Browser, app_with_one_mask: App
) -> None:
    """Fields that are not on the page yet come as they were laid out, not as nothing."""
    page = browser.new_page()
    open_app(page, app_with_one_mask.url + "#train")
    expect(page.locator("#train-photos")).to_have_count(0)
    page.locator("#train-start").click()
    expect(page.locator("#train-progress")).to_contain_text(
        "Approve more in the Review tab", timeout=120_000
    )
    expect(page.locator("#train-status")).to_have_text("")
    page.close()


def test_one_model_is_not_compared(page: Page) -> None:
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#compare-hint")).to_contain_text("only one model on this disk")
    expect(page.locator("#compare-button")).to_be_disabled()
