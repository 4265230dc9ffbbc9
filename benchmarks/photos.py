"""Large photos with a small hole, and folders of photos: time, memory, throughput."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import lama
from benchmarks.method import Measurement, interleaved
from lama.batch import inpaint_files
from lama.inference import Inpainter

LARGE, SMALL = (6000, 8000), (1000, 1000)


def hole_not_photo(inpainter: Inpainter, repeats: int) -> list[Measurement]:
    """A 100x100 hole in 48 megapixels against the same hole in 1 megapixel.

    In place, and with a copy of the photo as the result: then the copy is all that grows.
    """
    calls = {
        f"100x100 hole in {h * w / 1e6:.0f} megapixels, {how}": _filling(inpainter, h, w, how)
        for how in ("in place", "copied")
        for h, w in (SMALL, LARGE)
    }
    seconds = interleaved(calls, repeats)
    least = next(iter(seconds.values())).median
    return [
        Measurement(name, timing, {"ratio": timing.median / least})
        for name, timing in seconds.items()
    ]


def several_holes(inpainter: Inpainter, repeats: int) -> list[Measurement]:
    """Six holes of one size in 6 megapixels: filled in one pass, and one call a hole."""
    photo = np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), dtype=np.uint8)
    masks = []
    for y in (500, 1400):
        for x in (400, 1400, 2400):
            mask = np.zeros(photo.shape[:2], bool)
            mask[y : y + 60, x : x + 60] = True
            masks.append(mask)
    every = np.logical_or.reduce(masks)
    calls = {
        "6 holes, one call each": lambda: [inpainter.fill(photo, m, out=photo) for m in masks],
        "6 holes, one call": lambda: inpainter.fill(photo, every, out=photo),
    }
    seconds = interleaved(calls, repeats)
    each, one = seconds.values()
    ratio = {"times_as_fast": each.median / one.median}
    return [Measurement(name, timing, ratio) for name, timing in seconds.items()]


def memory(how: str) -> float:
    """Peak megabytes above the decoded 48-megapixel photo, in a fresh process (Linux)."""
    code = f"from benchmarks.photos import _peak; print(_peak({how!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600
    )
    return float(done.stdout.split()[-1])


def throughput(repeats: int, precision: str = "auto") -> list[Measurement]:
    """Eight 512x512 photos in a folder: one call after another, and as `lama inpaint` does it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write_photos(folder, 8)
        alone, shared = (lama.load("lama-tiny", "cpu", precision) for _ in range(2))
        workers, prepare = shared.share_cores()
        cores = torch.get_num_threads()

        def one_after_another() -> None:
            torch.set_num_threads(cores)
            _clear(folder / "out")
            for photo in sorted((folder / "photos").iterdir()):
                inpaint_files(alone.fill, photo, folder / "mask.png", folder / "out")

        def together() -> None:
            _clear(folder / "out")
            inpaint_files(
                shared.fill,
                folder / "photos",
                folder / "mask.png",
                folder / "out",
                workers=workers,
                prepare=prepare,
            )

        calls = {
            "8 photos, one call after another": one_after_another,
            "8 photos, as a folder": together,
        }
        seconds = interleaved(calls, repeats, warm_up=1)
        torch.set_num_threads(cores)
    one, many = seconds.values()
    ratio = {"times_as_fast": one.median / many.median}
    return [Measurement(name, timing, ratio) for name, timing in seconds.items()]


def _filling(inpainter: Inpainter, height: int, width: int, how: str):  # noqa: ANN202
    photo = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), bool)
    mask[height // 2 : height // 2 + 100, width // 2 : width // 2 + 100] = True
    return lambda: inpainter.fill(photo, mask, out=photo if how == "in place" else None)


def _peak(how: str) -> float:
    inpainter = lama.load("lama-tiny", "cpu")
    _filling(inpainter, *SMALL, how)()
    call = _filling(inpainter, *LARGE, how)
    # Linux: from here on the peak counts anew.
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_so_far()
    call()
    return (_peak_so_far() - before) / 1024


def _peak_so_far() -> int:
    """Kilobytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def _write_photos(folder: Path, count: int) -> None:
    (folder / "photos").mkdir()
    rng = np.random.default_rng(1)
    for i in range(count):
        noise = Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
        noise.resize((512, 512), Image.Resampling.BICUBIC).save(folder / f"photos/{i}.jpg")
    mask = np.zeros((512, 512), np.uint8)
    mask[150:360, 160:330] = 255
    Image.fromarray(mask).save(folder / "mask.png")


def _clear(folder: Path) -> None:
    for path in folder.glob("*"):
        path.unlink()
