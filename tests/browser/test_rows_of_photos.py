"""Several photos chosen at once: the counter tells what is open, and unreadable files are named."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import hold, open_photo, photo, stroke, wait_for_held

pytestmark = pytest.mark.browser


@pytest.fixture
def row(tmp_path: Path) -> list[str]:
    """Two photos and, between them, three files that cannot be opened."""
    first, last = photo(tmp_path / "first.png", 243, 165), photo(tmp_path / "last.png", 165, 243)
    broken = tmp_path / "broken.png"
    broken.write_bytes(first.read_bytes()[:900])
    words = tmp_path / "words.jpg"
    words.write_text("no picture")
    moving = tmp_path / "moving.gif"
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    frames[0].save(moving, save_all=True, append_images=frames[1:])
    return [str(path) for path in (first, broken, words, moving, last)]


def test_unreadable_files_are_named_and_passed_over(page: Page, row: list[str]) -> None:
    page.set_input_files("#photo", row)
    name, counter, note = (
        page.locator(".lp-name"),
        page.locator(".lp-queue"),
        page.locator(".lc-note"),
    )
    expect(page.locator(".lp-dims")).to_contain_text("243 × 165 px, PNG")
    expect(counter).to_contain_text("Photo 1 of 5")
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    for bad in ("broken.png", "words.jpg", "moving.gif"):
        page.locator("#mask-canvas").focus()
        page.keyboard.press("n")
        expect(note).to_contain_text(f"{bad} could not be opened. ")
        expect(name).to_have_text("first.png")
        expect(counter).to_contain_text("Photo 1 of 5")
        expect(page.locator("#download-button")).to_be_enabled()
    note.get_by_role("button", name="Next photo").click()
    expect(name).to_have_text("last.png")
    expect(counter).to_contain_text("Photo 5 of 5")
    expect(page.locator('[data-do="next"]')).to_be_disabled()


def test_a_row_that_ends_with_one(page: Page, row: list[str]) -> None:
    page.set_input_files("#photo", [row[0], row[4], row[1]])
    expect(page.locator(".lp-dims")).to_contain_text("243 × 165 px, PNG")
    page.locator('[data-do="next"]').click()
    expect(page.locator(".lp-queue")).to_contain_text("Photo 2 of 3")
    expect(page.locator(".lp-dims")).to_contain_text("165 × 243 px, PNG")
    page.locator('[data-do="next"]').click()
    expect(page.locator(".lc-note")).to_contain_text("broken.png could not be opened. ")
    expect(page.locator(".lp-queue")).to_contain_text("Photo 2 of 3")
    expect(page.locator('[data-do="next"]')).to_be_disabled()
    expect(page.locator(".lp-name")).to_have_text("last.png")


def test_a_row_that_begins_with_one(page: Page, small: Path, row: list[str]) -> None:
    open_photo(page, small)
    page.set_input_files("#photo", [row[2], row[0]])
    expect(page.locator(".lc-note")).to_contain_text("words.jpg could not be opened. ")
    expect(page.locator(".lp-name")).to_have_text("small.png")
    expect(page.locator(".lp-queue")).to_contain_text("Next: photo 2 of 2")
    page.locator('[data-do="next"]').click()
    expect(page.locator(".lp-name")).to_have_text("first.png")
    expect(page.locator(".lp-queue")).to_contain_text("Photo 2 of 2")


def test_the_place_in_the_row_stays_where_a_result_is_gone_on_from(
    page: Page, row: list[str]
) -> None:
    page.set_input_files("#photo", [row[0], row[4]])
    expect(page.locator(".lp-dims")).to_contain_text("243 × 165 px, PNG")
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    page.locator("#go-on-button").click()
    expect(page.locator("#lc-facts")).to_have_text("Paint over what should go.")
    expect(page.locator(".lp-queue")).to_contain_text("Photo 1 of 2")


def test_what_was_refused_stays_named_when_the_photo_before_arrives(
    page: Page, row: list[str]
) -> None:
    held = hold(page, "open_photo")
    page.set_input_files("#photo", [row[0], row[2]])
    wait_for_held(page, held)
    page.locator('[data-do="next"]').click()
    wait_for_held(page, held, 2)
    held[1].continue_()  # the photo before, overtaken, goes on its way again
    wait_for_held(page, held, 3)
    expect(page.locator(".lc-note")).to_contain_text("words.jpg could not be opened. ")
    held[2].continue_()
    expect(page.locator(".lp-dims")).to_contain_text("243 × 165 px, PNG")
    expect(page.locator(".lc-note")).to_contain_text("words.jpg could not be opened. ")
    expect(page.locator(".lp-queue")).to_contain_text("Photo 1 of 2")
    held[0].abort()
