"""Two people review at once, each signed in; and the new tabs on every width."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from space.store import Store
from tests.browser.conftest import App, exported_mask, open_app, open_photo, start_app, stroke
from tests.space.store.conftest import make_submission

pytestmark = pytest.mark.browser


@contextmanager
def app_with(data_dir: Path, accounts: str, **environment: str) -> Iterator[App]:
    """An app that asks for accounts, with six records."""
    listed = data_dir / "accounts"
    listed.write_text(accounts)
    store = Store.open(data_dir)
    for seed in range(6):
        store.save(make_submission(seed))
    store.close()
    process, running = start_app(data_dir, "--auth", str(listed), **environment)
    yield running
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def team_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Two accounts that may review and a third one that may not."""
    accounts = "ann:one\nbob:two\neve:three\n"
    with app_with(tmp_path_factory.mktemp("team"), accounts, LAMA_REVIEWERS="ann,bob") as running:
        yield running


@pytest.fixture(scope="module")
def slow_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One account."""
    with app_with(tmp_path_factory.mktemp("slow"), "ann:one\n") as running:
        yield running


def signed_in(browser: Browser, app: App, name: str, password: str, width: int = 1280) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 860})
    context.request.post(app.url + "login", form={"username": name, "password": password})
    page = context.new_page()
    open_app(page, app.url + "#review")
    return page


def current(page: Page) -> str | None:
    return page.locator("#review-picture [data-record]").get_attribute("data-record")


QUIET = 2500  # milliseconds in which what is left of an event comes to its end


def press(page: Page, key: str, words: str) -> None:
    before = current(page)
    page.keyboard.press(key)
    expect(page.locator(f"#review-picture [data-record='{before}']")).to_have_count(0)
    expect(page.locator("#review-status")).to_contain_text(words)


def until(page: Page, what: Callable[[], object]) -> None:
    """Wait until something is so on the server."""
    for _ in range(300):
        if what():
            return
        page.wait_for_timeout(100)
    pytest.fail("that did not happen within half a minute")


def leased(store: Store) -> list[str]:
    return [row["record_id"] for row in store.core.index.all("SELECT record_id FROM leases")]


def forget_page(page: Page, name: str) -> None:
    """From now on the app knows this page by another name: no more of it than after a restart.

    Nothing may be on its way: answers to the old name go to nobody.
    """

    def renamed(text: str) -> str:
        return re.sub(r"""(session_hash(?:"\s*:\s*"|=))\w+""", rf"\g<1>{name}", text)

    def pass_on(route: Route) -> None:
        sent = route.request.post_data
        route.continue_(url=renamed(route.request.url), post_data=sent and renamed(sent))

    page.route("**/gradio_api/**", pass_on)


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


def test_a_click_while_the_answer_is_on_its_way_decides_nothing(
    browser: Browser, slow_app: App
) -> None:
    store = Store.open(slow_app.data_dir)
    page = signed_in(browser, slow_app, "ann", "one")
    picture = page.locator("#review-picture .rv-picture")
    expect(picture).to_be_visible()
    first = current(page) or ""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/queue/data*", hold)
    page.locator("#review-accept").click()
    until(page, lambda: held and first not in leased(store))
    page.wait_for_timeout(500)
    [second] = leased(store)
    assert (current(page), store.get(first).status) == (first, "approved"), "the answer is held up"
    page.locator("#review-reject").click()
    page.wait_for_timeout(1000)
    for route in held:
        route.continue_()
    page.unroute("**/queue/data*")
    expect(page.locator(f"#review-picture [data-record='{first}']")).to_have_count(0)
    page.wait_for_timeout(700)
    assert (current(page), store.get(second).status) == (second, "pending")
    press(page, "r", "Rejected")
    assert store.get(second).status == "rejected"
    page.context.close()
    store.close()


def test_a_page_that_shows_another_record_gets_the_right_one(
    browser: Browser, slow_app: App
) -> None:
    store = Store.open(slow_app.data_dir)
    page = signed_in(browser, slow_app, "ann", "one")
    shown = page.locator("#review-picture [data-record]")
    expect(page.locator("#review-picture .rv-picture")).to_be_visible()
    record = current(page) or ""
    shown.evaluate("(there) => { there.dataset.record = 'another'; }")
    page.keyboard.press("a")
    expect(page.locator("#review-status")).to_contain_text("still showed another record")
    assert store.get(record).status == "pending"
    page.reload()
    expect(page.locator(f"#review-picture [data-record='{record}']")).to_be_visible()
    press(page, "a", "Accepted")
    assert store.get(record).status == "approved"
    page.context.close()
    store.close()


def test_after_a_restart_the_record_is_shown_again(browser: Browser, slow_app: App) -> None:
    store = Store.open(slow_app.data_dir)
    page = signed_in(browser, slow_app, "ann", "one")
    expect(page.locator("#review-picture .rv-picture")).to_be_visible()
    record = current(page) or ""
    page.wait_for_timeout(QUIET)
    forget_page(page, "first")
    page.keyboard.press("a")
    expect(page.locator("#review-status")).to_contain_text("The app was restarted")
    assert (current(page), store.get(record).status) == (record, "pending")
    page.wait_for_timeout(QUIET)
    page.keyboard.press("f")
    expect(page.locator("#fix-words")).to_contain_text("Mend this mask")
    expect(page.get_by_role("tab", name="Inpaint")).to_have_attribute("aria-selected", "true")
    page.wait_for_timeout(QUIET)
    forget_page(page, "second")
    page.locator("#fix-accept").click()
    expect(page.locator(f"#review-picture [data-record='{record}']")).to_have_count(0)
    assert store.get(record).status == "approved"
    page.context.close()
    store.close()


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


def test_who_is_signed_out_is_told_so(browser: Browser, team_app: App, small: Path) -> None:
    page = signed_in(browser, team_app, "ann", "one")
    page.get_by_role("tab", name="Inpaint").click()
    open_photo(page, small)
    page.context.clear_cookies()  # as after the app was started anew
    stroke(page, (0.4, 0.4), (0.6, 0.5), wait=False)
    expect(page.locator(".lc-note")).to_contain_text("You are signed out")
    assert exported_mask(page).any()
    page.context.close()
