"""Photos in, training samples out: random crops with random holes, each sample seeded by itself.

Sample number i of a run is a function of (seed, i) alone. So the order does not depend on
workers, processes or interruptions, and resuming at step s means starting at sample s * batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lama.generator import Fill
from lama.training.config import TrainConfig
from lama.training.logged import LEAST, MOST, LoggedMasks
from lama.training.photos import Photos, Picture
from lama.training.repeats import repeated

# Draws the hole for a picture: uint8 (H, W, 3) to bool (H, W), True = hole.
MaskSampler = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class Sample(NamedTuple):
    """One, or a batch of them with a leading B."""

    image: Tensor  # (3, S, S) float32 in [0, 1]
    mask: Tensor  # (1, S, S) float32, 1 = hole
    broken: tuple[str, ...]  # photos that could not be read on the way to this one
    copied: Tensor | None = None  # (3, S, S), for generators that look at it


def collate(samples: Sequence[Sample]) -> Sample:
    """Samples as a batch."""
    images, holes, broken, fills = zip(*samples, strict=True)
    copied = None if fills[0] is None else torch.stack(fills)
    names = tuple(name for some in broken for name in some)
    return Sample(torch.stack(images), torch.stack(holes), names, copied)


class Crops(Dataset[Sample]):
    """The run's samples from number `start` to `stop`.

    Args:
        photos: where they are cut from; what cannot be read is named in the sample and replaced.
        strategy: draws the holes.
        config: of the run; `crop`, `zoom`, `varied`, `repeats`, `masks_share` and `seed` count.
        start: first sample number.
        stop: one past the last.
        logged: masks that people drew. They, or the photos' own masks where the source brings
            some, are the holes of `masks_share` of the samples.
        copier: fills the hole for generators that look at that (`Generator.copier`).

    Raises:
        ValueError: `masks_share` is not from 0 to 1.
    """

    def __init__(
        self,
        photos: Photos,
        strategy: MaskSampler,
        config: TrainConfig,
        *,
        start: int = 0,
        stop: int,
        logged: LoggedMasks | None = None,
        copier: Fill | None = None,
    ) -> None:
        if not 0 <= config.masks_share <= 1:
            raise ValueError(f"masks_share is a share from 0 to 1, got {config.masks_share}")
        self.photos, self.strategy, self.config = photos, strategy, config
        self.start, self.stop = start, stop
        self.logged, self.copier = logged, copier

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: int) -> Sample:
        """Sample `start + index`."""
        config, number = self.config, self.start + index
        rng = np.random.default_rng([config.seed, number])
        photo, broken = self._photo(number, rng)
        window = crop_window(photo.image.shape, config.crop, config.zoom, rng)
        mirror = rng.random() < 0.5
        image = _cut(photo.image, window, config.crop, mirror)
        if config.repeats and rng.random() < config.repeats:
            image = repeated(image, rng)
        image = recolour(image, rng)
        own = None
        if photo.mask is not None:
            own = _cut(photo.mask.astype(np.uint8) * 255, window, config.crop, mirror) > 127
        if config.varied and rng.random() < config.varied:
            turns = int(rng.integers(4))
            image = np.rot90(image, turns)[..., rng.permutation(3)]
            own = None if own is None else np.rot90(own, turns).copy()
        picture = torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255
        mask = torch.from_numpy(self._hole(image, own, rng)[None].astype(np.float32))
        copied = None if self.copier is None else self.copier(picture[None], mask[None])[0]
        return Sample(picture, mask, broken, copied)

    def _hole(
        self, image: np.ndarray, own: np.ndarray | None, rng: np.random.Generator
    ) -> np.ndarray:
        """The photo's own hole or a saved one for a share of the samples, else a generated one."""
        share = self.config.masks_share
        if (own is not None or self.logged is not None) and rng.random() < share:
            if own is not None and LEAST <= own.mean() <= MOST:
                return own
            drawn = None if self.logged is None else self.logged.draw(self.config.crop, rng)
            if drawn is not None:
                return drawn
        return self.strategy(image, rng)

    def _photo(self, number: int, rng: np.random.Generator) -> tuple[Picture, tuple[str, ...]]:
        broken: list[str] = []
        for index in islice(self.photos.candidates(number, self.config.seed, rng), 10):
            photo = self.photos.read(index)
            if photo is not None:
                return photo, tuple(broken)
            broken.append(self.photos.name(index))
        raise ValueError(f"ten photos in a row could not be read, the last was {broken[-1]}")


Window = tuple[int, int, int]  # top, left, side


def crop_window(shape: Sequence[int], crop: int, zoom: float, rng: np.random.Generator) -> Window:
    """A square of `crop` to `zoom * crop` pixels somewhere in a photo, or its short side."""
    height, width = shape[:2]
    largest = min(height, width, round(crop * zoom))
    side = largest if largest <= crop else round(np.exp(rng.uniform(np.log(crop), np.log(largest))))
    return int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1)), int(side)


def _cut(photo: np.ndarray, window: Window, crop: int, mirror: bool) -> np.ndarray:
    """A window of a photo brought to `crop` pixels, mirrored if asked."""
    top, left, side = window
    square = photo[top : top + side, left : left + side]
    if side != crop:
        how = cv2.INTER_AREA if side > crop else cv2.INTER_CUBIC
        square = cv2.resize(square, (crop, crop), interpolation=how)
    return square[:, ::-1] if mirror else square


def recolour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change brightness and contrast of half of the pictures by up to a fifth."""
    if rng.random() < 0.5:
        gain, shift = rng.uniform(0.8, 1.2), rng.uniform(-0.2, 0.2) * 255
        mean = image.mean()
        image = np.clip((image - mean) * gain + mean + shift, 0, 255).astype(np.uint8)
    return image
