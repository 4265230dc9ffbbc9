"""The row of tools below the photo: one row, whatever the brush and the tool."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import open_photo

pytestmark = pytest.mark.browser
HEIGHT = 54


@pytest.mark.parametrize("width", [1280, 1100, 1000])
def test_the_tools_keep_to_one_row(page: Page, small: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 860})
    open_photo(page, small)
    tools, size = page.locator(".lc-tools"), page.locator(".lc-size input")
    found = []
    for brush in ("4", "200"):
        size.fill(brush)
        found.append(tools.evaluate("(row) => row.offsetHeight"))
    page.locator('[data-tool="box"]').click()
    found.append(tools.evaluate("(row) => row.offsetHeight"))
    assert found == [HEIGHT] * 3
    assert tools.evaluate("(row) => row.scrollWidth <= row.clientWidth")
    page.locator('[data-tool="brush"]').click()
    place = size.bounding_box()
    assert place
    assert place["width"] >= 50, "a size can still be chosen"
