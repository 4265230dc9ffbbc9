"""The verb `finetune` of the command line."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from masks.arguments import natural, positive


def add_finetune(parser: argparse.ArgumentParser) -> None:
    """Give a parser the flags of `finetune`; `run` is set as its default `run`."""
    add = parser.add_argument
    add(
        "--masks-from",
        required=True,
        metavar="DATASET",
        help="saved masks: data/dataset, or a name",
    )
    add("--photos", nargs="+", default=(), metavar="SOURCE", help="the dataset's own otherwise")
    add(
        "--init",
        default="lama-tiny",
        metavar="MODEL",
        help="what to start from, and to be compared with",
    )
    add("--run-dir", type=Path, metavar="DIR", help="everything is written here (data/runs/DATE)")
    add("--models-dir", type=Path, default=Path("data/models"), metavar="DIR",
        help="where a model goes that is good enough; the app looks into data/models")  # fmt: skip
    add("--steps", type=positive, help="length of the run (1000)")
    add("--batch", type=positive, help="samples a step (8)")
    add("--lr", type=float, help="learning rate (1e-4)")
    add(
        "--masks-share",
        type=float,
        metavar="SHARE",
        help="share of holes that are saved masks (0.5)",
    )
    add("--seed", type=natural, help="of samples and new weights (0)")
    add("--workers", type=natural, metavar="N", help="processes that make samples, as in `train`")
    add("--cases", type=positive, default=24, metavar="N", help="holes of each shape to judge by")
    add(
        "--margin",
        type=float,
        default=0.02,
        metavar="SHARE",
        help="loss on any shape that is allowed",
    )
    add("--resume", action="store_true", help="go on with the run in --run-dir")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fine-tune as the flags say: 0 promoted, 1 refused or failed, 2 bad input, 3 stopped."""
    from lama.training.finetune import Plan, finetune

    if options.margin < 0:
        raise ValueError("--margin is 0 or more")
    if options.resume and options.run_dir is None:
        raise ValueError("--resume goes on with the run in a folder: say which with --run-dir")
    folder = options.run_dir or Path("data/runs") / time.strftime("%Y%m%d-%H%M%S")
    outcome = finetune(
        Plan(
            dataset=options.masks_from,
            run_dir=folder,
            models_dir=options.models_dir,
            init=options.init,
            photos=tuple(options.photos),
            steps=options.steps,
            batch=options.batch,
            lr=options.lr,
            masks_share=options.masks_share,
            seed=options.seed,
            workers=options.workers,
            cases=options.cases,
            margin=options.margin,
            resume=options.resume,
        )
    )
    print(f"{outcome.phase}: {outcome.message}")
    if (folder / "report.md").exists():
        print(f"report: {folder / 'report.md'}, pictures: {folder / 'before-after.png'}")
    return {"promoted": 0, "refused": 1, "failed": 1, "stopped": 3}[outcome.phase]
