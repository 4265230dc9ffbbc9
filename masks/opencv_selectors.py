"""Selecting objects with OpenCV alone: two plain yardsticks, and the best that needs no network."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from masks import objects
from masks.base import Image, Mask
from masks.grabcut import grab_cut, guess_around, plausible
from masks.regions import Patches, cut, grow
from masks.selection import Point, Prompt, check, enlarged, reduced, tidy

SIDE = 320
"""Longer side at which the picture is looked at."""
TOLERANCE = 12
"""Of the flood fill, in grey values of each channel."""


class FloodFill:
    """The magic wand: everything that touches the click and has nearly its colour."""

    name = "flood fill"

    def select(self, image: Image, prompt: Prompt) -> Mask:
        """See `masks.selection.Provider`. A box is filled from its middle and cut off at it."""
        prompt = check(image, prompt)
        small, small_prompt = reduced(image, prompt, SIDE)
        height, width = small.shape[:2]
        smooth = cv2.medianBlur(small, 5)
        filled = np.zeros((height + 2, width + 2), np.uint8)
        flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
        seeds = small_prompt.points or (_middle(small_prompt),)
        for seed in seeds:
            cv2.floodFill(
                smooth, filled, _pixel(seed), 0, (TOLERANCE,) * 3, (TOLERANCE,) * 3, flags
            )
        mask = filled[1:-1, 1:-1] > 0
        if small_prompt.box is not None:
            mask &= _box_mask(small_prompt, height, width)
        return enlarged(mask, *image.shape[:2])


class GrabCut:
    """Plain GrabCut: the box as it is, or a disc of a sixth of the picture around the click."""

    name = "GrabCut"

    def select(self, image: Image, prompt: Prompt) -> Mask:
        """See `masks.selection.Provider`."""
        prompt = check(image, prompt)
        small, small_prompt = reduced(image, prompt, SIDE)
        height, width = small.shape[:2]
        guess = np.full((height, width), cv2.GC_BGD, np.uint8)
        if small_prompt.box is not None:
            guess[_box_mask(small_prompt, height, width)] = cv2.GC_PR_FGD
        else:
            guess[1:-1, 1:-1] = cv2.GC_PR_BGD
            for point in small_prompt.points:
                cv2.circle(guess, _pixel(point), max(height, width) // 6, cv2.GC_PR_FGD, -1)
        _mark(guess, small_prompt, small)
        cut_out = grab_cut(small, guess, 3)
        if cut_out is None:
            return np.zeros(image.shape[:2], np.bool_)
        return tidy(enlarged(cut_out, *image.shape[:2]), prompt)


class Regions:
    """Regions that grow out of even patches; the likeliest object under the click, redrawn.

    Growing is done once a photo and kept for the last few.
    """

    name = "regions"

    def __init__(self) -> None:
        self._looked_at = lru_cache(maxsize=4)(_look)

    def select(self, image: Image, prompt: Prompt) -> Mask:
        """See `masks.selection.Provider`."""
        prompt = check(image, prompt)
        small, small_prompt = reduced(image, prompt, objects.SIDE)
        patches, regions = self._looked_at(small.tobytes(), small.shape)
        region = _likeliest(patches, regions, small_prompt)
        if small_prompt.box is None:
            guess = guess_around(region)
        else:
            height, width = small.shape[:2]
            box = _box_mask(small_prompt, height, width)
            guess = np.full((height, width), cv2.GC_BGD, np.uint8)
            guess[box] = cv2.GC_PR_BGD
            guess[box & (region | _ellipse(small_prompt, height, width))] = cv2.GC_PR_FGD
        _mark(guess, small_prompt, small)
        redrawn = grab_cut(small, guess, 2)
        if redrawn is not None and plausible(redrawn, region):
            region = redrawn
        return tidy(enlarged(region, *image.shape[:2]), prompt)


def _look(pixels: bytes, shape: tuple[int, int, int]) -> tuple[Patches, NDArray[np.bool_]]:
    patches = cut(np.frombuffer(pixels, np.uint8).reshape(shape))
    grown = [grow(patches, edge, colour) for edge, colour in objects.GROWTHS]
    single = np.eye(len(patches.area), dtype=np.bool_)
    return patches, np.unique(np.concatenate([*grown, single]), axis=0)


def _likeliest(patches: Patches, regions: NDArray[np.bool_], prompt: Prompt) -> Mask:
    """Return the region, bool (h, w), that looks most like an object and fits the prompt."""
    height, width = patches.index.shape
    score = objects.scores(patches, regions)

    def hit(points: tuple[Point, ...]) -> NDArray[np.float64]:
        cells = [patches.index[int(y), int(x)] for x, y in points]
        return regions[:, cells].sum(1).astype(np.float64)

    score = score + 10 * hit(prompt.points) - 10 * hit(prompt.not_points)
    if prompt.box is not None:
        inside = np.bincount(
            patches.index[_box_mask(prompt, height, width)], minlength=len(patches.area)
        )
        common = regions @ inside.astype(np.float64)
        union = regions @ patches.area + inside.sum() - common
        score = score + 10 * common / union
    return regions[int(score.argmax())][patches.index]


def _mark(guess: NDArray[np.uint8], prompt: Prompt, image: Image) -> None:
    """Pin the clicks down: what they hit is certain."""
    radius = max(1, max(image.shape[:2]) // 100)
    for points, value in ((prompt.points, cv2.GC_FGD), (prompt.not_points, cv2.GC_BGD)):
        for point in points:
            cv2.circle(guess, _pixel(point), radius, value, -1)


def _pixel(point: Point) -> tuple[int, int]:
    return int(point[0]), int(point[1])


def _middle(prompt: Prompt) -> Point:
    left, top, right, bottom = prompt.box or (0, 0, 0, 0)
    return (left + right) / 2, (top + bottom) / 2


def _box_mask(prompt: Prompt, height: int, width: int) -> Mask:
    left, top, right, bottom = prompt.box or (0, 0, 0, 0)
    mask = np.zeros((height, width), np.bool_)
    mask[
        int(top) : max(int(top) + 1, round(bottom)), int(left) : max(int(left) + 1, round(right))
    ] = True
    return mask


def _ellipse(prompt: Prompt, height: int, width: int) -> Mask:
    """Return the middle of the box, where hardly any object leaves a gap."""
    left, top, right, bottom = prompt.box or (0, 0, 0, 0)
    mask = np.zeros((height, width), np.uint8)
    axes = max(1, round((right - left) * 0.4)), max(1, round((bottom - top) * 0.4))
    centre = round((left + right) / 2), round((top + bottom) / 2)
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1)
    return mask.view(np.bool_)
