"""What was gone on from is a result still: it is downloaded, copied and come back to."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    BASE,
    App,
    download,
    exported_mask,
    open_photo,
    photo,
    stroke,
    wait_for_result,
)

pytestmark = pytest.mark.browser


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Canon"
    return photo(tmp_path / "street.jpg", 487, 331, exif=exif.tobytes(), quality=95)


def go_on(page: Page) -> None:
    page.locator("#go-on-button").click()
    expect(page.locator("#lc-facts")).to_have_text("Paint over what should go.")


def test_it_is_downloaded_and_copied_also_after_a_reload(
    page: Page, app: App, camera: Path
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=app.url)
    page.on("dialog", lambda dialog: dialog.accept())
    open_photo(page, camera)
    expect(page.locator("#download-button")).to_be_disabled()
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    result = np.asarray(download(page, "PNG").convert("RGB"))
    go_on(page)
    for _ in range(2):
        expect(page.locator("#download-button")).to_be_enabled()
        expect(page.locator("#go-on-button")).to_be_disabled()
        assert np.array_equal(np.asarray(download(page, "PNG").convert("RGB")), result)
        own = download(page, "original")
        assert (own.format, own.getexif()[ExifTags.Base.Make]) == ("JPEG", "Canon")
        page.locator("#mask-canvas").focus()
        page.keyboard.press("Control+c")
        expect(page.locator(".lc-note")).to_have_text("Copied.")
        page.wait_for_timeout(400)
        page.reload()
        expect(page.locator(".lp-name")).to_have_text("street.jpg")
    page.locator("#live-toggle input").uncheck(force=True)
    stroke(page, (0.7, 0.7), (0.75, 0.7), wait=False)
    expect(page.locator("#lc-facts")).to_contain_text("Download still holds the last result")
    open_photo(page, camera)
    expect(page.locator("#download-button")).to_be_disabled()


def test_undo_and_redo_around_it(page: Page, camera: Path) -> None:
    open_photo(page, camera)
    stroke(page, (0.3, 0.3), (0.4, 0.3))
    first = exported_mask(page)
    stroke(page, (0.6, 0.6), (0.7, 0.6))
    page.keyboard.press("Control+z")
    wait_for_result(page)
    go_on(page)
    page.wait_for_timeout(200)
    accepted = page.evaluate(BASE)
    page.keyboard.press("Control+z")
    wait_for_result(page)
    assert np.array_equal(exported_mask(page), first)
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("#lc-facts")).to_have_text("Paint over what should go.")
    page.wait_for_timeout(200)
    assert page.evaluate(BASE) == accepted
    expect(page.locator('[data-do="redo"]')).to_be_disabled()
