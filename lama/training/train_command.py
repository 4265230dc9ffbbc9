"""The verb `train` of the command line: flags, and from flags to a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lama.training.config import PRESETS
from masks.arguments import natural, positive

# Torch and the rest of training are imported when the verb runs, not when --help is asked for.
if TYPE_CHECKING:
    from lama.training.config import TrainConfig

# Presets where none is named. The one called `lama-tiny` is a late phase: nothing starts with it.
USUAL, WITH_INIT, WITH_MASKS = "lama-tiny-64", "lama-tiny", "fine-tune"


def add_train(parser: argparse.ArgumentParser) -> None:
    """Give a parser the flags of `train`; `run` is set as its default `run`."""
    add = parser.add_argument
    add(
        "--photos",
        nargs="+",
        metavar="SOURCE",
        help="folders, or datasets: hf:NAME_OR_PATH[:SPLIT[:IMAGE_COLUMN[:MASK_COLUMN]]]; "
        "with --masks-from, that dataset's own photos otherwise",
    )
    add("--stream", action="store_true", help="read the one dataset in --photos as a stream")
    add("--run-dir", type=Path, required=True, metavar="DIR", help="everything is written here")
    add("--preset", help=f"{', '.join(PRESETS)} (default: {USUAL}; with --init, {WITH_INIT}; "
        f"with --masks-from, {WITH_MASKS})")  # fmt: skip
    add("--perceptual", metavar="FILE", help="the paper's ADE20K encoder, where it is at hand")
    add("--init", metavar="MODEL", help="start from these weights: a name from `models`, or a path")
    add(
        "--resume",
        action="store_true",
        help="continue from the last saved state, with the run's own options",
    )
    add(
        "--masks-from",
        metavar="DATASET",
        help="fine-tune the weights of --init on saved masks: the app's dataset folder, or a "
        f"dataset on the Hub. Changes the defaults: --preset {WITH_MASKS}, --freeze-batchnorm, and "
        "the dataset's own photos",
    )
    _add_changes(parser)
    parser.set_defaults(run=run)


def _add_changes(parser: argparse.ArgumentParser) -> None:
    """What changes the preset, or how the run goes along."""
    add = parser.add_argument
    add(
        "--masks",
        metavar="STRATEGY",
        help="how holes are drawn: a strategy (training), fitted:FILE.json or folder:DIR",
    )
    add("--masks-share", type=float, metavar="SHARE",
        help="share of holes that are saved masks, with --masks-from "
        f"({PRESETS[WITH_MASKS].masks_share:g})")  # fmt: skip
    add(
        "--freeze-batchnorm",
        action=argparse.BooleanOptionalAction,
        help="keep the batch statistics of --init (default with --masks-from)",
    )
    add("--steps", type=positive, help="length of the run (preset's otherwise)")
    add(
        "--batch",
        type=positive,
        help="samples per step of all processes together (preset's otherwise)",
    )
    add("--lr", type=float, help="the generator's learning rate (preset's otherwise)")
    add("--seed", type=natural, help="of samples and new weights (0)")
    add(
        "--mixed-precision",
        choices=("auto", "no", "bf16"),
        help="bf16 convolutions; auto: where the machine has them (default, but not for "
        "lama-fourier and big-lama)",
    )
    add("--workers", type=natural, metavar="N", help="processes that make samples for each process "
        "that trains (1 on a CPU; on GPUs the cores that there are, at most 8)")  # fmt: skip
    add("--save-every", type=positive, default=500, metavar="STEPS",
        help="steps between checkpoints (500)")  # fmt: skip
    add("--track", metavar="PROJECT", help="send metrics and samples to a local trackio dashboard")
    add("--holdout", type=natural, metavar="N", help="photos kept aside to watch the run by (48)")


def run(options: argparse.Namespace) -> int:
    """Train as the flags say; returns the exit code."""
    import masks
    from lama import registry
    from lama.training.config import to_json
    from lama.training.dataset_photos import open_photos
    from lama.training.holdout import HoldOut
    from lama.training.logged import load_masks
    from lama.training.loop import Run, train
    from lama.training.state import goes_on
    from lama.training.tracking import Tracker
    from lama.training.validation import Validation

    going_on = goes_on(options.run_dir, options.resume)
    init = registry.locate(options.init)[0] if options.init and not going_on else None
    if going_on:
        _check_masks(options)
    config = asked(options, init, going_on)
    sources = options.photos or _own_photos(options.masks_from)
    held = HoldOut.of(options.run_dir, options.holdout, going_on)
    training, everything, taken = open_photos(sources, held, streaming=options.stream)
    watched = (everything.read(index) for index in taken)
    readable = (photo.image for photo in watched if photo is not None)
    validation = Validation(readable, masks.get(config.masks)) if taken else None
    logged = load_masks(options.masks_from) if options.masks_from else None
    if logged:
        print(f"{len(logged)} saved masks for {config.masks_share:.0%} of the samples")
    started = Run(
        config, options.run_dir, training, validation=validation, logged=logged, sources=sources
    )
    if going_on:
        started.resume()
        print(f"going on from step {started.step}")
    elif init:
        started.start_from(init)
    elif options.resume:
        print(f"nothing to resume in {options.run_dir}: starting anew")
    if started.accelerator.is_main_process and held.record is None:
        held.write(options.run_dir)
    if options.track and started.accelerator.is_main_process:
        name = options.run_dir.resolve().name
        started.tracker = Tracker(options.track, name, to_json(started.config))
    train(started, save_every=options.save_every)
    return 0


def asked(options: argparse.Namespace, init: Path | None, going_on: bool = False) -> TrainConfig:
    """The run that the flags ask for.

    Args:
        options: parsed flags.
        init: the weights that a new run starts from.
        going_on: whether it is the one in `--run-dir`.
    """
    from lama.training.setup import FIXED, FREE, configure, resumed

    changes = {name: getattr(options, name) for name in (*FREE, *FIXED)}
    if going_on:
        return resumed(options.run_dir, changes, options.preset)
    if options.masks_from and changes["freeze_batchnorm"] is None:
        changes["freeze_batchnorm"] = True
    usual = WITH_MASKS if options.masks_from else WITH_INIT if init else USUAL
    return configure(options.preset or usual, changes, init)


def _own_photos(dataset: str | None) -> list[str]:
    """The address of the photos that saved masks were drawn on."""
    from lama.training.logged import locate

    if dataset is None:
        raise ValueError("--photos says what to train on: folders, or hf:NAME_OR_PATH")
    return [f"hf:{locate(dataset)}"]


def _check_masks(options: argparse.Namespace) -> None:
    """ValueError if a run that goes on had saved masks and now would not, or the other way."""
    from lama.checkpoint import read_meta
    from lama.training.state import WEIGHTS

    weights = options.run_dir / WEIGHTS
    meta = read_meta(weights) if weights.exists() else {}
    before = meta.get("provenance", {}).get("data", {}).get("masks_from", "")
    if before and not options.masks_from:
        raise ValueError(f"{options.run_dir} learns from the saved masks of {before}: name them")
    if options.masks_from and meta and not before:
        raise ValueError(f"{options.run_dir} began without saved masks: leave --masks-from out")
