"""A picture cut into small even patches, and all the larger regions that grow when they are merged.

Patches are watershed basins; neighbours that look alike and have no edge between them are merged
first, and every region along the way is kept, since an object may be one of them at any size.
"""

import heapq
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import Image

PATCHES = 250
BINS = 8
FAINT = 12.0
"""Smallest edge strength that counts as a strong one: keeps noise on a flat picture from it."""


@dataclass(frozen=True)
class Patches:
    """The patches of a picture of h x w pixels; n patches, e pairs of neighbours.

    Attributes:
        image: uint8 (h, w, 3) RGB.
        index: (h, w), the patch of every pixel, 0 to n - 1.
        area: (n,) pixels.
        colour: (n, 3) sums of L, a, b.
        histogram: (n, 24) pixels in eight bins each of L, a, b.
        centre: (n, 2) sums of row and column.
        frame: (n, 4) pixels on the picture's top, bottom, left and right border.
        pairs: (2, e) neighbours.
        length: (e,) pixels of common border.
        edge: (e,) edge strength summed over the common border; about 1 a pixel on a strong edge.
    """

    image: Image
    index: NDArray[np.int64]
    area: NDArray[np.float64]
    colour: NDArray[np.float64]
    histogram: NDArray[np.float64]
    centre: NDArray[np.float64]
    frame: NDArray[np.float64]
    pairs: NDArray[np.int64]
    length: NDArray[np.float64]
    edge: NDArray[np.float64]


def cut(image: Image, patches: int = PATCHES) -> Patches:
    """Cut a picture, uint8 (h, w, 3) RGB, into about `patches` pieces that follow its edges."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.uint8, copy=False)
    edges = _edge_strength(lab)
    index = _watershed(lab, edges, patches)
    n = int(index.max()) + 1
    flat = index.ravel()
    rows, columns = np.indices(index.shape)

    def sums(values: NDArray) -> NDArray[np.float64]:
        return np.bincount(flat, values.ravel(), minlength=n).astype(np.float64)

    lightness = lab[..., :1].astype(np.int64) * BINS // 256
    # Photos fill only the middle of the a and b axes.
    chroma = np.clip((lab[..., 1:].astype(np.int64) - 88) // 10, 0, BINS - 1)
    bins = np.concatenate([lightness, chroma], 2) + np.arange(3) * BINS
    cells = (index[..., None] * (3 * BINS) + bins).ravel()
    borders = (index[0], index[-1], index[:, 0], index[:, -1])
    pairs, length, edge = _neighbours(index, n, edges)
    return Patches(
        image=image,
        index=index,
        area=sums(np.ones(index.shape)),
        colour=np.stack([sums(np.asarray(lab[..., c])) for c in range(3)], 1),
        histogram=np.bincount(cells, minlength=n * 3 * BINS).reshape(n, -1).astype(np.float64),
        centre=np.stack([sums(np.asarray(axis)) for axis in (rows, columns)], 1),
        frame=np.stack([np.bincount(line, minlength=n) for line in borders], 1).astype(np.float64),
        pairs=pairs,
        length=length,
        edge=edge,
    )


def grow(patches: Patches, by_edge: float, by_size: float) -> NDArray[np.bool_]:
    """Merge neighbours until one region is left; return all regions along the way, bool (m, n).

    Args:
        patches: the n patches of a picture.
        by_edge: how much an edge between two regions keeps them apart.
        by_size: how much large regions are kept apart until the small ones are gone.
    """
    n = len(patches.area)
    total = float(patches.area.sum())
    area = patches.area.tolist()
    # 24 histogram bins and 3 colour sums side by side, so that a merge is one addition.
    looks = list(np.concatenate([patches.histogram, patches.colour], 1))
    members = list(np.eye(n, dtype=np.bool_))
    borders: list[dict[int, tuple[float, float]]] = [{} for _ in range(n)]
    for a, b, length, edge in zip(
        *patches.pairs.tolist(), patches.length.tolist(), patches.edge.tolist(), strict=True
    ):
        borders[a][b] = borders[b][a] = (length, edge)

    def cost(a: int, b: int) -> float:
        one, other = looks[a] / area[a], looks[b] / area[b]
        alike = float(np.minimum(one[:-3], other[:-3]).sum()) / 3
        colour = float(np.abs(one[-3:] - other[-3:]).sum()) / 55
        length, edge = borders[a][b]
        size = (min(area[a], area[b]) / total) ** 0.5
        return (1 - alike) + colour + by_edge * edge / length + by_size * size

    heap = [(cost(a, b), a, b) for a in range(n) for b in borders[a] if a < b]
    heapq.heapify(heap)
    alive = [True] * n
    grown = []
    while heap:
        _, a, b = heapq.heappop(heap)
        if not (alive[a] and alive[b]):
            continue
        new = len(alive)
        alive[a] = alive[b] = False
        alive.append(True)
        area.append(area[a] + area[b])
        looks.append(looks[a] + looks[b])
        members.append(members[a] | members[b])
        grown.append(members[new])
        borders.append(_join(borders, a, b))
        for c, border in borders[new].items():
            borders[c].pop(a, None)
            borders[c].pop(b, None)
            borders[c][new] = border
            heapq.heappush(heap, (cost(new, c), c, new))
    return np.array(grown, np.bool_).reshape(-1, n)


def _join(
    borders: list[dict[int, tuple[float, float]]], a: int, b: int
) -> dict[int, tuple[float, float]]:
    joined: dict[int, tuple[float, float]] = {}
    for c, (length, edge) in (*borders[a].items(), *borders[b].items()):
        if c not in (a, b):
            before = joined.get(c, (0.0, 0.0))
            joined[c] = (before[0] + length, before[1] + edge)
    return joined


def _edge_strength(lab: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return edges, float32 (h, w), 1 at the picture's 90th percentile."""
    smooth = cv2.GaussianBlur(lab, (0, 0), 1.0).astype(np.float32)
    across, along = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength = cv2.GaussianBlur((np.abs(across) + np.abs(along)).sum(2), (0, 0), 1.0)
    return strength / max(FAINT, float(np.percentile(strength, 90)))


def _watershed(
    lab: NDArray[np.uint8], edges: NDArray[np.float32], patches: int
) -> NDArray[np.int64]:
    """Return the patch of every pixel, (h, w): basins around the calmest pixel of every cell."""
    height, width = edges.shape
    step = max(4, round((height * width / patches) ** 0.5))
    reach = step // 3
    markers = np.zeros((height, width), np.int32)
    for k, (y, x) in enumerate(
        (y, x) for y in range(step // 2, height, step) for x in range(step // 2, width, step)
    ):
        top, left = max(0, y - reach), max(0, x - reach)
        cell = edges[top : y + reach + 1, left : x + reach + 1]
        row, column = divmod(int(cell.argmin()), cell.shape[1])
        markers[top + row, left + column] = k + 1
    cv2.watershed(lab, markers)
    # Watershed leaves lines between the basins: give every pixel of them to the nearest basin.
    lines = (markers <= 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        lines, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(nearest.max()) + 1, np.int64)
    table[nearest[lines == 0]] = markers[lines == 0]
    return np.unique(table[nearest], return_inverse=True)[1].reshape(height, width)


def _neighbours(
    index: NDArray[np.int64], n: int, edges: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return pairs (2, e) of touching patches, how long they touch and the edge between them."""
    one = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    other = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    strength = np.concatenate(
        [
            np.maximum(edges[:, :-1], edges[:, 1:]).ravel(),
            np.maximum(edges[:-1], edges[1:]).ravel(),
        ]
    )
    apart = one != other
    keys = np.minimum(one, other)[apart] * n + np.maximum(one, other)[apart]
    unique, inverse = np.unique(keys, return_inverse=True)
    length = np.bincount(inverse, minlength=unique.size).astype(np.float64)
    edge = np.bincount(inverse, strength[apart], minlength=unique.size).astype(np.float64)
    return np.stack([unique // n, unique % n]), length, edge
