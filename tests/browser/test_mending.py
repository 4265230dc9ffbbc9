"""What is on the canvas once a reviewer has gone back without changes: what was there before."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from space.store import Store
from tests.browser.conftest import (
    App,
    exported_mask,
    open_app,
    open_photo,
    own_app,
    photo,
    stroke,
    wait_for_result,
)
from tests.space.store.conftest import make_mask, make_submission

pytestmark = pytest.mark.browser
WIDTH, HEIGHT = 487, 331


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photo of the one record."""
    return photo(tmp_path_factory.mktemp("photos") / "same.png", WIDTH, HEIGHT, seed=5)


@pytest.fixture(scope="module")
def team_app(tmp_path_factory: pytest.TempPathFactory, same: Path) -> Iterator[App]:
    data_dir = tmp_path_factory.mktemp("data")
    store = Store.open(data_dir)
    mask = make_mask(7, HEIGHT, WIDTH)
    store.save(make_submission(7, image_bytes=same.read_bytes(), mask=mask))
    store.close()
    with own_app(data_dir) as running:
        yield running


@pytest.fixture
def visitor(browser: Browser, team_app: App) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    open_app(page, team_app.url)
    yield page
    context.close()


def fix(page: Page) -> None:
    page.get_by_role("tab", name="Review").click()
    expect(page.locator("#review-picture .rv-picture")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#fix-back")).to_be_visible()
    expect(page.locator("#lc-facts")).to_contain_text("Live waits while you mend")


def leave(page: Page) -> None:
    page.locator("#fix-back").click()
    expect(page.locator("#fix-bar")).to_be_hidden()
    expect(page.locator("#review-picture .rv-picture")).to_be_visible()
    page.get_by_role("tab", name="Inpaint").click()
    expect(page.locator("#live-toggle")).to_contain_text("result at each stroke's end")
    expect(page.locator("#lc-facts")).not_to_contain_text("mend")


def shows(page: Page) -> str | None:
    return page.locator(".lc-mask").get_attribute("data-show")


def test_another_photo_comes_back_with_its_mask_and_result(visitor: Page, small: Path) -> None:
    open_photo(visitor, small)
    stroke(visitor, (0.4, 0.4), (0.5, 0.5))
    mine = exported_mask(visitor)
    fix(visitor)
    expect(visitor.locator(".lp-name")).not_to_have_text("small.png")
    leave(visitor)
    expect(visitor.locator(".lp-name")).to_have_text("small.png")
    expect(visitor.locator("#lc-facts")).to_contain_text("verified")
    assert np.array_equal(exported_mask(visitor), mine)
    assert shows(visitor) == "gone"
    stroke(visitor, (0.6, 0.6), (0.65, 0.6))


@pytest.mark.parametrize("live", [True, False])
def test_the_same_photo_gets_its_own_mask_back(visitor: Page, same: Path, live: bool) -> None:
    open_photo(visitor, same)
    stroke(visitor, (0.4, 0.4), (0.5, 0.5))
    if not live:
        visitor.locator("#live-toggle input").uncheck(force=True)
        stroke(visitor, (0.7, 0.7), (0.75, 0.75), wait=False)
    mine = exported_mask(visitor)
    fix(visitor)
    visitor.wait_for_timeout(500)
    theirs = exported_mask(visitor)
    assert not np.array_equal(theirs, mine)
    leave(visitor)
    assert np.array_equal(exported_mask(visitor), mine)
    if live:
        expect(visitor.locator("#lc-facts")).to_contain_text("verified")
        assert shows(visitor) == "gone"
    visitor.locator('[data-do="undo"]').click()
    assert np.array_equal(exported_mask(visitor), theirs), "it is a step like any other"
    if live:
        wait_for_result(visitor)


def test_an_empty_canvas_is_empty_again(visitor: Page) -> None:
    fix(visitor)
    leave(visitor)
    expect(visitor.locator("#lc-facts")).to_have_text("Open a photo to begin.")
    expect(visitor.locator(".lc")).to_have_attribute("data-photo", "no")


def is_away(page: Page, name: str) -> None:
    """The bar says that another photo is open, and closes Accept."""
    expect(page.locator("#fix-away")).to_contain_text(f"Another photo is open: {name}.")
    expect(page.locator("#fix-words")).to_be_hidden()
    expect(page.locator("#fix-accept")).to_be_disabled()
    expect(page.locator("#live-toggle")).to_contain_text("result at each stroke's end")


def is_at_the_record(page: Page) -> None:
    expect(page.locator("#fix-away")).to_be_hidden()
    expect(page.locator("#fix-words")).to_contain_text("Mend this mask")
    expect(page.locator("#fix-accept")).to_be_enabled()
    expect(page.locator("#lc-facts")).to_contain_text("Live waits while you mend")


def test_another_photo_that_is_opened_meanwhile_is_not_accepted(
    visitor: Page, small: Path, tmp_path: Path
) -> None:
    fix(visitor)
    is_at_the_record(visitor)
    stroke(visitor, (0.7, 0.7), (0.75, 0.75), wait=False)
    mended = exported_mask(visitor)
    for number, path in enumerate((small, photo(tmp_path / "third.png", 301, 207))):
        open_photo(visitor, path)
        is_away(visitor, path.name)
        stroke(visitor, (0.4, 0.4), (0.5, 0.5))  # live, as anywhere
        if number == 0:
            visitor.locator(".lp-back").click()
            is_at_the_record(visitor)
    visitor.get_by_role("button", name="Back to the record").click()
    is_at_the_record(visitor)
    assert np.array_equal(exported_mask(visitor), mended)
    leave(visitor)


def test_another_photo_stays_when_mending_is_left(visitor: Page, small: Path, same: Path) -> None:
    open_photo(visitor, small)
    stroke(visitor, (0.4, 0.4), (0.5, 0.5))
    fix(visitor)
    open_photo(visitor, photo(same.parent / "other.png", 301, 207))
    is_away(visitor, "other.png")
    leave(visitor)
    expect(visitor.locator(".lp-name")).to_have_text("other.png")
    expect(visitor.locator(".lp-back")).to_have_text("Back to small.png")
    fix(visitor)
    is_at_the_record(visitor)
    leave(visitor)
    expect(visitor.locator(".lp-name")).to_have_text("other.png")


def test_the_records_own_photo_opened_again_is_the_record(visitor: Page, same: Path) -> None:
    fix(visitor)
    open_photo(visitor, photo(same.parent / "other.png", 301, 207))
    is_away(visitor, "other.png")
    open_photo(visitor, same)
    expect(visitor.locator("#fix-away")).to_be_hidden()
    stroke(visitor, (0.4, 0.4), (0.5, 0.5), wait=False)
    is_at_the_record(visitor)
    leave(visitor)
    fix(visitor)
    stroke(visitor, (0.7, 0.7), (0.75, 0.75), wait=False)
    visitor.locator("#inpaint-button").click()
    expect(visitor.locator("#go-on-button")).to_be_enabled()
    visitor.locator("#go-on-button").click()
    is_away(visitor, visitor.locator(".lp-name").inner_text())
    visitor.get_by_role("button", name="Back to the record").click()
    is_at_the_record(visitor)
    visitor.locator("#fix-accept").click()
    expect(visitor.locator("#fix-bar")).to_be_hidden()
