"""From a preset's name, or a run's folder, and changes to it, to the options of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lama.loading import read_generator
from lama.precision import has_bf16
from lama.training.config import PRESETS, PUBLISHED, TrainConfig, differences, for_generator
from lama.training.state import read_options

# What may change while a run goes on, and what it has learned depends on.
FREE = ("steps", "lr", "mixed_precision", "workers")
FIXED = ("seed", "batch", "masks", "masks_share", "freeze_batchnorm", "perceptual")


def preset(name: str) -> TrainConfig:
    """The preset of a name; ValueError lists the names otherwise."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; known are {', '.join(PRESETS)}")
    return PRESETS[name]


def configure(name: str, changes: Mapping[str, Any], init: Path | None = None) -> TrainConfig:
    """A new run.

    Args:
        name: of the preset.
        changes: fields that are to be otherwise, None for those that are not; `mixed_precision` may
            be "auto", and is that if it is left out, except in the published presets.
        init: weights to start from; the preset `fine-tune` takes their generator, whatever it is.

    Raises:
        ValueError: Unknown preset, figures that make no sense, or `fine-tune` without weights.
    """
    config = preset(name)
    if name == "fine-tune":
        if init is None:
            raise ValueError(
                "fine-tuning needs weights to start from: for example --init lama-tiny"
            )
        config = for_generator(config, read_generator(init).config)
    usual = "no" if name in PUBLISHED else "auto"
    return _checked(replace(config, **_given({"mixed_precision": usual, **_named(changes)})))


def resumed(run_dir: Path, changes: Mapping[str, Any], name: str | None = None) -> TrainConfig:
    """The run in a folder as the folder says, with what may change on the way.

    Args:
        run_dir: of the run.
        changes: as for `configure`.
        name: of the preset that it should be a run of, or None.

    Raises:
        ValueError: Another run than that is asked for, or the folder does not say what it is.
    """
    config, given = read_options(run_dir), _given(changes)
    mend = "leave that out to go on with it, or start a new run in another folder"
    for field in FIXED:
        has, asked = getattr(config, field), given.get(field)
        moved = field == "perceptual" and may_have_moved(has, asked)
        if asked not in (None, has) and not moved:
            flag = f"--{field.replace('_', '-')}"
            raise ValueError(f"{run_dir} began with {flag} {has}, not {asked}: {mend}")
    if name is not None:
        like = preset(name)
        if name == "fine-tune":
            like = for_generator(like, config.generator)
        other = differences(config, like, passed=(*FREE, *FIXED))
        if other:
            raise ValueError(f"{run_dir} is not a run of --preset {name}: {other}; {mend}")
    free = {field: value for field, value in given.items() if field in (*FREE, "perceptual")}
    return _checked(replace(config, **free))


def may_have_moved(before: str, now: str | None) -> bool:
    """Whether both are a file of the paper's perceptual network, which may just have moved."""
    return "efficientnet" not in (before, now)


def mixed_precision(asked: str) -> str:
    """What "auto" means on this machine, "no" or "bf16"; else what is asked for."""
    if asked != "auto":
        return asked
    return "bf16" if has_bf16() else "no"


def _named(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those changes that were asked for."""
    return {name: value for name, value in changes.items() if value is not None}


def _given(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with `mixed_precision` as it is on this machine."""
    found = _named(changes)
    if "mixed_precision" in found:
        found["mixed_precision"] = mixed_precision(found["mixed_precision"])
    return found


def _checked(config: TrainConfig) -> TrainConfig:
    """The run itself; ValueError if its figures make no sense."""
    if config.steps < 1 or config.batch < 1:
        raise ValueError(f"steps and batch are 1 or more, not {config.steps} and {config.batch}")
    if not 0 <= config.masks_share <= 1:
        raise ValueError(f"--masks-share is a share from 0 to 1, not {config.masks_share}")
    return config
