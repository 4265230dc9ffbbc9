"""The column beside the canvas says only what is so."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_photo, photo

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("suffix", "words"), [("jpg", "JPEG changes"), ("webp", "exactly"), ("png", "exactly")]
)
def test_the_format_says_whether_it_is_exact(
    page: Page, tmp_path: Path, suffix: str, words: str
) -> None:
    open_photo(page, photo(tmp_path / f"picture.{suffix}", 243, 165))
    expect(page.locator("#lp-exact")).to_contain_text(words)
    page.locator(".lp-format").select_option("PNG")
    expect(page.locator("#lp-exact")).to_have_text("The file keeps every pixel exactly.")
