"""The limits of the published segmentation masks, checked pixel by pixel at full size.

Places are searched on a small map, where a cell is several pixels; a hole that keeps its limits
there may just break one at full size. Such holes are thrown away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from masks.base import Labels, Mask, Values


@dataclass(frozen=True)
class Hole:
    """A hole in the shape of an object.

    Attributes:
        mask: bool (H, W), the part within the picture.
        source: number of the object in the label map.
        area: pixels of the whole shape, hidden part included.
        scale: its size, as a multiple of the object's.
        mirrored: whether it is the object's mirror image.
    """

    mask: Mask
    source: int
    area: int
    scale: float
    mirrored: bool


def breaches(
    hole: Hole, labels: Labels, earlier: Sequence[Mask], values: Values
) -> tuple[str, ...]:
    """Return the names of the limits that a hole breaks; none if it may be used.

    Args:
        hole: what was placed.
        labels: (H, W), the picture's objects, 0 = background.
        earlier: the other holes of the same object, bool (H, W) each.
        values: the strategy's values in force.
    """
    visible = int(np.count_nonzero(hole.mask))
    if not visible:
        return ("min_mask_area",)
    total = hole.mask.size
    own = labels == hole.source
    broken = []
    if np.count_nonzero(own) >= values["max_object_area"] * total:
        broken.append("max_object_area")
    if not values["min_mask_area"] * total < visible < total:
        broken.append("min_mask_area")
    if hole.area - visible > values["max_hidden_area"] * hole.area:
        broken.append("max_hidden_area")
    shared = values["max_mask_intersection"]
    # Of the hole, what is hidden counts as shared, as published.
    most = visible - (1 - shared) * hole.area
    for other in (own, *earlier):
        common = int(np.count_nonzero(hole.mask & other))
        if common > min(most, shared * np.count_nonzero(other)):
            broken.append("max_mask_intersection")
            break
    numbers, under = np.unique(labels[hole.mask], return_counts=True)
    for number, common in zip(numbers.tolist(), under.tolist(), strict=True):
        if number == 0 or not (values["rigid"] or number == hole.source):
            continue
        if common > values["max_foreground_coverage"] * np.count_nonzero(labels == number):
            broken.append("max_foreground_coverage")
        if common > values["max_foreground_intersection"] * visible:
            broken.append("max_foreground_intersection")
    return tuple(dict.fromkeys(broken))


def trouble(shares: Sequence[float], able: bool, values: Values) -> str:
    """Return why a picture gives no hole, in words.

    Args:
        shares: each object's share of the picture.
        able: whether an object of a size that may be used can give a hole that is large enough.
        values: the strategy's values in force.
    """
    smallest, largest = values["min_mask_area"], values["max_object_area"]
    too_large = sum(share >= largest for share in shares)
    if not shares:
        return "No object was found"
    if able:
        return "No free place was found for any object"
    if too_large == len(shares):
        return f"Every object covers {largest:.1%} of the picture or more"
    if too_large == 0:
        return f"Every object is too small for a hole of {smallest:.1%} of the picture"
    return "Every object is too large or too small"
