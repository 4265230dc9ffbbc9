"""Two people review at once, each signed in; and the new tabs on every width."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from space.store import Store
from tests.browser.conftest import App, open_app, start_app
from tests.space.store.conftest import make_submission

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def team_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with two accounts and a third one that may not review, and six records."""
    data_dir = tmp_path_factory.mktemp("team")
    accounts = data_dir / "accounts"
    accounts.write_text("ann:one\nbob:two\neve:three\n")
    store = Store.open(data_dir)
    for seed in range(6):
        store.save(make_submission(seed))
    store.close()
    process, running = start_app(data_dir, "--auth", str(accounts), LAMA_REVIEWERS="ann,bob")
    yield running
    process.terminate()
    process.wait(timeout=20)


def signed_in(browser: Browser, app: App, name: str, password: str, width: int = 1280) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 860})
    context.request.post(app.url + "login", form={"username": name, "password": password})
    page = context.new_page()
    open_app(page, app.url + "#review")
    return page


def current(page: Page) -> str | None:
    return page.locator("#review-picture [data-record]").get_attribute("data-record")


def press(page: Page, key: str, words: str) -> None:
    before = current(page)
    page.keyboard.press(key)
    expect(page.locator(f"#review-picture [data-record='{before}']")).to_have_count(0)
    expect(page.locator("#review-status")).to_contain_text(words)


def test_two_reviewers(browser: Browser, team_app: App) -> None:
    store = Store.open(team_app.data_dir)
    ann = signed_in(browser, team_app, "ann", "one")
    bob = signed_in(browser, team_app, "bob", "two")
    for page in (ann, bob):
        expect(page.locator("#review-picture .rv-picture")).to_be_visible()
    assert current(ann) != current(bob)
    first, his = current(ann), current(bob)
    ann.reload()
    expect(ann.locator(f"#review-picture [data-record='{first}']")).to_be_visible()

    press(ann, "a", "Accepted")
    assert store.get(first).status == "approved", "it is decided before the next one is shown"
    assert current(ann) not in (first, his)
    press(ann, "u", "Taken back")
    assert current(ann) == first
    assert store.get(first).status == "pending"
    press(ann, "s", "Skipped")
    assert current(ann) not in (first, his)
    press(bob, "r", "Rejected")
    assert store.get(his).status == "rejected"
    assert current(bob) == first, "what ann skipped"

    ann.get_by_label("Give second opinions").check()
    expect(ann.locator(f"#review-picture [data-record='{his}']")).to_be_visible()
    press(ann, "a", "Accepted")
    assert store.get(his).status == "pending", "they disagree: a third one decides"
    expect(ann.locator("[data-review='agreement']")).to_have_text("0 %")
    expect(ann.locator("#review-progress table")).to_contain_text("bob")
    ann.context.close()
    bob.context.close()
    store.close()


def test_one_key_changes_between_mask_and_fill(browser: Browser, team_app: App) -> None:
    page = signed_in(browser, team_app, "bob", "two")
    picture, filled = page.locator("#review-picture .rv-picture"), page.locator(".rv-filled img")
    expect(picture).to_be_visible()
    page.keyboard.press("p")
    expect(filled).to_be_visible()
    expect(filled).to_be_in_viewport()
    expect(picture).to_be_hidden()
    page.keyboard.press("p")
    expect(picture).to_be_visible()
    expect(filled).to_be_hidden()
    page.keyboard.press("p")
    expect(filled).to_be_visible()
    late = page.locator(".rv-filled").evaluate("(fill) => fill.outerHTML")
    page.keyboard.press("s")
    expect(filled).to_have_count(0)
    expect(picture).to_be_visible()
    # A fill of the record before that comes now hides nothing.
    page.locator("#review-filled .html-container, #review-filled .prose").first.evaluate(
        "(place, late) => { place.innerHTML = late; }", late
    )
    expect(filled).to_have_count(0)
    expect(picture).to_be_visible()
    page.context.close()


def test_others_may_look_but_not_decide(browser: Browser, team_app: App) -> None:
    eve = signed_in(browser, team_app, "eve", "three")
    expect(eve.locator("#review-status")).to_contain_text("eve is not among the reviewers")
    expect(eve.locator("#review-picture img")).to_have_count(0)
    eve.get_by_role("tab", name="Train").click()
    expect(eve.locator("#train-progress")).to_contain_text("Only reviewers")
    expect(eve.locator("#train-start")).to_be_disabled()
    eve.context.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("tab", ["review", "train"])
def test_nothing_sticks_out(browser: Browser, team_app: App, width: int, tab: str) -> None:
    page = signed_in(browser, team_app, "bob", "two", width)
    page.goto(team_app.url + "#" + tab)
    button = page.locator("#review-accept" if tab == "review" else "#train-start")
    expect(button).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = button.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width
    page.context.close()
