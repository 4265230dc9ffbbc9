"""The Dataset tab of an app that pushes to a Hub: what failed, the button, and a polite end."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from space.store import Store
from tests.browser.conftest import open_app, start_app
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_submission
from tests.space.store.loopback_hub import LoopbackHub, loopback_hub

pytestmark = pytest.mark.browser


@pytest.fixture
def remote() -> Iterator[LoopbackHub]:
    with loopback_hub() as running:
        yield running


def test_health_and_button(browser: Browser, tmp_path: Path, remote: LoopbackHub) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    store = Store.open(tmp_path)
    receipts = [store.save(make_submission(seed)) for seed in range(3)]
    for receipt in receipts[:2]:
        set_status(store, receipt.record_id, "approved")
    remote.trouble["create"] = ["403"]
    process, app = start_app(
        tmp_path,
        "--hub-dataset",
        "ann/masks",
        HF_ENDPOINT=remote.url,
        HF_HUB_OFFLINE="0",
        HF_HUB_DISABLE_XET="1",
        HF_TOKEN="hf_test",
        HF_HOME=str(tmp_path / "home"),
    )
    try:
        open_app(page, app.url)
        page.get_by_role("tab", name="Dataset").click()
        expect(page.locator("[data-health=failed]")).to_have_text("2")
        expect(page.locator(".ds-trouble")).to_contain_text("does not let this token write there")
        page.locator("#push-now").click()
        expect(page.locator("#push-status")).to_contain_text("2 records pushed", timeout=30_000)
        expect(page.locator("[data-figure=synced]")).to_have_text("2")
        expect(page.locator(".ds-trouble")).to_have_count(0)
        set_status(store, receipts[2].record_id, "approved")
    finally:
        page.close()
        process.terminate()
        process.wait(timeout=60)
    assert store.info()["synced"] == 3, "what waited was not pushed at the end"
    store.close()
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
