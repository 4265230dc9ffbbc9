"""Long thin holes (wires, cracks, scratches) in a large photo: cut into pieces along their length.

What such a hole needs to be filled lies beside it. In one crop as long as the hole it would be
looked at from far away: made small, filled, and enlarged again, blurred. A piece has the photo's
own scale. Pieces are filled one after the other, and each sees what was filled before it.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from lama.groups import Group, group_at
from masks.ops import Box, bounding_box

LONGEST = 1024  # longer side in pixels of a crop that need not be cut
LENGTH = 512  # longer side of a piece's hole in pixels, at most
THICK = 96  # pixels across; thicker holes are filled whole, since they need a look at the whole
CONTEXT = 3  # margin around a piece, in thicknesses of the hole
MARGINS = 96, 224  # smallest and largest in pixels; with the largest, crops are below LONGEST


def sections(group: Group, shape: tuple[int, int]) -> Iterator[Group]:
    """Cut a group's hole into pieces, if it is long and thin.

    Args:
        group: of a photo.
        shape: (H, W) of the photo.

    Yields:
        The group as it is, if its crop is small or its hole thick; otherwise groups that have every
        pixel of its hole once, from its one end to the other.
    """
    if max(group.hole.shape) <= LONGEST or (across := thickness(group.hole)) > THICK:
        yield group
        return
    margin = int(np.clip(CONTEXT * across, *MARGINS))
    outer = bounding_box(group.hole)
    for box in _boxes(group.hole, outer) if outer else ():
        yield group_at(
            box.moved(group.crop.left, group.crop.top), group.hole[box.slices], margin, shape
        )


def _boxes(hole: np.ndarray, box: Box) -> Iterator[Box]:
    """Rectangles around the pieces of a hole, cut across its longer side until they are short."""
    pieces = -(-max(box.height, box.width) // LENGTH)
    if pieces == 1:
        yield box
        return
    if box.width >= box.height:
        middle = box.left + box.width * (pieces // 2) // pieces
        parts = box._replace(right=middle), box._replace(left=middle)
    else:
        middle = box.top + box.height * (pieces // 2) // pieces
        parts = box._replace(bottom=middle), box._replace(top=middle)
    for part in parts:
        if (tight := bounding_box(hole[part.slices])) is not None:
            yield from _boxes(hole, tight.moved(part.left, part.top))


def thickness(hole: np.ndarray) -> float:
    """Diameter in pixels of the largest disc within a hole, bool (H, W)."""
    inside = cv2.copyMakeBorder(hole.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return 2 * float(cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())
