"""A fine-tuned model that is good enough: what it is called, and what its file says of itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from lama.checkpoint import read_meta, save_checkpoint
from lama.loading import read_generator
from lama.training.judge import Verdict


def promote(
    trained: Path, target: Path, facts: dict[str, Any], report: dict[str, Any], verdict: Verdict
) -> Path:
    """Copy trained weights to where the app finds them.

    Args:
        trained: the run's checkpoint; what its metadata says of data and ancestors is kept.
        target: the file to make.
        facts: what was asked for, as `plan.json` has it.
        report: of the judge, by shape of hole.
        verdict: why it may be used.

    Returns:
        The target.
    """
    meta = {
        **read_meta(trained),
        "kind": "fine-tuned",
        "base": facts["init"],
        "base_sha256": facts["base_sha256"],
        "revision": facts["revision"],
        "masks": facts["masks"][0],
        "steps": facts["steps"],
        "changes": verdict.changes,
        "shapes": report,
    }
    save_checkpoint(target, read_generator(trained), meta)
    return target


def model_name(base: str, revision: str) -> str:
    """After its base, the moment, and the revision of the masks that it learned from."""
    return f"{_root(base)}-{time.strftime('%Y%m%d-%H%M%S')}-{revision}"


def _root(name: str) -> str:
    """A model's name without the day and revision of an earlier fine-tuning."""
    parts = name.split("-")
    while len(parts) > 3 and parts[-3].isdigit() and len(parts[-3]) == 8:
        parts = parts[:-3]
    return "-".join(parts)
