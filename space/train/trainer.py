"""What the Train tab does: start, watch and cancel a run, and put two models side by side."""

import math
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from space.canvas.protocol import decode
from space.engine import models_on_disk
from space.services import Services
from space.train.runs import RunState, TrainingRuns
from space.visitors import Visitor, visitor


@dataclass(frozen=True)
class Wish:
    """What the form says."""

    base: str
    steps: float
    batch: float
    rate: float
    share: float
    seed: float
    cases: float
    photos: str = ""


class Trainer:
    """The handlers behind the tab."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.runs = TrainingRuns(services.settings.data_dir)

    def who(self, request: gr.Request, profile: gr.OAuthProfile | None) -> Visitor:
        """Who asks: somebody who may review, since they decide what is trained on.

        Raises:
            ValueError: This person may not.
        """
        found = visitor(self.services.settings, request, profile)
        if not found.reviewer:
            raise ValueError("Only reviewers of this app can train. Sign in as one of them.")
        return found

    def start(self, wish: Wish, who: Visitor) -> str:
        """Begin a run that somebody asks for; its name.

        Raises:
            ValueError: A figure makes no sense, nothing is approved, or a run goes on already.
        """
        if not self.services.store.info()["approved"]:
            raise ValueError("No mask is approved yet. Approve some in the Review tab first.")
        return self.runs.start(self.arguments(wish, who))

    def arguments(self, wish: Wish, who: Visitor) -> list[str]:
        """The flags of `python -m lama finetune` for what the form says."""
        found = ["--init", self._weights(wish.base)]
        whole = (
            ("steps", wish.steps, 1, 1_000_000), ("batch", wish.batch, 1, 256),
            ("seed", wish.seed, 0, 2**31 - 1), ("cases", wish.cases, 1, 500),
        )  # fmt: skip
        for name, value, low, high in whole:
            number = _number(name, value, low, high)
            if not number.is_integer():
                raise ValueError(f"{name.capitalize()} is a whole number, not {value}.")
            found += [f"--{name}", str(int(number))]
        found += ["--lr", str(_number("learning rate", wish.rate, 1e-8, 10.0))]
        found += ["--masks-share", str(_number("share of saved masks", wish.share, 0.0, 1.0))]
        if wish.photos.strip():
            # A path on the machine of the app.
            if not who.local:
                raise ValueError("Folders can only be named at the machine that runs the app.")
            if wish.photos.strip().startswith("-"):
                raise ValueError("The folder of photos begins with a dash. Name it as ./-...")
            found += ["--photos", wish.photos.strip()]
        return found

    def _weights(self, name: str) -> str:
        """The model's name, or the file of a fine-tuned one."""
        if name not in {known for _, known in models_on_disk(self.services.engine)}:
            raise ValueError(f"There is no model {name!r} on this disk.")
        tuned = self.runs.models_dir.resolve() / f"{name}.safetensors"
        return str(tuned) if tuned.is_file() else name

    def state(self) -> RunState:
        """How the run that goes on, or else the last one, stands."""
        return self.runs.state()

    def compare(self, drawing: Any, first: str, second: str) -> tuple[np.ndarray, np.ndarray]:  # noqa: ANN401
        """What two models make of the photo and mask on the canvas: two uint8 (H, W, 3).

        Raises:
            ValueError: Nothing is drawn, both models are one, or one cannot be used.
        """
        if first == second:
            raise ValueError("Both sides are the same model. Choose another one for one of them.")
        drawn = decode(drawing, self.services.photos)
        if drawn.mask.all():
            raise ValueError("Everything is marked, so there is nothing to go by. Leave a part.")
        rgb = self.services.photos.decoded(drawn.photo).rgb
        fills = [
            self.services.engine.inpaint(model, rgb, drawn.mask).rgb for model in (first, second)
        ]
        return fills[0], fills[1]


def _number(name: str, value: float | None, low: float, high: float) -> float:
    if value is None or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"The {name} lies between {low:g} and {high:g}, not at {value}.")
    return float(value)
