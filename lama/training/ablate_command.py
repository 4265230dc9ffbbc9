"""The verb `ablate` of the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from masks.arguments import natural, positive

# Torch and the rest of training are imported when the verb runs, not when --help is asked for.
if TYPE_CHECKING:
    from lama.training.ablation import Variant
    from lama.training.run import Run

METRICS = ["l1", "lpips-alex", "lpips-vgg"]


def add_ablate(parser: argparse.ArgumentParser) -> None:
    """Give a parser the flags of `ablate`; `run` is set as its default `run`."""
    add = parser.add_argument
    add("--photos", nargs="+", required=True, metavar="SOURCE", help="to train on, as in `train`")
    add("--eval-photos", type=Path, nargs="+", required=True, metavar="DIR", help="to measure on")
    add(
        "--run-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="one subfolder per run, and the report",
    )
    add(
        "--preset",
        default="lama-tiny-128",
        help="the base: its generator, losses and sizes (lama-tiny-128)",
    )
    add("--study", nargs="+", metavar="NAME", help="ffc, losses, masks (all three)")
    add("--perceptual", metavar="FILE", help="the paper's ADE20K encoder, where it is at hand")
    add("--steps", type=positive, help="length of every run (preset's otherwise)")
    add("--batch", type=positive, help="samples per step (preset's otherwise)")
    add("--crop", type=positive, help="side of the training crops in pixels (preset's otherwise)")
    add("--seed", type=natural, default=0, help="of samples and new weights, in every run (0)")
    add("--workers", type=natural, metavar="N", help="processes that make samples, as in `train`")
    add("--save-every", type=positive, default=500, metavar="STEPS",
        help="steps between checkpoints (500)")  # fmt: skip
    add("--mixed-precision", choices=("auto", "no", "bf16"), help="as in `train`")
    add(
        "--strategy",
        nargs="+",
        default=["narrow", "thick"],
        help="holes to measure on (narrow thick)",
    )
    add(
        "--size",
        type=positive,
        nargs="+",
        default=[256],
        help="sizes to measure at, in pixels (256)",
    )
    add("--metrics", nargs="+", default=METRICS, help=f"what to measure ({' '.join(METRICS)})")
    add("--limit", type=positive, metavar="N", help="measure on the first N photos only")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ablate as the flags say; returns the exit code."""
    from lama.training.ablation import STUDIES, ablate, variants
    from lama.training.cases import cells
    from lama.training.dataset_photos import open_photos
    from lama.training.evaluate import EvalConfig
    from lama.training.photos import find_photos
    from lama.training.run import Run
    from lama.training.setup import configure

    changed = ("steps", "batch", "crop", "seed", "perceptual", "mixed_precision", "workers")
    base = configure(options.preset, {name: getattr(options, name) for name in changed})
    # Made first: what cannot be measured should be known before hours of training.
    measured = cells(options.strategy, options.size)
    evaluation = EvalConfig(options.eval_photos, measured, options.metrics, options.limit)
    _check_unseen(options.photos, find_photos(options.eval_photos)[: options.limit])
    photos, everything, _ = open_photos(options.photos, 0)
    names = [Path(everything.name(index)).name for index in range(len(everything))]

    def start(variant: Variant, place: Path) -> Run:
        return Run(variant.config, place, photos, sources=options.photos)

    wanted = variants(base, options.study or STUDIES)
    text = ablate(wanted, options.run_dir, start, evaluation, names, options.save_every)
    if text is not None:
        sys.stdout.write(f"{text}\n\nwritten: {options.run_dir / 'ablation.md'}\n")
    return 0


def _check_unseen(sources: Sequence[str], measured: Sequence[Path]) -> None:
    """ValueError if a photo that is measured on is in a folder that is trained on, or its copy."""
    from lama.training.photos import find_photos, twins

    folders = [Path(source) for source in sources if not source.startswith("hf:")]
    shown = find_photos(folders) if folders else []
    first = twins([path.resolve() for path in (*shown, *measured)])
    seen = set(first[: len(shown)])
    both = [path for path, like in zip(measured, first[len(shown) :], strict=True) if like in seen]
    if both:
        raise ValueError(
            f"{len(both)} of the photos to measure on would be trained on, such as {both[0]}: "
            "--photos and --eval-photos must share none"
        )
