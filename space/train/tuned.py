"""Fine-tuned models: files that `python -m lama finetune` has put into the models folder."""

import logging
from dataclasses import dataclass
from pathlib import Path

from lama.checkpoint import read_meta

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TunedModel:
    """One promoted model.

    Attributes:
        name: of the model select, its file's name without the end.
        path: of the weights.
        base: the model that it started from.
        masks: how many saved masks it learned from.
        gain: relative change of LPIPS-VGG on held-out saved masks, below 0 is better; None unknown.
    """

    name: str
    path: Path
    base: str
    masks: int
    gain: float | None

    @property
    def note(self) -> str:
        """What a person should know before choosing it."""
        words = f"Fine-tuned from {Path(self.base).stem} on {self.masks:,} saved masks"
        if self.gain is None:
            return f"{words}."
        kind = "lower" if self.gain <= 0 else "higher"
        return f"{words}; LPIPS {abs(self.gain):.1%} {kind} on held-out ones."


def tuned_models(folder: Path) -> list[TunedModel]:
    """The models of a folder, newest first; files that are none are left out with a warning."""
    found = []
    for path in sorted(folder.glob("*.safetensors"), key=_age, reverse=True):
        try:
            found.append(_read(path))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("%s is not a fine-tuned model: %s", path, error)
    return found


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path) -> TunedModel:
    """A model from its file's metadata alone: nothing heavy is loaded."""
    meta = read_meta(path)
    if meta.get("kind") != "fine-tuned":
        raise ValueError("it does not say that it is one")
    gain = meta.get("changes", {}).get("saved", {}).get("lpips-vgg")
    return TunedModel(path.stem, path, str(meta["base"]), int(meta["masks"]), gain)
