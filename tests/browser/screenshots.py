"""Pictures of the app in each state, light, dark and on a phone: to be looked at.

python -m tests.browser.screenshots OUTPUT_DIR [--url URL]
"""

import argparse
import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import ARGUMENTS, ROOT, open_app, start_app, stroke, wait_for_result

SAMPLE = ROOT / "assets" / "samples" / "coffee.jpg"
SPOON = ((0.66, 0.3), (0.63, 0.45), (0.6, 0.62), (0.58, 0.8), (0.62, 0.72), (0.57, 0.68))

FILM_WIDTH = 960
# Brush size and way of each stroke over the rocket's photo.
MASTS = (
    (38, (0.698, 0.29), (0.7, 0.42), (0.703, 0.55)),
    (66, (0.706, 0.52), (0.716, 0.7), (0.722, 0.86)),
    (38, (0.316, 0.29), (0.312, 0.42), (0.308, 0.55)),
    (66, (0.302, 0.52), (0.295, 0.7), (0.287, 0.8)),
)


def main() -> int:
    """Take every picture."""
    parser = argparse.ArgumentParser("python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--url", help="an app that runs already; otherwise one is started")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    if options.url:
        take(options.url, options.output)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        process, app = start_app(Path(folder))
        try:
            take(app.url, options.output)
        finally:
            process.terminate()
            process.wait(timeout=20)
    return 0


def take(url: str, output: Path) -> None:
    """All states in light and dark on a desktop, and on a phone."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        for scheme in ("light", "dark"):
            desktop(browser, url, output, scheme)
        phone(browser, url, output)
        hero(browser, url, output)
        inside(browser, url, output)
        browser.close()


def desktop(browser: Browser, url: str, output: Path, scheme: str) -> None:
    """The states of the Inpaint tab, then the other tabs, at 1280 px."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)

    def shot(name: str) -> None:
        page.wait_for_timeout(700)
        page.screenshot(path=output / f"{scheme}-{name}.png")

    open_app(page, url)
    shot("empty")
    page.set_input_files("#photo", str(SAMPLE))
    page.wait_for_selector("text=600 × 400 px, JPEG")
    shot("photo")
    half_a_stroke(page)
    shot("drawing")
    page.mouse.up()
    wait_for_result(page)
    shot("result")
    box = page.locator("#mask-canvas").bounding_box()
    grip = page.locator(".lc-grip").bounding_box()
    assert box is not None
    assert grip is not None
    page.mouse.move(grip["x"] + 22, grip["y"] + 22)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.62, grip["y"] + 22, steps=4)
    page.mouse.up()
    shot("compare")
    page.locator("#live-toggle").click()
    page.locator('[data-menu="lc-fill-menu"]').click()
    stroke(page, (0.2, 0.8), (0.3, 0.85), wait=False)
    shot("manual-and-menu")
    page.set_input_files("#photo", str(ROOT / "README.md"))
    page.wait_for_selector(".lc-note:visible")
    shot("wrong-file")
    page.locator("#model-choice").select_option(index=1)
    shot("model-to-fetch")
    page.locator("#save-sheet button").first.click()
    shot("save-sheet")
    for tab in ("Masks", "Dataset"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(2500)
        shot(tab.lower())
    page.context.close()


def hero(browser: Browser, url: str, output: Path) -> None:
    """The film for the README: two masts are painted over and gone, then before and after."""
    page = browser.new_page(viewport={"width": 1280, "height": 860}, device_scale_factor=1.5)
    frames: list[tuple[Image.Image, int]] = []

    def frame(milliseconds: int) -> None:
        with Image.open(io.BytesIO(page.screenshot())) as shot:
            small = shot.convert("RGB").resize((FILM_WIDTH, FILM_WIDTH * 860 // 1280))
        frames.append((small, milliseconds))

    open_app(page, url)
    page.set_input_files("#photo", str(SAMPLE.parent / "rocket.jpg"))
    page.wait_for_selector("text=640 × 427 px, JPEG")
    box, size = page.locator("#mask-canvas").bounding_box(), page.locator(".lc-size input")
    assert box is not None
    frame(1200)
    for tool_size, *points in MASTS:
        size.fill(str(tool_size))
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=6)
            frame(160)
        page.mouse.up()
        wait_for_result(page)
        page.mouse.move(box["x"] + box["width"] + 40, box["y"] + 300)
        page.wait_for_timeout(900)
        frame(500)
    frame(1500)
    grip = page.locator(".lc-grip").bounding_box()
    assert grip is not None
    page.mouse.move(grip["x"] + 22, grip["y"] + 22)
    page.mouse.down()
    for share in (0.15, 0.3, 0.45, 0.6, 0.75):
        page.mouse.move(box["x"] + box["width"] * share, grip["y"] + 22, steps=4)
        frame(200)
    page.mouse.up()
    frame(1500)
    pictures, times = zip(*frames, strict=True)
    film = output / "inpaint.webp"
    pictures[0].save(
        film, append_images=pictures[1:], save_all=True, duration=times, loop=0, quality=80
    )
    page.context.close()


def inside(browser: Browser, url: str, output: Path) -> None:
    """What one pixel depends on, for the documentation."""
    page = browser.new_page(viewport={"width": 1120, "height": 640})
    page.goto(f"{url}#inside")
    page.wait_for_selector(".in-view")
    page.wait_for_timeout(1500)
    page.screenshot(path=output / "inside.png")
    page.context.close()


def half_a_stroke(page: Page) -> None:
    """The pen is down and has moved."""
    box = page.locator("#mask-canvas").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SPOON]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)


def phone(browser: Browser, url: str, output: Path) -> None:
    """The same at 390 px."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
    )
    page = context.new_page()

    def shot(name: str) -> None:
        page.wait_for_timeout(700)
        page.screenshot(path=output / f"phone-{name}.png")

    open_app(page, url)
    shot("empty")
    page.set_input_files("#photo", str(SAMPLE))
    page.wait_for_selector("text=600 × 400 px, JPEG")
    stroke(page, (0.66, 0.4), (0.6, 0.6))
    shot("result")
    page.evaluate("document.querySelector('#inpaint-panel').scrollIntoView()")
    shot("panel")
    for tab in ("Masks", "Dataset"):
        page.evaluate("(tab) => { location.hash = tab }", tab.lower())
        page.wait_for_timeout(2500)
        shot(tab.lower())
    context.close()


if __name__ == "__main__":
    sys.exit(main())
