"""The verb `train` of the command line: flags, and from flags to a run."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

# Torch and the rest of training are imported when the verb runs, not when --help is asked for.
if TYPE_CHECKING:
    from lama.training.config import TrainConfig


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
    add("--preset", help="lama-tiny (default), lama-tiny-64, -128, -192, big-lama, fine-tune...")
    add("--init", metavar="MODEL", help="start from these weights: a name from `models`, or a path")
    add("--resume", action="store_true", help="go on from the run folder's last state")
    add(
        "--masks-from",
        metavar="DATASET",
        help="fine-tune on saved masks: the app's dataset folder, or a dataset on the Hub",
    )
    add("--masks", metavar="STRATEGY", help="how holes are drawn (training), or fitted:FILE.json")
    add("--masks-share", type=float, metavar="SHARE", help="share of holes that are saved masks")
    add(
        "--freeze-batchnorm",
        action=argparse.BooleanOptionalAction,
        help="keep the batch statistics of --init (default with --masks-from)",
    )
    add("--steps", type=int, help="length of the run (preset's otherwise)")
    add("--batch", type=int, help="samples a step over all processes (preset's otherwise)")
    add("--lr", type=float, help="the generator's learning rate (preset's otherwise)")
    add("--seed", type=int, default=0)
    add(
        "--mixed-precision",
        choices=("auto", "no", "bf16"),
        default="auto",
        help="bf16 convolutions; auto: where the machine has them",
    )
    add("--save-every", type=int, default=500, metavar="STEPS")
    add("--track", metavar="PROJECT", help="send metrics and samples to a local trackio dashboard")
    add("--holdout", type=int, default=48, help="photos kept aside to watch the run by")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train as the flags say; returns the exit code."""
    import masks
    from lama.training.config import to_json
    from lama.training.dataset_photos import open_photos
    from lama.training.logged import load_masks
    from lama.training.loop import Run, train
    from lama.training.provenance import data_of
    from lama.training.tracking import Tracker
    from lama.training.validation import Validation

    if not options.resume and (options.run_dir / "state.pt").exists():
        raise ValueError(f"{options.run_dir} holds a run already; add --resume, or take another")
    init = weights_of(options.init) if options.init else None
    config = configure(options, init)
    sources = options.photos or _own_photos(options.masks_from)
    training, everything, taken = open_photos(sources, options.holdout, streaming=options.stream)
    held = (everything.read(index) for index in taken)
    strategy = masks.get(config.masks)
    readable = (photo.image for photo in held if photo is not None)
    validation = Validation(readable, strategy) if taken else None
    logged = load_masks(options.masks_from) if options.masks_from else None
    if logged:
        print(f"{len(logged)} saved masks for {config.masks_share:.0%} of the samples")
    data = data_of(sources, training, options.masks_from or "", len(logged or ()))
    started = Run(config, options.run_dir, training, strategy, validation, logged, data)
    if options.resume and started.resume():
        print(f"going on from step {started.step}")
    elif init:
        started.start_from(init)
    elif options.resume:
        print(f"nothing to resume in {options.run_dir}: starting anew")
    if options.track and started.accelerator.is_main_process:
        name = options.run_dir.resolve().name
        started.tracker = Tracker(options.track, name, to_json(started.config))
    train(started, save_every=options.save_every)
    return 0


def _own_photos(dataset: str | None) -> list[str]:
    """The address of the photos that saved masks were drawn on."""
    from lama.training.logged import locate

    if dataset is None:
        raise ValueError("--photos says what to train on: folders, or hf:NAME_OR_PATH")
    return [f"hf:{locate(dataset)}"]


def configure(options: argparse.Namespace, init: Path | None) -> TrainConfig:
    """The preset with the flags' changes.

    Args:
        options: parsed flags.
        init: weights to start from; fine-tuning takes their generator, whatever it is.
    """
    from lama.loading import read_generator
    from lama.training.config import PRESETS, for_generator

    name = options.preset or ("fine-tune" if options.masks_from else "lama-tiny")
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; known are {', '.join(PRESETS)}")
    if name == "fine-tune" and init is None:
        raise ValueError("fine-tuning wants weights to start from, for example --init lama-tiny")
    config = PRESETS[name]
    if name == "fine-tune" and init is not None:
        config = for_generator(config, read_generator(init).config)
    names = ("steps", "batch", "lr", "masks_share", "masks")
    given = {k: getattr(options, k, None) for k in names}
    changes = {k: value for k, value in given.items() if value is not None}
    if options.freeze_batchnorm is not None or options.masks_from:
        changes["freeze_batchnorm"] = options.freeze_batchnorm is not False
    mixed = mixed_precision(options.mixed_precision)
    return replace(config, seed=options.seed, mixed_precision=mixed, **changes)


def mixed_precision(asked: str) -> str:
    """What "auto" means on this machine, "no" or "bf16"; anything else is what it is."""
    from lama.precision import has_bf16

    if asked == "auto":
        return "bf16" if has_bf16() else "no"
    return asked


def weights_of(name_or_path: str) -> Path:
    """The file behind a model's name (checked), or the path itself."""
    from lama import registry

    if name_or_path in registry.MODELS:
        found = registry.find(name_or_path)
        if found is None:
            raise ValueError(
                f"{name_or_path} is not on this disk; fetch it with "
                f"`python -m lama models --download {name_or_path}`"
            )
        registry.check(registry.entry(name_or_path), found)
        return found
    path = Path(name_or_path)
    if not path.exists():
        raise ValueError(
            f"{name_or_path!r} is neither a model ({', '.join(registry.available())}) nor a path"
        )
    return path
