"""Photos in, training samples out: random crops with random holes, each sample seeded by itself.

Sample number i of a run is a function of (seed, i) alone. So the order does not depend on
workers, processes or interruptions, and resuming at step s means starting at sample s * batch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lama.training.logged import LoggedMasks

logger = logging.getLogger(__name__)

Strategy = Callable[[np.ndarray, np.random.Generator], np.ndarray]
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Sample:
    """image (3, S, S) float32 in [0, 1]; mask (1, S, S) float32, 1 = hole."""

    image: Tensor
    mask: Tensor


def find_photos(folders: Sequence[Path]) -> list[Path]:
    """All pictures below the folders, sorted, so that a seed means the same photos everywhere."""
    found = [
        path
        for folder in folders
        for path in sorted(Path(folder).rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    if not found:
        raise ValueError(
            f"no photos below {', '.join(map(str, folders))}; "
            f"looked for {' '.join(sorted(SUFFIXES))}"
        )
    return found


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """The run's samples from number `start` to `stop`.

    Args:
        photos: files; broken ones are logged, counted in `broken` and replaced by another photo.
        strategy: draws the hole for a crop.
        crop: side of a sample in pixels.
        zoom: a crop covers between `crop` and `zoom * crop` pixels of the photo, then is shrunk.
        seed: of the run.
        start: first sample number.
        stop: one past the last.
        logged: masks that people drew, mixed with those of `strategy`.
        masks_share: share of the samples whose hole is one of them.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        strategy: Strategy,
        *,
        crop: int,
        zoom: float = 1.0,
        seed: int = 0,
        start: int = 0,
        stop: int,
        logged: LoggedMasks | None = None,
        masks_share: float = 0.5,
    ) -> None:
        if not 0 <= masks_share <= 1:
            raise ValueError(f"masks_share is a share from 0 to 1, got {masks_share}")
        self.logged, self.masks_share = logged, masks_share
        self.photos = list(photos)
        self.strategy = strategy
        self.crop, self.zoom, self.seed = crop, zoom, seed
        self.start, self.stop = start, stop
        self.broken: set[Path] = set()

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Sample `start + index` as (image, mask); see `Sample` for shapes."""
        number = self.start + index
        rng = np.random.default_rng([self.seed, number])
        photo = self._photo(number, rng)
        image = augment(random_crop(photo, self.crop, self.zoom, rng), rng)
        mask = self._hole(image, rng)
        return (
            torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255,
            torch.from_numpy(mask[None].astype(np.float32)),
        )

    def _hole(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.logged is not None and rng.random() < self.masks_share:
            drawn = self.logged.draw(self.crop, rng)
            if drawn is not None:
                return drawn
        return self.strategy(image, rng)

    def _photo(self, number: int, rng: np.random.Generator) -> np.ndarray:
        epoch, place = divmod(number, len(self.photos))
        order = np.random.default_rng([self.seed, epoch, 1]).permutation(len(self.photos))
        path = self.photos[order[place]]
        for _ in range(10):
            image = read_rgb(path)
            if image is not None:
                return image
            if path not in self.broken:
                self.broken.add(path)
                logger.warning("not a picture that can be read, skipped: %s", path)
            path = self.photos[rng.integers(len(self.photos))]
        raise ValueError(f"ten photos in a row could not be read, the last was {path}")


def read_rgb(path: Path) -> np.ndarray | None:
    """A picture file as upright uint8 (H, W, 3), or None if it cannot be read."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def random_crop(photo: np.ndarray, crop: int, zoom: float, rng: np.random.Generator) -> np.ndarray:
    """A square of `crop` to `zoom * crop` photo pixels, brought to `crop`; small photos grow."""
    height, width = photo.shape[:2]
    largest = min(height, width, round(crop * zoom))
    side = largest if largest <= crop else round(np.exp(rng.uniform(np.log(crop), np.log(largest))))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    square = photo[top : top + side, left : left + side]
    if side == crop:
        return square
    how = cv2.INTER_AREA if side > crop else cv2.INTER_CUBIC
    return cv2.resize(square, (crop, crop), interpolation=how)


def augment(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror half of the pictures; change brightness and contrast of half by up to a fifth."""
    if rng.random() < 0.5:
        image = image[:, ::-1]
    if rng.random() < 0.5:
        gain, shift = rng.uniform(0.8, 1.2), rng.uniform(-0.2, 0.2) * 255
        mean = image.mean()
        image = np.clip((image - mean) * gain + mean + shift, 0, 255).astype(np.uint8)
    return image
