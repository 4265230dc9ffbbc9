"""KID: how far a set of fills is from the set of photos, on features of a named network.

The squared maximum mean discrepancy with the cubic polynomial kernel of Binkowski et al.
(Demystifying MMD GANs, ICLR 2018), here on ImageNet networks that can be had offline, not on
Inception: the numbers compare methods within a report, not with other papers. It is estimated
without bias: no pair of crops of the same photo enters, since a fill and its own photo are not
independent.

What is compared of each picture: the whole, and squares of half its side around the hole, at the
same places in fill and photo. Small sets make it noisy, so its spread over halves of the photos
stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn
from torchmetrics.image.kid import poly_kernel

from lama.training.perceptual import EfficientNetPooled, VGGPooled

EFFICIENTNET, VGG = "kid-efficientnet-lite0", "kid-vgg16"
NETWORKS: dict[str, Callable[[], nn.Module]] = {EFFICIENTNET: EfficientNetPooled, VGG: VGGPooled}
INPUT = 224  # pixels that the network was trained on
AROUND_HOLE = 4  # crops besides the whole picture
MOST_PAIRS = 1 << 20  # of crops that are compared at once: 8 MB
SUBSETS = 100  # halves of the photos over which the spread is taken


@dataclass(frozen=True)
class KernelDistance:
    """An estimate over `n` photos with several crops each; `std` is its spread over halves."""

    value: float
    std: float
    n: int


class CropFeatures:
    """Pooled features of a picture's crops.

    Args:
        name: of the distance, a key of `NETWORKS`.
    """

    def __init__(self, name: str = EFFICIENTNET) -> None:
        self.network = NETWORKS[name]()

    def __call__(self, pictures: Sequence[np.ndarray], mask: np.ndarray) -> np.ndarray:
        """Features of several pictures with the same hole.

        Args:
            pictures: M of uint8 (S, S, 3).
            mask: bool (S, S).

        Returns:
            float32 (M, 1 + AROUND_HOLE, C): 1280 channels of EfficientNet-Lite0, 512 of VGG16.
        """
        places = crops(mask)
        squares = [
            cv2.resize(p[y : y + n, x : x + n], (INPUT, INPUT), interpolation=_how(n))
            for p in pictures
            for y, x, n in places
        ]
        batch = torch.from_numpy(np.stack(squares).transpose(0, 3, 1, 2).astype(np.float32) / 255)
        with torch.inference_mode():
            features = torch.cat([self.network(part) for part in batch.split(16)])
        return features.numpy().reshape(len(pictures), len(places), -1)


def _how(side: int) -> int:
    return cv2.INTER_AREA if side > INPUT else cv2.INTER_CUBIC


def crops(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """(top, left, side): the whole, then squares of half the side around pixels of the hole.

    The pixels are spread evenly over the hole in reading order, so they need no random numbers.
    """
    size = min(mask.shape)
    side = size // 2
    ys, xs = np.nonzero(mask)
    places = [(0, 0, size)]
    for i in range(AROUND_HOLE):
        k = (2 * i + 1) * len(ys) // (2 * AROUND_HOLE)
        places.append((*corner_around(int(ys[k]), int(xs[k]), side, mask.shape), side))
    return places


def corner_around(y: int, x: int, side: int, shape: Sequence[int]) -> tuple[int, int]:
    """(top, left) of a square around a pixel, pushed to where all of it lies in (H, W)."""
    top, left = (
        min(max(at - side // 2, 0), length - side) for at, length in zip((y, x), shape, strict=True)
    )
    return top, left


def kernel_distance(fills: np.ndarray, photos: np.ndarray, seed: int = 0) -> KernelDistance:
    """KID between features (N, K, C) of N fills' K crops and of the photos they belong to.

    Raises:
        ValueError: Fewer than two photos.
    """
    n = len(photos)
    if n < 2:
        raise ValueError("a kernel distance compares sets: it takes two photos at least")
    # (N, N) matrices of the kernel's mean over two photos' crops; same-photo pairs are left out.
    distance = _block_means(fills, fills)
    distance += _block_means(photos, photos)
    between = _block_means(fills, photos)
    distance -= between
    distance -= between.T
    np.fill_diagonal(distance, 0)
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(SUBSETS):
        some = rng.permutation(n)[: max(2, n // 2)]
        values.append(_mean_off_diagonal(distance[np.ix_(some, some)]))
    return KernelDistance(_mean_off_diagonal(distance), float(np.std(values)), n)


def _block_means(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, N), a few photos' rows at a time: all crops by all crops would be 25 times as much."""
    n, k, c = a.shape
    rows = max(1, MOST_PAIRS // (n * k * k))
    right = torch.from_numpy(b.reshape(n * k, c).astype(np.float64))
    means = np.empty((n, n))
    for start in range(0, n, rows):
        part = torch.from_numpy(a[start : start + rows].reshape(-1, c).astype(np.float64))
        kernel = poly_kernel(part, right).reshape(-1, k, n, k)
        means[start : start + rows] = kernel.mean((1, 3)).numpy()
    return means


def _mean_off_diagonal(matrix: np.ndarray) -> float:
    n = len(matrix)
    return float(matrix.sum() / (n * (n - 1)))
