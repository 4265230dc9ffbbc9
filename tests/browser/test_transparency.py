"""What is transparent in a photo has a checkerboard below it; all else looks as ever."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_photo, photo, stroke

pytestmark = pytest.mark.browser


@pytest.fixture
def clear(tmp_path: Path) -> Path:
    """A photo that is as high as the stage at most, and clear in its right half."""
    picture = Image.open(photo(tmp_path / "opaque.png", 300, 300)).convert("RGBA")
    alpha = np.full((300, 300), 255, np.uint8)
    alpha[:, 150:] = 0
    picture.putalpha(Image.fromarray(alpha))
    picture.save(tmp_path / "clear.png")
    return tmp_path / "clear.png"


def seen(page: Page) -> np.ndarray:
    """The stage as it looks, uint8 (H, W, 3), without what floats over it."""
    page.mouse.move(5, 5)
    page.wait_for_timeout(700)  # the mask fades out
    page.add_style_tag(content=".lc-compare, .lc-zoom, .lc-say, .lc-ring { opacity: 0 !important }")
    shot = page.locator("#mask-canvas").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def colours(pixels: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}


def check(page: Page) -> set[tuple[int, ...]]:
    """The checkerboard's colours; it lies where the photo is clear, and nowhere else."""
    pixels = seen(page)
    height, width = pixels.shape[:2]
    left = (width - height) // 2  # the photo is square
    inside = pixels[20:-20, width // 2 + 20 : left + height - 20]
    beside = colours(pixels[20:-20, 5 : left - 5]) | colours(pixels[20:-20, left + height + 5 : -5])
    assert len(colours(inside)) == 2
    assert len(beside) == 1
    assert not colours(inside) & beside
    return colours(inside)


def test_it_shows_with_results_and_in_both_themes(page: Page, clear: Path) -> None:
    open_photo(page, clear)
    light = check(page)
    stroke(page, (0.45, 0.4), (0.55, 0.5))  # also over what is clear
    assert check(page) == light
    page.locator(".lc-grip").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert check(page) == light
    page.locator("#go-on-button").click()
    expect(page.locator("#lc-facts")).to_have_text("Paint over what should go.")
    assert check(page) == light
    page.locator("#theme-toggle").click()
    assert not check(page) & light


def test_an_opaque_photo_looks_as_without_it(page: Page, tmp_path: Path) -> None:
    open_photo(page, photo(tmp_path / "opaque.png", 487, 331))
    for times in range(3):
        for _ in range(times):
            page.locator('.lc-tools [data-do="out"]').click()
        with_it = seen(page)
        expect(page.locator(".lc-clear")).to_be_visible()
        page.add_style_tag(content=".lc-clear { opacity: 0 }")
        assert np.array_equal(seen(page), with_it)
        page.add_style_tag(content=".lc-clear { opacity: 1 !important }")


def test_thumbnails_of_results_are_clear_there_too(page: Page, clear: Path) -> None:
    open_photo(page, clear)
    for place in ((0.4, 0.3), (0.4, 0.6)):
        stroke(page, place, (place[0] + 0.05, place[1]))
    expect(page.locator(".lc-strip img")).to_have_count(2)
    alpha = page.evaluate("""async () => {
      const image = document.querySelector(".lc-strip img");
      await image.decode();
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      return [0.2, 0.8].map((x) => context.getImageData(x * canvas.width, 50, 1, 1).data[3]);
    }""")
    assert alpha == [255, 0]
