"""Feature refinement against the plain pass: python -m benchmarks.refinement --photos DIR.

Centre squares of photos with the paper's thick masks, large holes at a size above what the network
was trained at. LPIPS and masked L1 of the plain fill and of the one with refined features, and
whether the consistency loss went down at every pass.

For networks without copies, such as the published layouts: those that copy are not refined.
Refinement was made for networks that look at a picture once. With --in-one-go a network that is
coarse to fine by itself does so as well, and fills the whole from a pull-push guess.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch

import lama
import masks
from benchmarks.method import inputs, machine
from lama.arrays import to_tensor, to_uint8
from lama.checkpoint import build
from lama.config import UNetConfig
from lama.refinement import refine
from lama.training.perceptual import LPIPS
from lama.training.photos import find_photos, read_rgb
from lama.training.validation import centre_square
from masks.arguments import LeavingParser, positive


def main() -> int:
    """Measure, print, write JSON and a sheet where asked."""
    parser = LeavingParser("python -m benchmarks.refinement", description=__doc__)
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--size", type=positive, default=1024)
    parser.add_argument("--limit", type=positive, default=16, help="photos")
    parser.add_argument("--model", default="big-lama", help="a name or a path")
    parser.add_argument("--strategy", default="thick")
    parser.add_argument("--in-one-go", action="store_true", help="without a coarse pass of its own")
    parser.add_argument("--output", type=Path, help="report.json; pictures land beside it")
    options = parser.parse_args()
    with inputs():
        every = find_photos(options.photos)
        inpainter = lama.load(options.model, precision="fp32")
        masks.get(options.strategy)
    chosen = every[:: max(1, len(every) // options.limit)][: options.limit]
    distance = LPIPS("alex")
    if inpainter.generator.copier is not None:
        parser.error(f"{options.model} copies, so its features are not refined")
    if options.in_one_go:
        inpainter = _in_one_go(inpainter, options.size)
    rows, sheet = [], []
    for i, path in enumerate(chosen):
        photo = read_rgb(path)
        assert photo is not None, path
        image = centre_square(photo, options.size)
        mask = _thick(options.strategy, image, i)
        fills, row = _fills(inpainter, image, mask)
        for name, filled in fills.items():
            row[f"lpips_{name}"] = float(distance(to_tensor(filled), to_tensor(image)))
            difference = np.abs(filled.astype(float) - image)[mask]
            row[f"l1_{name}"] = float(difference.mean() / 255)
        rows.append({"photo": path.name, "hole": float(mask.mean()), **row})
        print(json.dumps(rows[-1]), flush=True)
        holed = np.where(mask[..., None], np.uint8(128), image)
        pictures = [holed, *fills.values(), image]
        sheet.append(np.hstack([cv2.resize(p, (384, 384)) for p in pictures]))
    asked = {k: v for k, v in vars(options).items() if k not in ("photos", "output")}
    asked["photos"] = [folder.name for folder in options.photos]
    report = {"machine": machine(), "options": asked, **_summary(rows), "rows": rows}
    print(json.dumps({k: v for k, v in report.items() if k != "rows"}, indent=1))
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=1) + "\n")
        picture = np.vstack(sheet)[..., ::-1]
        cv2.imwrite(str(options.output.with_suffix(".jpg")), np.ascontiguousarray(picture))
    return 0


def _in_one_go(inpainter: lama.Inpainter, size: int) -> lama.Inpainter:
    """The same weights, without a pass at a smaller size first."""
    old = inpainter.generator
    if not isinstance(old.config, UNetConfig):
        return inpainter  # the published layout looks once as it is
    generator = build(replace(old.config, base=4 * size))
    generator.load_state_dict(old.state_dict())
    return lama.Inpainter(generator, name=f"{inpainter.name} in one go", precision="fp32")


def _thick(strategy: str, image: np.ndarray, seed: int) -> np.ndarray:
    """Holes of the strategy as drawn at 512 px, enlarged: as large a part of the picture."""
    small = cv2.resize(image, (512, 512), interpolation=cv2.INTER_AREA)
    mask = masks.get(strategy)(small, np.random.default_rng([11, seed]))
    size = (image.shape[1], image.shape[0])
    grown = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(grown > 0)


def _fills(
    inpainter: lama.Inpainter, image: np.ndarray, mask: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    began = time.perf_counter()
    plain = inpainter.fill(image, mask)
    middle = time.perf_counter()
    refined, losses = refine(inpainter.generator, to_tensor(image), to_tensor(mask))
    row: dict[str, object] = {
        "seconds_plain": middle - began,
        "seconds_refined": time.perf_counter() - middle,
        "losses": [[round(x, 5) for x in passes] for passes in losses],
        "lower_at_the_end": all(passes[-1] <= passes[0] for passes in losses),
        "passes_that_rose": sum(b > a for passes in losses for a, b in pairwise(passes)),
    }
    return {"plain": plain, "refined": to_uint8(refined)}, row


def _summary(rows: list[dict]) -> dict[str, float]:
    """Means of what was measured of every photo, and how often refinement won."""
    numbers = {
        key: float(np.mean([row[key] for row in rows]))
        for key, value in rows[0].items()
        if isinstance(value, float)
    }
    wins = sum(row["lpips_refined"] < row["lpips_plain"] for row in rows)
    rose = sum(row["passes_that_rose"] for row in rows)
    return {**numbers, "n": len(rows), "refined_wins": wins, "passes_that_rose": rose}


if __name__ == "__main__":
    torch.manual_seed(0)
    sys.exit(main())
