"""How well one click or one box selects an object: python -m benchmarks.selection FOLDER.

FOLDER has photos with annotated objects (see masks.annotations). The click is the centre of the
object's distance transform, the box is its bounding box. Prints intersection over union and
seconds for every provider; --output writes the same as JSON.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import lama.selection
from benchmarks.method import inputs, machine
from masks.annotations import annotated_photos
from masks.arguments import LeavingParser, positive
from masks.base import Image, Mask
from masks.files import read_image
from masks.opencv_selectors import FloodFill, GrabCut, Regions
from masks.selection import Prompt, Provider

SIZES = ((0.0, "all"), (0.005, "0.5 %"), (0.02, "2 %"))
"""Smallest share of the photo that counts, and how the column is called."""
SPEED_SIDE = 1024


def providers() -> dict[str, Provider]:
    """Return what is compared, by the name that --providers takes."""
    return {
        "flood-fill": FloodFill(),
        "grabcut": GrabCut(),
        "regions": Regions(),
        "default": lama.selection.default(),
    }


def prompts(mask: Mask) -> tuple[Prompt, Prompt]:
    """Return one click, at the centre of the distance transform, and the bounding box."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = divmod(int(depth.argmax()), mask.shape[1])
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return Prompt(points=((x, y),)), Prompt(box=(left, top, left + width, top + height))


def overlap(one: Mask, other: Mask) -> float:
    """Return intersection over union."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def objects(folder: Path, limit: int | None) -> Iterator[tuple[Image, list[Mask]]]:
    """Yield photos with their annotated objects."""
    for entry in annotated_photos(folder)[:limit]:
        labels = entry.read()
        yield read_image(entry.photo), [labels == k for k in np.unique(labels) if k]


def measure(provider: Provider, folder: Path, limit: int | None) -> NDArray[np.float64]:
    """Return (objects, 3): share of the photo, overlap by click, overlap by box."""
    rows = []
    for image, masks in objects(folder, limit):
        for mask in masks:
            answers = [overlap(provider.select(image, prompt), mask) for prompt in prompts(mask)]
            rows.append([mask.mean(), *answers])
    return np.array(rows)


def seconds(provider: Provider, folder: Path, limit: int | None) -> tuple[list[float], list[float]]:
    """Return seconds of first and second clicks on photos of 1024 pixels' longer side."""
    first, second = [], []
    for image, masks in objects(folder, limit):
        factor = SPEED_SIDE / max(image.shape[:2])
        size = round(image.shape[1] * factor), round(image.shape[0] * factor)
        large = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
        height, width = large.shape[:2]
        clicks = [prompts(mask)[0].points[0] for mask in (masks * 2)[:2]]
        for (x, y), times in zip(clicks, (first, second), strict=False):
            point = min(width - 1.0, x * factor), min(height - 1.0, y * factor)
            began = time.perf_counter()
            provider.select(large, Prompt(points=(point,)))
            times.append(time.perf_counter() - began)
    return first, second


def summary(rows: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Return mean and median overlap by size of the object."""
    table = {}
    for least, name in SIZES:
        some = rows[rows[:, 0] >= least]
        table[name] = {"objects": len(some)}
        for column, prompt in ((1, "click"), (2, "box")):
            values = some[:, column] if len(some) else np.zeros(1)
            table[name][f"{prompt}_mean"] = round(float(values.mean()), 4)
            table[name][f"{prompt}_median"] = round(float(np.median(values)), 4)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print one table, write JSON where asked."""
    parser = LeavingParser("python -m benchmarks.selection", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--providers", nargs="+", choices=sorted(providers()))
    parser.add_argument("--limit", type=positive, help="only so many photos")
    parser.add_argument("--speed-photos", type=positive, default=10, help="photos for the seconds")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    options = parser.parse_args(arguments)
    with inputs():
        annotated_photos(options.folder)
    head = [f"{prompt} {name}" for _, name in SIZES for prompt in ("click", "box")]
    print(f"| provider | {' | '.join(head)} | first click | second click |")
    print("|---|" + "---|" * (len(head) + 2), flush=True)
    report: dict[str, object] = {"machine": machine(), "folder": options.folder.name}
    for name, provider in providers().items():
        if options.providers and name not in options.providers:
            continue
        table = summary(measure(provider, options.folder, options.limit))
        times = [np.median(s) for s in seconds(provider, options.folder, options.speed_photos)]
        cells = [
            f"{row[f'{prompt}_mean']:.3f} ({row[f'{prompt}_median']:.3f})"
            for row in table.values()
            for prompt in ("click", "box")
        ]
        print(f"| {name} | {' | '.join(cells)} | {times[0]:.3f} s | {times[1]:.3f} s |", flush=True)
        report[name] = {
            "overlap": table,
            "first_click_seconds": round(float(times[0]), 4),
            "second_click_seconds": round(float(times[1]), 4),
        }
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
