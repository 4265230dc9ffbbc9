"""First look, full size, refinement: what happens after a stroke's end, in Chromium."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_photo, stroke

pytestmark = pytest.mark.browser


def picture(path: Path, width: int, height: int) -> Path:
    rng = np.random.default_rng(5)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


def test_a_large_hole_comes_quickly_and_then_at_full_size(page: Page, tmp_path: Path) -> None:
    open_photo(page, picture(tmp_path / "large.png", 1203, 901))
    posts: list[str] = []
    page.on("request", lambda r: posts.append(r.url) if r.method == "POST" else None)
    stroke(page, (0.3, 0.4), (0.6, 0.5))
    facts = page.locator("#lc-facts")
    expect(facts).to_contain_text("first look", timeout=20_000)
    expect(facts).not_to_contain_text("first look", timeout=60_000)
    expect(facts).to_contain_text("untouched outside the mask: verified")
    assert len(posts) == 2, posts


def test_refinement_follows_where_the_switch_is_on(page: Page, tmp_path: Path) -> None:
    open_photo(page, picture(tmp_path / "small.png", 487, 331))
    page.locator("#refine-toggle").click()
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    facts = page.locator("#lc-facts")
    expect(facts).to_contain_text(", refined", timeout=60_000)
    expect(facts).to_contain_text("untouched outside the mask: verified")
    page.locator("#refine-toggle").click()
    stroke(page, (0.6, 0.6), (0.65, 0.6))
    expect(facts).not_to_contain_text(", refined")
