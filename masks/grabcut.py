"""GrabCut (Rother, Kolmogorov and Blake 2004): a guess redrawn along a picture's edges."""

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import Image, Mask

BAND = 0.24
NARROWEST_BAND = 4.0
"""How far from a region its object may reach: a share of the root of its area, and pixels."""

LEAST_KEPT, MOST_GROWN = 0.4, 2.5
"""Areas, as shares of the guess, beyond which GrabCut lost the object or ran away with it."""


def guess_around(region: Mask) -> NDArray[np.uint8]:
    """Return a region, bool (h, w), as a guess of `GC_` values: probably the object.

    A band around it is probably background, what lies beyond certainly is.
    """
    off = cv2.distanceTransform((~region).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    reach = max(NARROWEST_BAND, BAND * np.count_nonzero(region) ** 0.5)
    guess = np.full(region.shape, cv2.GC_BGD, np.uint8)
    guess[off <= reach] = cv2.GC_PR_BGD
    guess[region] = cv2.GC_PR_FGD
    return guess


def grab_cut(image: Image, guess: NDArray[np.uint8], rounds: int) -> Mask | None:
    """Return what GrabCut makes of a guess, or None where that has no background.

    The same image and guess give the same mask.

    Args:
        image: uint8 (h, w, 3) in RGB.
        guess: uint8 (h, w) of `GC_` values.
        rounds: how often colours and cut are adapted to each other.
    """
    cv2.setRNGSeed(0)  # its k-means draws from OpenCV's own generator
    guess = guess.copy()
    no_rectangle = (0, 0, 0, 0)
    bgr = np.ascontiguousarray(image[..., ::-1])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(bgr, guess, no_rectangle, *models, rounds, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        return None
    return (guess == cv2.GC_FGD) | (guess == cv2.GC_PR_FGD)


def plausible(redrawn: Mask, region: Mask) -> bool:
    """Whether a redrawn region is about as large as it was."""
    before, after = (int(np.count_nonzero(mask)) for mask in (region, redrawn))
    return LEAST_KEPT < after / max(1, before) < MOST_GROWN
