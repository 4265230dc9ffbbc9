"""What is written can be read, in light and dark, and headings come in their order."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import App, open_app

pytestmark = pytest.mark.browser
# The contrast of an element's text with what is behind it, by WCAG's formula.
CONTRAST = """(element) => {
  const levels = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((one) => {
    const share = one / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = (colour) => { const [r, g, b] = levels(colour); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  let under = element;
  while (getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)") under = under.parentElement;
  const pair = [light(getComputedStyle(element).color), light(getComputedStyle(under).backgroundColor)];
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""  # noqa: E501 - a script


@pytest.fixture(params=["light", "dark"])
def visitor(request: pytest.FixtureRequest, browser: Browser, app: App) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 860}, color_scheme=request.param
    )
    page = context.new_page()
    open_app(page, app.url + "#dataset")
    yield page
    context.close()


def test_red_buttons_can_be_read(visitor: Page) -> None:
    button = visitor.locator("#delete-record")
    expect(button).to_be_visible()
    assert button.evaluate(CONTRAST) >= 4.5
    button.hover()
    visitor.wait_for_timeout(400)
    assert button.evaluate(CONTRAST) >= 4.5


def test_code_in_the_card_can_be_read_without_scrolling(visitor: Page) -> None:
    visitor.get_by_role("button", name="Dataset card").click()
    tokens = visitor.locator("#dataset-card pre .token")
    expect(tokens.first).to_be_visible()
    assert min(token.evaluate(CONTRAST) for token in tokens.all()) >= 4.5
    code = visitor.locator("#dataset-card pre").first
    assert code.evaluate("(pre) => pre.scrollWidth <= pre.clientWidth")


@pytest.mark.parametrize("tab", ["Dataset", "Train", "Inside"])
def test_no_heading_is_skipped(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()
    expect(page.locator("h2:visible").first).to_be_visible()
    levels = page.locator("h1:visible, h2:visible, h3:visible, h4:visible").evaluate_all(
        "(found) => found.map((heading) => Number(heading.tagName[1]))"
    )
    assert all(later <= before + 1 for before, later in pairwise(levels))
