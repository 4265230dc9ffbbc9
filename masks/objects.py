"""Finds objects in a photo with nothing but the photo: a proposal for `segmentation` masks.

Regions at all sizes are rated by what makes an object to the eye: an edge all around, another
colour than its surroundings, a compact shape, a place off the border. The best ones that do not
overlap are redrawn by GrabCut. It knows no classes; any better provider of label maps may take
its place.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import Image, Labels, check_image
from masks.grabcut import grab_cut, guess_around, plausible
from masks.ops import within
from masks.regions import Patches, cut, grow

SIDE = 240
NARROWEST = 8
"""Longer side at which the picture is looked at, and what its shorter side has at least."""

MOST = 10
OVERLAP = 0.2
SMALLEST, LARGEST = 0.008, 0.5
GOOD_SIZE = 0.03
"""Shares of the picture: limits of an object, and the size below which it loses points."""

WORST_SCORE = 2.4
BEHIND_BEST = 1.1
"""An object must reach the first, and lag no further than the second behind the best one."""

GROWTHS = ((1.3, 1.0), (0.2, 3.0))
"""Two ways to merge patches, by (edge, size): each finds objects that the other breaks."""


def find_objects(image: Image) -> Labels:
    """Return a label map, uint8 (H, W): 0 = background, 1 = the most likely object, 2 = the next.

    The same image gives the same labels. They are all 0 where nothing stands out.

    Args:
        image: uint8 (H, W, 3) in RGB.
    """
    height, width = check_image(image)
    small, _ = within(image, SIDE, NARROWEST)
    patches = cut(small)
    regions = np.unique(
        np.concatenate([grow(patches, edge, colour) for edge, colour in GROWTHS]), axis=0
    )
    labels = np.zeros(small.shape[:2], np.uint8)
    chosen = _choose(patches, regions) if len(regions) else []
    for label, region in reversed(list(enumerate(chosen, start=1))):
        labels[_refine(small, region[patches.index])] = label
    return _enlarge(labels, height, width)


@dataclass(frozen=True)
class _Traits:
    """What a region looks like, one number per region in each field."""

    share: NDArray[np.float64]
    edge: NDArray[np.float64]
    contrast: NDArray[np.float64]
    difference: NDArray[np.float64]
    compactness: NDArray[np.float64]
    centrality: NDArray[np.float64]
    on_border: NDArray[np.float64]
    sides: NDArray[np.int64]

    def score(self) -> NDArray[np.float64]:
        """Return how much each region looks like an object, about 1 to 4.

        One of a wrong size, or that reaches all sides of the picture as backgrounds do, gets -1.
        """
        size = np.exp(-0.8 * np.log(np.maximum(1, GOOD_SIZE / self.share)) ** 2)
        score = (
            np.clip(self.edge, 0, 1.5)
            + 0.5 * self.contrast
            + 0.5 * np.clip(self.difference, 0, 1)
            + 0.8 * np.clip(self.compactness, 0, 0.8)
            + 0.5 * self.centrality
            + 0.7 * size
            - 0.6 * np.clip(3 * self.on_border, 0, 1.5)
        )
        may_be = (self.share > SMALLEST) & (self.share < LARGEST) & (self.sides < 4)
        return np.where(may_be, score, -1.0)


def _traits(patches: Patches, regions: NDArray[np.bool_]) -> _Traits:
    """Measure regions, bool (m, n), all at once."""
    height, width = patches.index.shape
    inside = regions.astype(np.float64)
    a, b = patches.pairs
    n = len(patches.area)
    touching = np.zeros((n, n))
    touching[a, b] = touching[b, a] = 1
    around = ((inside @ touching > 0) & ~regions).astype(np.float64)
    cuts = (regions[:, a] != regions[:, b]).astype(np.float64)
    area, outline = inside @ patches.area, cuts @ patches.length
    sides = inside @ patches.frame
    frame = sides.sum(1)
    perimeter = outline + frame

    def colour(part: NDArray[np.float64]) -> NDArray[np.float64]:
        return (part @ patches.colour) / np.maximum(part @ patches.area, 1)[:, None]

    def histogram(part: NDArray[np.float64]) -> NDArray[np.float64]:
        return (part @ patches.histogram) / np.maximum(part @ patches.area, 1)[:, None]

    row, column = ((inside @ patches.centre) / area[:, None]).T
    off_centre = (row / height - 0.5) ** 2 + (column / width - 0.5) ** 2
    return _Traits(
        share=area / (height * width),
        edge=(cuts @ patches.edge) / np.maximum(outline, 1),
        contrast=1 - np.minimum(histogram(inside), histogram(around)).sum(1) / 3,
        difference=np.linalg.norm(colour(inside) - colour(around), axis=1) / 60,
        compactness=4 * np.pi * area / perimeter**2,
        centrality=np.exp(-off_centre / (2 * 0.3**2)),
        on_border=frame / perimeter,
        sides=(sides > 0).sum(1),
    )


def scores(patches: Patches, regions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how much each region, bool (m, n), looks like an object: about 1 to 4, or -1."""
    return _traits(patches, regions).score()


def _choose(patches: Patches, regions: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Return the best regions, bool (n,) each, that hardly overlap, best first."""
    traits = _traits(patches, regions)
    score, area = traits.score(), regions @ patches.area
    order = np.argsort(-score, kind="stable")
    limit = max(WORST_SCORE, float(score[order[0]]) - BEHIND_BEST)
    chosen: list[int] = []
    for k in order:
        if score[k] < limit or len(chosen) == MOST:
            break
        common = (regions[chosen] & regions[k]) @ patches.area
        if (common <= OVERLAP * np.minimum(area[chosen], area[k])).all():
            chosen.append(int(k))
    return [regions[k] for k in chosen]


def _enlarge(labels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return the label map at full size, with smooth outlines in place of stairs."""
    full = np.zeros((height, width), np.uint8)
    for label in range(int(labels.max()), 0, -1):
        layer = (labels == label).astype(np.uint8) * 255
        smooth = cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
        full[smooth > 127] = label
    return full


def _refine(image: Image, region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the region, bool (h, w), redrawn along the image's edges by GrabCut.

    It is returned as it was where GrabCut loses the object or runs away with it.
    """
    x, y, w, h = cv2.boundingRect(region.view(np.uint8))
    left, top = max(0, x - max(6, w // 3)), max(0, y - max(6, h // 3))
    window = np.s_[top : y + h + max(6, h // 3), left : x + w + max(6, w // 3)]
    part = np.ascontiguousarray(region[window])
    guess = guess_around(part)
    depth = cv2.distanceTransform(part.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    guess[depth > max(2.0, 0.5 * float(depth.max()))] = cv2.GC_FGD
    found = grab_cut(image[window], guess, 1)
    if found is None:
        return region
    opened = cv2.morphologyEx(found.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return region
    largest = pieces == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    if not plausible(largest, part):
        return region
    refined = np.zeros_like(region)
    refined[window] = largest
    return refined
