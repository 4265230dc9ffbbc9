"""Pen-up to new pixels in the real app: python -m benchmarks.live [--strokes N] [--output FILE].

Chromium draws strokes on a photo (--size 4000x3000 is a phone's). A watcher of our own in the page
takes the time from the pointer going up until the pixels in the stroke have changed and the frame
has been shown; the app's own figure is read beside it, so that what the app says can be checked.
"""

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import lama
from benchmarks.method import inputs, machine, several
from masks.arguments import LeavingParser
from masks.files import read_image
from tests.browser.conftest import ARGUMENTS, open_app, open_photo, start_app

GOAL = 0.5
SIZES = ("768x512", "4000x3000")

# Reads the pixels along the stroke, every other frame, until they are no longer what they were: as
# seldom as the question allows, since reading them takes time from the app.
WATCHER = """
() => {
  const stage = document.querySelector('#mask-canvas'), base = stage.querySelector('.lc-base');
  const look = () => {
    const context = base.getContext('2d', { willReadFrequently: true });
    const [x, y, width, height] = window.watched;
    return context.getImageData(x, y, width, height).data.join();
  };
  stage.addEventListener('pointerup', (event) => {
    const start = event.timeStamp, before = look();
    let frame = 0;
    const step = () => {
      if (frame++ % 2 || look() === before) return requestAnimationFrame(step);
      requestAnimationFrame(() => { window.measured = performance.now() - start; });
    };
    requestAnimationFrame(step);
  }, true);
}
"""


def main() -> int:
    """Measure, print, write JSON where asked; 1 if the goal is missed."""
    parser = LeavingParser("python -m benchmarks.live", description=__doc__)
    parser.add_argument("--strokes", type=several, default=20)
    parser.add_argument("--model", default="lama-tiny")
    parser.add_argument("--size", type=dimensions, default="768x512", help="of the drawn photo")
    parser.add_argument("--photo", type=Path, help="a photo instead of the drawn one")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    with inputs():
        lama.load(options.model, "cpu")
        if options.photo:
            read_image(options.photo)
    report = run(options.size, options.strokes, options.model, options.photo)
    print(json.dumps({key: value for key, value in report.items() if key != "strokes"}, indent=2))
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if report["outside_median"] <= GOAL else 1


def dimensions(text: str) -> str:
    """WIDTHxHEIGHT in pixels, as it is; argparse says which flag it was given to otherwise."""
    if not re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"WIDTHxHEIGHT in pixels, such as 768x512, not {text!r}")
    return text


def run(
    size: str, strokes: int = 20, model: str = "lama-tiny", photo: Path | None = None
) -> dict[str, Any]:
    """Start the app, draw on a photo of that size (or a given one), and sum up."""
    with tempfile.TemporaryDirectory() as folder:
        process, app = start_app(Path(folder), "--model", model)
        try:
            shown = photo or drawn_photo(Path(folder) / "photo.jpg", size)
            rows = measure(app.url, shown, strokes)
        finally:
            process.terminate()
            process.wait(timeout=20)
    return summary(rows, model, photo.name if photo else size)


def drawn_photo(path: Path, size: str) -> Path:
    """A picture with structure at every scale; `size` as WIDTHxHEIGHT."""
    width, height = map(int, size.split("x"))
    rng = np.random.default_rng(0)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (4, 12, 40, 150):
        noise = Image.fromarray(rng.integers(0, 256, (cells, cells * 3 // 2, 3), dtype=np.uint8))
        grown = noise.resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(grown, np.float32) / cells**0.3
    total = (total - total.min()) / (total.max() - total.min()) * 255
    Image.fromarray(total.astype(np.uint8)).save(path, quality=95)
    return path


def measure(url: str, photo: Path, strokes: int) -> list[dict[str, float]]:
    """Draw and take times: one warm-up stroke, then `strokes` measured ones."""
    rng = np.random.default_rng(1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        open_app(page, url)
        open_photo(page, photo)
        # The first answers pay for the model's first run; the model select tells when it is over.
        page.wait_for_function("document.querySelector('#model-choice').textContent.match(/ s ·/)")
        page.evaluate(WATCHER)
        rows = [one_stroke(page, rng) for _ in range(strokes + 1)][1:]
        browser.close()
    return rows


def one_stroke(page: Page, rng: np.random.Generator) -> dict[str, float]:
    """One stroke somewhere on the photo; seconds measured outside and said by the app."""
    box = page.locator("#mask-canvas").bounding_box()
    assert box is not None
    start = np.array([rng.uniform(0.15, 0.75), rng.uniform(0.2, 0.75)])
    end = start + rng.uniform(-0.1, 0.1, 2)
    points = [start + (end - start) * share for share in np.linspace(0, 1, 9)]
    places = [(float(x * box["width"]), float(y * box["height"])) for x, y in points]
    ratio = page.evaluate("document.querySelector('.lc-base').width") / box["width"]
    x, y = places[4]
    watched = [round(x * ratio) - 8, round(y * ratio), 17, 1]
    page.evaluate("(place) => { window.watched = place; window.measured = 0; }", watched)
    page.mouse.move(box["x"] + places[0][0], box["y"] + places[0][1])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.up()
    page.wait_for_function("window.measured > 0", timeout=60_000, polling=50)
    page.wait_for_function(
        "(() => { const d = document.querySelector('#mask-canvas').dataset;"
        " return d.shown === d.request; })()",
        polling=50,
    )
    said = float(page.locator("#mask-canvas").get_attribute("data-milliseconds") or 0)
    outside = page.evaluate("window.measured")
    server = float(page.locator("#lc-facts").get_attribute("data-seconds") or 0)
    time.sleep(0.4)  # a person moves to the next place; the history's thumbnail is made meanwhile
    return {"outside": outside / 1000, "app": said / 1000, "server": server}


def summary(rows: list[dict[str, float]], model: str, photo: str) -> dict[str, Any]:
    """Medians, quartiles and what they were measured on."""
    outside, said = [row["outside"] for row in rows], [row["app"] for row in rows]
    return {
        "question": "seconds from pen-up to new pixels",
        "photo": photo,
        "model": model,
        "outside_median": round(statistics.median(outside), 4),
        "outside_quartiles": [round(q, 4) for q in statistics.quantiles(outside, n=4)],
        "outside_worst": round(max(outside), 4),
        "app_median": round(statistics.median(said), 4),
        "server_median": round(statistics.median(row["server"] for row in rows), 4),
        "largest_difference": round(max(abs(row["outside"] - row["app"]) for row in rows), 4),
        "goal": GOAL,
        "machine": machine(),
        "strokes": rows,
    }


if __name__ == "__main__":
    sys.exit(main())
