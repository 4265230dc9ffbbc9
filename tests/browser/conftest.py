"""The real app in a process of its own, and Chromium to drive it; nothing leaves this machine."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from playwright.sync_api import TimeoutError as TookTooLong

ROOT = Path(__file__).parents[2]
BASE = "() => document.querySelector('.lc-base').toDataURL()"  # the photo as it is shown
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]
expect.set_options(timeout=30_000)


@dataclass(frozen=True)
class App:
    """A running app."""

    url: str
    data_dir: Path


def start_app(data_dir: Path, *arguments: str, **environment: str) -> tuple[subprocess.Popen, App]:
    """Start `python app.py` on a free port and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (data_dir / "app.log").open("w")
    command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--data-dir", str(data_dir), *arguments],
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
    )
    url = f"http://127.0.0.1:{port}/"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return process, App(url, data_dir)
        except OSError:
            time.sleep(0.3)
    process.kill()
    pytest.fail("the app did not start:\n" + (data_dir / "app.log").read_text()[-3000:])


@contextmanager
def own_app(data_dir: Path) -> Iterator[App]:
    """An app over a data directory, as long as the block lasts."""
    process, running = start_app(data_dir)
    yield running
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One app for all browser tests: each test has its own page and browser storage."""
    process, running = start_app(tmp_path_factory.mktemp("data"))
    yield running
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or whichever is on the PATH."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("Chromium is missing; `make test` installs it")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, app: App) -> Iterator[Page]:
    """A fresh visitor on the Inpaint tab; fails the test if the page threw an error."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    visitor = context.new_page()
    problems: list[str] = []
    visitor.on("pageerror", lambda error: problems.append(str(error)))
    open_app(visitor, app.url)
    yield visitor
    context.close()
    assert not problems, problems


def open_app(page: Page, url: str) -> None:
    """Go to the app and wait until its canvas is ready."""
    page.goto(url)
    expect(page.locator("#model-choice option")).not_to_have_count(0)


def open_photo(page: Page, path: Path) -> None:
    """Choose a file and wait until the server has taken it."""
    page.set_input_files("#photo", str(path))
    width, height = upright_size(path)
    expect(page.locator(".lp-dims")).to_contain_text(f"{width} × {height} px, ")


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height of a file as a person sees it."""
    with Image.open(path) as image:
        turned = image.getexif().get(0x0112, 1) >= 5
        return image.size[::-1] if turned else image.size


def stroke(page: Page, *points: tuple[float, float], wait: bool = True) -> None:
    """Draw with the mouse; points are shares of the stage's width and height."""
    box = page.locator("#mask-canvas").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    if wait:
        wait_for_result(page)


POINTER = """([type, id, kind, x, y, more]) => {
  const stage = document.querySelector("#mask-canvas"), box = stage.getBoundingClientRect();
  stage.setPointerCapture = () => {};
  stage.dispatchEvent(new PointerEvent(type, {
    pointerId: id, pointerType: kind, button: type === "pointermove" ? -1 : 0, bubbles: true,
    clientX: box.x + x * box.width, clientY: box.y + y * box.height, ...more,
  }));
}"""


def point(page: Page, what: str, pointer: int, kind: str, x: float, y: float, **more: Any) -> None:
    """An event of a finger or a pen (`kind`: touch or pen), at shares of the stage."""
    page.evaluate(POINTER, [what, pointer, kind, x, y, more])


def hold(page: Page, *names: str) -> list[Route]:
    """Questions of these names to the server wait from now on, in this list."""
    held: list[Route] = []

    def wait(route: Route) -> None:
        if json.loads(route.request.post_data or "{}").get("fn_name") in names:
            held.append(route)
        else:
            route.fallback()

    page.route("**/component_server/", wait)
    return held


def wait_for_held(page: Page, held: list[Route], count: int = 1) -> None:
    """Wait until so many questions wait."""
    for _ in range(200):
        if len(held) >= count:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{len(held)} questions were asked, not {count}")


def wait_for_result(page: Page) -> None:
    """Wait until the newest request's pixels are on the screen."""
    try:
        page.wait_for_function(
            "() => { const s = document.querySelector('#mask-canvas').dataset;"
            " return s.request && s.shown === s.request; }",
            timeout=60_000,
        )
    except TookTooLong as error:
        seen = page.evaluate(
            "() => JSON.stringify([document.querySelector('#mask-canvas').dataset,"
            " ...['.lc-note', '#lc-facts'].map((at) => document.querySelector(at)?.innerText)])"
        )
        raise AssertionError(f"no result within a minute; the page says {seen}") from error


def photo(path: Path, width: int, height: int, seed: int = 0, **options: object) -> Path:
    """Write a photo-like picture: smooth colours with some grain."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(30, 220, (7, 9, 3), dtype=np.uint8))
    pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    grain = rng.integers(-6, 7, (height, width, 1), dtype=np.int16)
    Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(path, **options)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return photo(tmp_path / "small.png", 487, 331)


def download(page: Page, file_format: str) -> Image.Image:
    page.locator(".lp-format").select_option(file_format)
    with page.expect_download() as started:
        page.locator("#download-button").click()
    return Image.open(io.BytesIO(Path(started.value.path()).read_bytes()))


def exported_mask(page: Page) -> np.ndarray:
    page.locator('[data-menu="lc-mask-menu"]').click()
    with page.expect_download() as started:
        page.locator('[data-do="export-mask"]').click()
    page.locator('[data-menu="lc-mask-menu"]').click()
    return np.asarray(Image.open(Path(started.value.path())).convert("L")) > 127
