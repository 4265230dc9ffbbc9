"""The column beside the canvas says only what is so."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    hold,
    open_photo,
    photo,
    stroke,
    wait_for_held,
    wait_for_result,
)

pytestmark = pytest.mark.browser


def test_a_run_that_is_no_blink_takes_the_last_facts_away(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.3, 0.3), (0.35, 0.35))
    facts = page.locator("#lc-facts")
    expect(facts).to_contain_text("verified")
    held = hold(page, "run")
    page.evaluate(
        """() => {
          const line = document.querySelector("#lc-facts");
          const note = (name) => () => { window[name] ??= performance.now(); };
          addEventListener("pointerup", note("lifted"), { capture: true, once: true });
          new MutationObserver(note("changed")).observe(line, { childList: true });
        }"""
    )
    stroke(page, (0.6, 0.6), (0.65, 0.65), wait=False)
    wait_for_held(page, held)
    expect(facts).to_contain_text("on its way")
    assert "verified" not in (facts.text_content() or "")
    assert page.evaluate("() => window.changed - window.lifted") >= 450, (
        "a quick run has no flicker"
    )
    held.pop().continue_()
    wait_for_result(page)
    expect(facts).to_contain_text("verified")


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
