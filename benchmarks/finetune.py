"""Does fine-tuning on one shape of masks help with that shape, and does the guard hold?

    python -m benchmarks.finetune --photos DIR [--steps 300] [--seeds 0 1 2] [--output FILE.json]

The shape is writing: one to four rows of small marks, as over captions and watermarks. `--masks`
(60) of them are the saved masks of a dataset; photos and a fifth of the masks are held out. Each
seed fine-tunes `lama-tiny` and is judged on held-out writing and on thin, thick and box holes, as
`python -m lama finetune` does it. One more run has a learning rate a thousand times too high and
has to be refused. The figures are the relative change against the base, below 0 is better.
"""

import argparse
import json
import shutil
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import datasets
import numpy as np

from benchmarks.method import inputs, machine
from lama.training.finetune import Plan, finetune, gather
from masks.arguments import LeavingParser, natural, positive

HEIGHT, WIDTH = 384, 512
RUINOUS = 0.1  # the preset's rate is 1e-4
MARGIN = 0.02


def writing(rng: np.random.Generator) -> np.ndarray:
    """Rows of marks as a hand or a caption writes them: uint8 (H, W), 255 = hole."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    size = int(rng.integers(14, 34))
    top = int(rng.integers(10, HEIGHT - 5 * size))
    for row in range(int(rng.integers(1, 5))):
        x = int(rng.integers(8, 80))
        base = top + round(1.6 * size * (row + 1))
        end = int(rng.integers(WIDTH // 2, WIDTH - 8))
        while x < end and base < HEIGHT - 4:
            letters = int(rng.integers(2, 8))
            for _ in range(letters):
                if x >= end:
                    break
                _mark(mask, x, base, size, rng)
                x += round(0.7 * size)
            x += round(0.6 * size)
    return mask


def _mark(mask: np.ndarray, x: int, base: int, size: int, rng: np.random.Generator) -> None:
    """One letter-like mark: two or three short strokes in its box."""
    points = rng.integers(0, size, (int(rng.integers(3, 5)), 2))
    places = [(x + int(0.6 * px), base - int(py)) for px, py in points]
    thickness = max(2, size // 6)
    for one, other in pairwise(places):
        cv2.line(mask, one, other, 255, thickness)


def make_dataset(folder: Path, count: int) -> Path:
    """Approved masks as a dataset of the app has them, without photos of their own."""
    pictures = [writing(np.random.default_rng([11, i])) for i in range(count)]
    encoded = [cv2.imencode(".png", picture)[1].tobytes() for picture in pictures]
    table = datasets.Dataset.from_dict(
        {
            "mask": [{"bytes": data, "path": None} for data in encoded],
            "status": ["approved"] * count,
        },
        features=datasets.Features(mask=datasets.Image(mode="L"), status=datasets.Value("string")),
    )
    (folder / "data").mkdir(parents=True)
    table.to_parquet(folder / "data" / "train-0.parquet")
    return folder


def run(options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """All seeds, and the ruined run."""
    dataset = str(make_dataset(place / "masks", options.masks))

    def plan(name: str, **changes: Any) -> Plan:  # noqa: ANN401 - fields of a Plan
        given = {"steps": options.steps, "cases": options.cases, "margin": MARGIN, **changes}
        return Plan(dataset, place / name, place / "models", photos=tuple(options.photos), **given)

    with inputs():
        gather(plan("first"))  # what every seed reads
    seeds = {}
    for seed in options.seeds:
        outcome = finetune(plan(f"seed-{seed}", seed=seed))
        if outcome.verdict is None:
            sys.exit(f"seed {seed}: {outcome.message}")
        report = json.loads((place / f"seed-{seed}" / "report.json").read_text())
        seeds[str(seed)] = {
            "phase": outcome.phase,
            "changes": outcome.verdict.changes,
            "shapes": report["shapes"],
            "held_out": {"masks": report["plan"]["masks"], "photos": report["plan"]["photos"]},
        }
        if options.keep:
            picture = place / f"seed-{seed}" / "before-after.png"
            shutil.move(picture, options.keep / f"{seed}.png")  # perhaps to another file system
        print(json.dumps({seed: outcome.verdict.changes}), flush=True)
    ruined = finetune(plan("ruined", lr=RUINOUS, steps=min(60, options.steps)))
    return {
        "steps": options.steps,
        "margin": MARGIN,
        "seeds": seeds,
        "ruined": {"lr": RUINOUS, "phase": ruined.phase, "message": ruined.message},
        "machine": machine(),
    }


def table(found: dict[str, Any]) -> str:
    """A row a shape and metric, a column a seed."""
    seeds = found["seeds"]
    lines = ["| holes | metric | " + " | ".join(f"seed {s}" for s in seeds) + " | mean |"]
    lines.append("|---" * (len(seeds) + 3) + "|")
    first = next(iter(seeds.values()))["changes"]
    for shape, by_metric in first.items():
        for metric in by_metric:
            values = [one["changes"][shape][metric] for one in seeds.values()]
            cells = [f"{value:+.1%}" for value in (*values, float(np.mean(values)))]
            label = "writing" if shape == "saved" else shape
            lines.append(f"| {label} | {metric} | {' | '.join(cells)} |")
    return "\n".join(lines)


def holds(found: dict[str, Any]) -> bool:
    """Whether every seed got better at writing and no worse elsewhere, and the guard refused."""
    good = all(
        one["phase"] == "promoted" and one["changes"]["saved"]["lpips-vgg"] < 0
        for one in found["seeds"].values()
    )
    return good and found["ruined"]["phase"] in ("refused", "failed")


def main() -> int:
    """Run and print; 1 if it does not hold."""
    parser = LeavingParser("python -m benchmarks.finetune", description=__doc__)
    parser.add_argument("--photos", nargs="+", required=True, metavar="DIR")
    parser.add_argument("--steps", type=positive, default=300)
    parser.add_argument("--seeds", type=natural, nargs="+", default=[0, 1, 2])
    parser.add_argument("--masks", type=positive, default=60)
    parser.add_argument("--cases", type=positive, default=24)
    parser.add_argument("--keep", type=Path, help="folder for the pictures of before and after")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    if options.keep:
        with inputs():
            options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found = run(options, Path(folder))
    print(table(found))
    print(f"ruined run (rate {RUINOUS}): {found['ruined']['phase']}: {found['ruined']['message']}")
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if holds(found) else 1


if __name__ == "__main__":
    sys.exit(main())
