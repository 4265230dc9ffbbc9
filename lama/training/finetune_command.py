"""The verb `finetune` of the command line."""

from __future__ import annotations

import argparse
import time
from dataclasses import fields
from pathlib import Path

from lama.training.defaults import CASES, FINE_TUNE, MARGIN
from masks.arguments import natural, positive


def add_finetune(parser: argparse.ArgumentParser) -> None:
    """Give a parser the flags of `finetune`; `run` is set as its default `run`."""
    add, usual = parser.add_argument, FINE_TUNE
    add(
        "--masks-from",
        required=True,
        metavar="DATASET",
        help="saved masks: the app's dataset folder (data/dataset), or a dataset on the Hub",
    )
    add(
        "--photos",
        nargs="+",
        default=(),
        metavar="SOURCE",
        help="folders, or datasets as in `train` (the photos of --masks-from otherwise)",
    )
    add("--init", default="lama-tiny", metavar="MODEL",
        help="what to start from and be compared with: a name or a path (lama-tiny)")  # fmt: skip
    add("--run-dir", type=Path, metavar="DIR", help="everything is written here (data/runs/DATE)")
    add("--models-dir", type=Path, default=Path("data/models"), metavar="DIR",
        help="folder for promoted models (data/models, where the app finds them)")  # fmt: skip
    add("--steps", type=positive, help=f"length of the run ({usual.steps})")
    add("--batch", type=positive, help=f"samples per step ({usual.batch})")
    add("--lr", type=float, help=f"learning rate ({usual.lr:g})")
    add("--masks-share", type=float, metavar="SHARE",
        help=f"share of holes that are saved masks ({usual.masks_share:g})")  # fmt: skip
    add("--seed", type=natural, help=f"of samples and new weights ({usual.seed})")
    add("--workers", type=natural, metavar="N", help="processes that make samples, as in `train`")
    add("--cases", type=positive, default=CASES, metavar="N",
        help=f"holes of each shape to judge by ({CASES})")  # fmt: skip
    add("--margin", type=float, default=MARGIN, metavar="SHARE",
        help=f"largest relative loss allowed on any hole shape ({MARGIN:g})")  # fmt: skip
    add("--resume", action="store_true", help="continue the run in --run-dir")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fine-tune as the flags say: 0 promoted, 1 refused or failed, 2 bad input, 3 stopped."""
    from lama.training.finetune import Plan, finetune

    if options.margin < 0:
        raise ValueError("--margin is 0 or more")
    if options.resume and options.run_dir is None:
        raise ValueError("--resume goes on with the run in a folder: say which with --run-dir")
    folder = options.run_dir or Path("data/runs") / time.strftime("%Y%m%d-%H%M%S")
    # Most flags are called like the fields of a plan.
    names = [field.name for field in fields(Plan) if field.name in options]
    plan = {name: getattr(options, name) for name in names}
    plan |= {"dataset": options.masks_from, "run_dir": folder, "photos": tuple(options.photos)}
    outcome = finetune(Plan(**plan))
    print(f"{outcome.phase}: {outcome.message}")
    if (folder / "report.md").exists():
        print(f"report: {folder / 'report.md'}, pictures: {folder / 'before-after.png'}")
    return {"promoted": 0, "refused": 1, "failed": 1, "stopped": 3}[outcome.phase]
