"""A researcher's way through the Masks tab, in Chromium, on the real app."""

import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

import masks
from tests.browser.conftest import App, open_photo, wait_for_result
from tests.masks.scenes import desk

pytestmark = pytest.mark.browser


@pytest.fixture
def lab(page: Page) -> Page:
    """The page on its Masks tab with the first gallery drawn."""
    page.get_by_role("tab", name="Masks").click()
    expect(page.locator("#mask-gallery img")).to_have_count(16)
    return page


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "desk.png"
    Image.fromarray(desk(240, 330)[0]).save(path)
    return path


def choose(page: Page, name: str) -> None:
    page.locator("#strategy-select").get_by_role("radio", name=name, exact=True).click()
    expect(page.locator(".ml-python")).to_contain_text(f'"{name}"')


def open_desk(page: Page, photo: Path) -> None:
    page.get_by_label("Photo for the masks").set_input_files(str(photo))
    expect(page.locator(".ml-name")).to_have_text("desk.png, 330 × 240")
    expect(page.locator(".ml-python")).to_contain_text("desk.png")


def downloaded(page: Page, selector: str) -> bytes:
    with page.expect_download() as started:
        page.locator(selector).click()
    return Path(started.value.path()).read_bytes()


def test_every_strategy_draws_its_masks(lab: Page) -> None:
    for name in masks.names():
        choose(lab, name)
        expect(lab.locator("#mask-gallery img")).to_have_count(16)
        expect(lab.locator(".ml-note")).to_be_hidden()
        expect(lab.locator(".ml-dial, .ml-switch")).to_have_count(len(masks.parameters(name)))


def test_a_dial_redraws_and_goes_back_to_the_paper(lab: Page) -> None:
    before = lab.locator("#mask-gallery img").first.get_attribute("src")
    dial = lab.locator('.ml-dial[data-name="max_width"]')
    number = dial.get_by_role("spinbutton")
    number.fill("30")
    number.press("Enter")
    expect(lab.locator(".ml-python")).to_contain_text("max_width=30")
    expect(lab.locator(".ml-command")).to_contain_text("--parameter max_width=30")
    assert lab.locator("#mask-gallery img").first.get_attribute("src") != before
    expect(dial.get_by_role("slider")).to_have_value("30")
    lab.get_by_role("button", name="Reset to the paper").click()
    expect(lab.locator(".ml-python")).not_to_contain_text("max_width")
    assert lab.locator("#mask-gallery img").first.get_attribute("src") == before
    expect(lab.get_by_role("button", name="Reset to the paper")).to_be_disabled()


def test_the_fewest_never_exceed_the_most(lab: Page) -> None:
    fewest = lab.locator('.ml-dial[data-name="min_chains"]').get_by_role("spinbutton")
    fewest.fill("9")
    fewest.press("Enter")
    expect(lab.locator(".ml-python")).to_contain_text("min_chains=9, max_chains=9")
    expect(lab.locator(".ml-note")).to_be_hidden()


def test_the_zip_holds_the_masks_that_are_shown(lab: Page, photo: Path) -> None:
    open_desk(lab, photo)
    choose(lab, "segmentation")
    packed = zipfile.ZipFile(io.BytesIO(downloaded(lab, '[data-do="zip"]')))
    expected = masks.generate("segmentation", masks.read_image(photo), 16, 0)
    for k, item in enumerate(expected):
        data = np.frombuffer(packed.read(f"segmentation_{k:04d}.png"), np.uint8)
        assert np.array_equal(cv2.imdecode(data, cv2.IMREAD_UNCHANGED) > 0, item.mask)


def test_a_mask_goes_to_inpaint_and_is_filled(lab: Page, photo: Path) -> None:
    open_desk(lab, photo)
    choose(lab, "box")
    lab.locator(".ml-tile").nth(3).click()
    dialog = lab.get_by_role("dialog")
    expect(dialog).to_contain_text("Mask 4 of 16")
    lab.keyboard.press("ArrowRight")
    expect(dialog).to_contain_text("Mask 5 of 16")
    one = downloaded(lab, '[data-do="one"]')
    dialog.get_by_role("button", name="Use in Inpaint").click()
    expect(lab.get_by_role("tab", name="Inpaint")).to_have_attribute("aria-selected", "true")
    expect(lab.locator(".lp-dims")).to_contain_text("330 × 240 px")
    wait_for_result(lab)
    lab.locator('[data-menu="lc-mask-menu"]').click()
    arrived = np.asarray(Image.open(io.BytesIO(downloaded(lab, '[data-do="export-mask"]'))))
    expected = masks.generate("box", masks.read_image(photo), 5, 0)[4].mask
    assert np.array_equal(arrived > 0, expected)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(one))) > 0, expected)


def test_the_photo_of_inpaint_can_be_taken_over(page: Page, photo: Path) -> None:
    page.get_by_role("tab", name="Masks").click()
    page.get_by_role("button", name="From Inpaint").click()
    expect(page.locator(".ml-note")).to_contain_text("No photo is open in Inpaint yet")
    page.get_by_role("tab", name="Inpaint").click()
    open_photo(page, photo)
    page.get_by_role("tab", name="Masks").click()
    page.get_by_role("button", name="From Inpaint").click()
    expect(page.locator(".ml-name")).to_have_text("desk.png, 330 × 240")
    expect(page.locator(".ml-python")).to_contain_text("desk.png")


def test_measuring_shows_a_thousand(lab: Page) -> None:
    lab.get_by_role("button", name="Measure 1,000 masks").click()
    expect(lab.locator(".ml-figures")).to_contain_text("n = 1,000 · mean 4")


def test_what_is_wrong_is_said_and_the_masks_stay(lab: Page, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"no picture")
    lab.get_by_label("Photo for the masks").set_input_files(str(path))
    expect(lab.locator(".ml-note")).to_contain_text("not a picture")
    expect(lab.locator("#mask-gallery img")).to_have_count(16)


def test_keys_choose_strategies(lab: Page) -> None:
    lab.locator('#strategy-select [aria-checked="true"]').focus()
    lab.keyboard.press("ArrowRight")
    expect(lab.locator('#strategy-select [aria-checked="true"]')).to_have_text("box")
    expect(lab.locator('#strategy-select [aria-checked="true"]')).to_be_focused()
    expect(lab.locator(".ml-python")).to_contain_text('"box"')


def test_a_reload_brings_everything_back(lab: Page, photo: Path) -> None:
    open_desk(lab, photo)
    choose(lab, "thick")
    lab.get_by_role("button", name="Next seed").click()
    expect(lab.locator(".ml-python")).to_contain_text("seed=1")
    lab.reload()
    expect(lab.locator(".ml-python")).to_contain_text("seed=1")
    expect(lab.locator(".ml-python")).to_contain_text("desk.png")
    expect(lab.locator('#strategy-select [aria-checked="true"]')).to_have_text("thick")


def test_a_phone_shows_all_of_it_without_scrolling_sideways(browser: Browser, app: App) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(app.url + "#masks")
    expect(page.locator("#mask-gallery img")).to_have_count(16)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.locator(".ml-button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    context.close()


def test_no_mask_of_another_picture_can_be_taken(lab: Page, photo: Path) -> None:
    page = lab
    held: list[Route] = []
    page.route(
        "**/component_server/",
        lambda route: (
            held.append(route) if '"draw"' in (route.request.post_data or "") else route.continue_()
        ),
    )
    page.get_by_label("Photo for the masks").set_input_files(str(photo))
    expect(page.locator(".ml-name")).to_contain_text("desk.png")
    page.locator(".ml-tile").nth(2).dispatch_event("click")
    expect(page.get_by_role("dialog")).to_be_hidden()
    for route in held:
        route.continue_()
    page.unroute("**/component_server/")
    expect(page.locator(".ml-python")).to_contain_text("desk.png")
    page.locator(".ml-tile").nth(2).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_keyboard_stays_at_the_dials_that_go_back(lab: Page) -> None:
    dial = lab.locator('.ml-dial[data-name="max_width"]')
    number, back = dial.get_by_role("spinbutton"), dial.locator(".ml-back")
    number.fill("30")
    number.press("Enter")
    number.press("Shift+Tab")
    expect(back).to_be_focused()
    lab.keyboard.press("Enter")
    expect(number).to_be_focused()
    number.fill("30")
    number.press("Tab")
    lab.get_by_role("button", name="Reset to the paper").focus()
    lab.keyboard.press("Enter")
    expect(lab.locator(".ml-dials input[type=number]").first).to_be_focused()
