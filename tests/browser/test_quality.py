"""First look, full size, refinement: what happens after a stroke's end, in Chromium."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import open_photo, stroke

pytestmark = pytest.mark.browser


def picture(path: Path, width: int, height: int) -> Path:
    rng = np.random.default_rng(5)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


def question(request: Request) -> str:
    return str(json.loads(request.post_data or "{}").get("fn_name"))


def test_a_large_hole_comes_quickly_and_then_at_full_size(page: Page, tmp_path: Path) -> None:
    open_photo(page, picture(tmp_path / "large.png", 1203, 901))
    asked: list[str] = []
    page.on("request", lambda r: asked.append(question(r)) if r.method == "POST" else None)
    stroke(page, (0.3, 0.4), (0.6, 0.5))
    facts = page.locator("#lc-facts")
    expect(facts).to_contain_text("first look", timeout=20_000)
    expect(facts).not_to_contain_text("first look", timeout=60_000)
    expect(facts).to_contain_text("untouched outside the mask: verified")
    # How fast the model is may be asked for meanwhile.
    assert [name for name in asked if name != "models"] == ["run", "better"]


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


def test_a_refinement_that_was_lost_comes_with_the_next_stroke(page: Page, tmp_path: Path) -> None:
    open_photo(page, picture(tmp_path / "wide.png", 787, 331))
    answers: list[dict] = []
    lost: list[dict] = []

    def pass_on(route: Route) -> None:
        name = question(route.request)
        if name not in ("run", "better"):
            return route.fallback()
        response = route.fetch()
        if name == "better":
            lost.append(response.json())
            return route.abort()
        answers.append(response.json())
        return route.fulfill(response=response)

    page.route("**/component_server/", pass_on)
    page.locator("#refine-toggle").click()
    stroke(page, (0.1, 0.4), (0.15, 0.5))
    expect(page.locator(".lc-note")).to_contain_text("cannot be reached", timeout=60_000)
    page.locator("#refine-toggle").click()
    stroke(page, (0.85, 0.5), (0.9, 0.5))
    assert [answer["version"] for answer in (answers[0], lost[0])] == [1, 2]
    assert (answers[1]["keeps"], len(answers[1]["patches"])) == ("", 2)
    stroke(page, (0.5, 0.5), (0.55, 0.5))
    assert answers[2]["keeps"] == answers[1]["result"], "from here on the page is abreast"
