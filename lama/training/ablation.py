"""The paper's ablations (tables 2 to 4) at any budget: one change at a time, the rest is equal.

Every variant is trained on the same samples in the same order from the same seed, in a folder of
its own, and all are measured together on photos that none has seen.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lama.checkpoint import build, read_meta
from lama.config import (
    DilatedConfig,
    FourierConfig,
    GeneratorConfig,
    RegularConfig,
    UNetConfig,
)
from lama.files import write_atomic
from lama.training import report
from lama.training.config import TrainConfig, differences
from lama.training.evaluate import EvalConfig, evaluate, learned
from lama.training.loop import train
from lama.training.run import Run
from lama.training.setup import may_have_moved
from lama.training.state import OPTIONS, WEIGHTS, goes_on, read_options

logger = logging.getLogger(__name__)

BASE = "base"
PHOTOS = "photos.json"  # in the folder of an ablation: what its runs train on
STUDIES = ("ffc", "losses", "masks")  # tables 2, 3 and 4


@dataclass(frozen=True)
class Variant:
    """One run of the ablation."""

    name: str  # of its folder
    change: str  # what differs from the base, in words
    config: TrainConfig


def variants(base: TrainConfig, studies: Sequence[str] = STUDIES) -> list[Variant]:
    """The base and one change each.

    Args:
        base: with a Fourier generator (published layout, or the U-Net), wide masks, and a dilated
            perceptual network; the last two are set here.
        studies: which of `STUDIES` to make.

    Raises:
        ValueError: An unknown study, or a generator that has no Fourier convolutions to replace.
    """
    unknown = [study for study in studies if study not in STUDIES]
    if unknown:
        raise ValueError(f"unknown study {unknown[0]!r}; known are {', '.join(STUDIES)}")
    base = replace(base, masks="training", dilated=True)
    found = [Variant(BASE, "Fourier convolutions, wide masks, dilated perceptual network", base)]
    if "ffc" in studies:
        for name, change, generator in _other_generators(base.generator):
            found.append(Variant(name, change, replace(base, generator=generator)))
    if "masks" in studies:
        narrow = replace(base, masks="narrow")
        found.append(Variant("narrow-masks", "trained on narrow masks", narrow))
    if "losses" in studies:
        if not base.weights.perceptual:
            raise ValueError("the preset has no perceptual loss to compare")
        plain = replace(base, dilated=False)
        found.append(Variant("plain-perceptual", "perceptual network not dilated", plain))
    return found


def _other_generators(generator: GeneratorConfig) -> list[tuple[str, str, GeneratorConfig]]:
    match generator:
        case FourierConfig():
            shape: dict[str, Any] = {
                "ngf": generator.ngf,
                "n_downsampling": generator.n_downsampling,
                "n_blocks": generator.n_blocks,
                "max_features": generator.max_features,
            }
            return [
                ("regular", "plain residual blocks", RegularConfig(**shape)),
                ("dilated", "dilated residual blocks", DilatedConfig(**shape)),
            ]
        case UNetConfig():
            # Without global channels a block is two plain convolutions.
            return [("regular", "plain residual blocks", replace(generator, ratio=0.0))]
    raise ValueError(f"the ablation starts from Fourier convolutions, not from {generator.kind}")


def ablate(
    wanted: Sequence[Variant],
    folder: Path,
    start: Callable[[Variant, Path], Run],
    evaluation: EvalConfig,
    trained_on: Sequence[str],
    save_every: int = 500,
) -> str | None:
    """Train what is not trained yet, measure everything, write the report.

    Args:
        wanted: of `variants`.
        folder: a folder for each variant, and `ablation.json` and `.md`.
        start: makes a run for a variant in a folder.
        evaluation: how all of them are measured, on photos that none of the runs trains on.
        trained_on: what names the photos that all of them train on, such as the files' names.
        save_every: steps between checkpoints.

    Returns:
        The report as Markdown; None where there is nothing to report: training was interrupted, or
        this is not the first process.

    Raises:
        ValueError: The folder holds runs that were begun otherwise, or on other photos; nothing is
            changed.
    """
    for variant in wanted:
        _check(variant, folder / variant.name)
    _same_photos(folder / PHOTOS, trained_on)
    first = True
    for variant in wanted:
        place = folder / variant.name
        if _steps_done(place) == variant.config.steps:
            continue
        logger.info("%s: %s", variant.name, variant.change)
        run = start(variant, place)
        run.resume()
        often = min(50, max(1, variant.config.steps // 20))
        if train(run, save_every=save_every, log_every=often):
            logger.info("interrupted; the same command goes on from here")
            return None
        if not run.accelerator.is_main_process:
            first = False
    if not first:
        return None
    files = [folder / variant.name / WEIGHTS for variant in wanted]
    methods = learned(files, precision="fp32")  # 8 bits would round each of them another way
    results = evaluate(evaluation, methods)
    rows = [_facts(variant, folder / variant.name) for variant in wanted]
    photos = [str(path) for path in evaluation.photos]
    facts = {"variants": rows, "photos": photos, "limit": evaluation.limit}
    found = report.summarise(results, methods, facts)
    report.write(folder / "ablation.json", found, results)
    text = f"{_table(rows)}\n\n{report.markdown(found)}"
    write_atomic(folder / "ablation.md", text.encode())
    return text


def _check(variant: Variant, place: Path) -> None:
    """ValueError if another run than this variant was begun there."""
    if not (place / OPTIONS).exists():
        return
    if _steps_done(place) != variant.config.steps:
        goes_on(place, resume=True)  # weights without a state would be trained anew
    before, free = read_options(place), list[str]()
    if may_have_moved(before.perceptual, variant.config.perceptual):
        free.append("perceptual")
    other = differences(before, variant.config, passed=free)
    if other:
        raise ValueError(
            f"{place} holds a run of other options: {other}; "
            "go on with the options it was begun with, or take another --run-dir"
        )


def _same_photos(record: Path, names: Sequence[str]) -> None:
    """Put on record what the runs train on; ValueError if it was something else before."""
    digest = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
    facts = {"photos": len(names), "sha256_of_names": digest}
    before = json.loads(record.read_text()) if record.exists() else facts
    if before != facts:
        raise ValueError(
            f"the runs in {record.parent} train on {before['photos']} photos, and --photos are now "
            f"{len(names)} others: give those they began with, or take another --run-dir"
        )
    write_atomic(record, json.dumps(facts, indent=1).encode())


def _steps_done(place: Path) -> int:
    path = place / WEIGHTS
    return int(read_meta(path).get("step", 0)) if path.exists() else 0


def _facts(variant: Variant, place: Path) -> dict[str, Any]:
    """What a run was, with its parameters and its median speed, for the table."""
    speeds = []
    log = place / "stats.jsonl"
    for line in log.read_text().splitlines() if log.exists() else ():
        speeds += [v for k, v in json.loads(line).items() if k == "images_per_second"]
    config = variant.config
    return {
        "name": variant.name,
        "change": variant.change,
        "parameters": sum(p.numel() for p in build(config.generator).parameters()),
        "steps": _steps_done(place),
        "batch": config.batch,
        "crop": config.crop,
        "seed": config.seed,
        "images_per_second": sorted(speeds)[len(speeds) // 2] if speeds else None,
    }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = ["| variant | change | parameters | steps x batch, crop | images/s |", "|---" * 5 + "|"]
    for row in rows:
        speed = row["images_per_second"]
        lines.append(
            f"| {row['name']} | {row['change']} | {row['parameters'] / 1e6:.2f} M | "
            f"{row['steps']} x {row['batch']}, {row['crop']} px | "
            f"{'' if speed is None else f'{speed:.1f}'} |"
        )
    return "\n".join(lines)
