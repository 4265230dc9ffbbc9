"""What was gone on from is a result still: it is downloaded, copied and come back to."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    App,
    download,
    open_photo,
    photo,
    stroke,
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
