"""A quick look at a run while it goes on: held-out photos, fixed holes, two numbers, a sheet.

`lama.training.evaluate` measures properly; this only has to be cheap and always the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from lama.arrays import to_uint8
from lama.generator import Generator
from lama.photo import Photo
from lama.photo_write import save_photo
from lama.pullpush import pull_push
from lama.tensors import blend
from lama.training.data import MaskSampler
from lama.training.losses import hole_l1_loss
from lama.training.perceptual import LPIPS


class Validation:
    """Centre squares of held-out photos at one size, each with one hole drawn once.

    Args:
        photos: uint8 (H, W, 3), never trained on.
        strategy: draws the holes.
        size: side of the squares in pixels.
        sheet: how many of them the contact sheet shows.

    Raises:
        ValueError: There are no photos.
    """

    def __init__(
        self,
        photos: Iterable[np.ndarray],
        strategy: MaskSampler,
        size: int = 256,
        sheet: int = 12,
    ) -> None:
        self.sheet = sheet
        images, masks = [], []
        for i, photo in enumerate(photos):
            image = centre_square(photo, size)
            images.append(torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255)
            mask = strategy(image, np.random.default_rng([7, i]))
            masks.append(torch.from_numpy(mask[None].astype(np.float32)))
        if not images:
            raise ValueError("none of the photos that were held out can be read")
        self.images, self.masks = torch.stack(images), torch.stack(masks)
        self.lpips = LPIPS("alex")
        self._copied: list[Tensor] = []  # for generators that look at them; always the same
        self._reference: dict[str, float] | None = None

    @torch.no_grad()
    def measure(self, generator: Generator, sheet: Path) -> dict[str, float]:
        """Masked L1 and LPIPS of a generator and of pull-push.

        Args:
            generator: is set to evaluation.
            sheet: where the contact sheet goes, a PNG.
        """
        generator.eval()
        fills = torch.cat([self._fill(generator, i) for i in range(len(self.images))])
        result = {f"val_{k}": v for k, v in self._score(fills).items()}
        if self._reference is None:
            pushed = blend(pull_push(self.images, self.masks), self.images, self.masks)
            self._reference = {f"pull_push_{k}": v for k, v in self._score(pushed).items()}
        save_photo(Photo(self._draw_sheet(fills), "PNG"), sheet)
        return result | self._reference

    def _fill(self, generator: Generator, i: int) -> Tensor:
        device = next(generator.parameters()).device
        image, mask = self.images[i : i + 1].to(device), self.masks[i : i + 1].to(device)
        copied = None
        if generator.copier is not None:
            if len(self._copied) == i:
                self._copied.append(generator.copier(image, mask))
            copied = self._copied[i]
        filled = generator(image, mask, copied).cpu()
        return blend(filled, self.images[i : i + 1], self.masks[i : i + 1])

    def _score(self, fills: Tensor) -> dict[str, float]:
        l1 = hole_l1_loss(fills, self.images, self.masks).item()
        distances = [
            self.lpips(fills[i : i + 8], self.images[i : i + 8]) for i in range(0, len(fills), 8)
        ]
        return {"l1": l1, "lpips": torch.cat(distances).mean().item()}

    def _draw_sheet(self, fills: Tensor) -> np.ndarray:
        n = min(self.sheet, len(fills))
        grey = self.images[:n] * (1 - self.masks[:n]) + 0.5 * self.masks[:n]
        rows = torch.cat([torch.cat(list(t), dim=2) for t in (grey, fills[:n], self.images[:n])], 1)
        return to_uint8(rows[None])


def centre_square(image: np.ndarray, size: int) -> np.ndarray:
    """The largest centred square of (H, W, 3), brought to `size`."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return cv2.resize(square, (size, size), interpolation=how)
