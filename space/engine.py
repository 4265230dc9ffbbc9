"""What the app asks of an inpainting engine, in plain arrays: no torch here."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from space.turns import Cancelled, WorkQueue

if TYPE_CHECKING:
    from lama.inside import Inside

Quality = Literal["quick", "full", "refined"]


@dataclass(frozen=True)
class ModelInfo:
    """One model as the model select shows it."""

    name: str
    title: str
    megabytes: float
    on_disk: bool
    licence: str
    note: str = ""
    seconds: float | None = None
    """Time of a 512x512 photo on this machine; None until it has been measured."""
    device: str = ""
    precision: str = ""


@dataclass(frozen=True)
class InpaintResult:
    """A filled picture and what made it."""

    rgb: np.ndarray
    """uint8 (H, W, 3): known pixels are those of the input, byte for byte."""
    seconds: float
    model: str
    device: str
    precision: str
    sha256: str
    rough: np.ndarray | None = None
    """bool (H, W): holes that "full" would fill at a larger scale; None if there are none."""


class Engine(ABC):
    """Fills holes with one of several models, one photo after the other, whoever asks for it.

    What a run may need of the memory is judged by what is free when it begins: two that began
    together would count the same memory twice.
    """

    def __init__(self) -> None:
        self.turns = WorkQueue()

    @abstractmethod
    def models(self) -> tuple[ModelInfo, ...]:
        """All models that can be chosen, those on disk first."""

    def inpaint(
        self,
        model: str,
        rgb: np.ndarray,
        mask: np.ndarray,
        cancelled: Cancelled | None = None,
        progress: Callable[[float], None] | None = None,
        quality: Quality = "full",
        in_place: bool = False,
    ) -> InpaintResult:
        """Wait, then fill `mask` (bool (H, W), True = hole) of `rgb` (uint8 (H, W, 3)).

        `quality` is "quick" for a first look at large holes, "refined" for minutes of work. With
        `in_place` the result may be `rgb` itself, which saves a copy of a large photo.

        Raises:
            BusyError: Too many wait.
            CancelledError: `cancelled` turned true on the way.
            ValueError: The model is not known or not on disk, in words for the reader.
        """
        with self.turns.taken(cancelled):
            return self._inpaint(model, rgb, mask, cancelled, progress, quality, in_place)

    @abstractmethod
    def _inpaint(
        self,
        model: str,
        rgb: np.ndarray,
        mask: np.ndarray,
        cancelled: Cancelled | None,
        progress: Callable[[float], None] | None,
        quality: Quality,
        in_place: bool,
    ) -> InpaintResult:
        """Fill, now that it is this run's turn."""

    def inside(
        self, model: str, rgb: np.ndarray, mask: np.ndarray, point: tuple[int, int] | None = None
    ) -> "Inside":
        """Wait, then see what happens in the network while it fills `mask`; see `lama.inside.look`.

        Raises:
            BusyError: Too many wait.
            ValueError: As `inpaint`, or `point` is not in the hole.
        """
        with self.turns.taken():
            return self._inside(model, rgb, mask, point)

    @abstractmethod
    def _inside(
        self, model: str, rgb: np.ndarray, mask: np.ndarray, point: tuple[int, int] | None
    ) -> "Inside":
        """Look inside, now that it is this run's turn."""

    @abstractmethod
    def download(self, model: str, progress: Callable[[float], None], cancelled: Cancelled) -> None:
        """Fetch a model's weights; `progress` gets the fraction done.

        Raises:
            CancelledError: `cancelled` turned true on the way.
            ValueError: It cannot be fetched, in words for the reader.
        """


def models_on_disk(engine: Engine) -> list[tuple[str, str]]:
    """Titles and names of the models that are on this disk, as a select takes them."""
    return [(model.title, model.name) for model in engine.models() if model.on_disk]
