"""Where a run goes on from: plain words where its files cannot be read."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lama.training.config import TrainConfig, from_json

# In a run's folder.
OPTIONS, STATE = "options.json", "state.pt"
WEIGHTS, BEST = "generator.safetensors", "best.safetensors"
# What torch raises for a file that is cut off, changed, no state at all, or of other networks.
_UNREADABLE = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError,
    ValueError, pickle.UnpicklingError,
)  # fmt: skip


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Inside, what torch raises for a damaged or unfitting state becomes a ValueError.

    Args:
        path: of the state; the message names it and says what to do.
    """
    try:
        yield
    except _UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        reason = f"no {reason} in it" if isinstance(error, KeyError) else reason
        raise ValueError(
            f"{path} is damaged, or the state of a run with other options ({reason:.200}). "
            "Put a copy of it back, or start a run in another folder with --init "
            f"{path.with_name('generator.safetensors')}"
        ) from error


def goes_on(run_dir: Path, resume: bool) -> bool:
    """Whether a folder has a run that is to go on; False for a new run.

    Raises:
        ValueError: A new run would write over what is there.
    """
    if (run_dir / STATE).exists():
        if not resume:
            raise ValueError(f"{run_dir} holds a run already; add --resume, or take another")
        return True
    weights = run_dir / WEIGHTS
    if weights.exists():
        raise ValueError(
            f"{run_dir} holds the weights of a run and no {STATE} to go on from: take another "
            f"folder, with --init {weights} if they should be trained further"
        )
    return False


def read_options(run_dir: Path) -> TrainConfig:
    """What a run is, as its folder says.

    Raises:
        ValueError: It does not say, or not in a way that can be read.
    """
    path = run_dir / OPTIONS
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ValueError(
            f"{run_dir} has a {STATE} and no {OPTIONS}, which says what it is a state of. Put that "
            "back, or start a run in another folder with --init "
            f"{run_dir / 'generator.safetensors'}"
        ) from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read ({error}): put a copy of it back") from error
