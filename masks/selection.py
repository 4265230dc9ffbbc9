"""What it means to select an object: the question, the answer, and who may answer it.

A provider turns clicks or a box into the mask of one object. Providers that need nothing but OpenCV
are in `masks.opencv_selectors`; networks live elsewhere and keep to the same protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import Image, Mask, check_image
from masks.ops import within

Point: TypeAlias = tuple[float, float]
"""(x, y) in pixels: (0, 0) is the top left pixel."""
Box: TypeAlias = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels; right and bottom are the first that lie outside."""
WITHIN = 1e-3
"""What lies on the outer edge of the last pixel is moved into it by so much."""


@dataclass(frozen=True)
class Prompt:
    """What a person pointed at.

    Attributes:
        points: clicks on the object.
        not_points: clicks on what does not belong to it.
        box: drawn around the object.
    """

    points: tuple[Point, ...] = ()
    not_points: tuple[Point, ...] = ()
    box: Box | None = None

    def inside(self, height: int, width: int) -> "Prompt":
        """Return the same with the box cut off at the border of a picture of this size.

        Raises:
            ValueError: there is neither a click on the object nor a box, a click lies outside the
                picture, or the box has no area there.
        """
        if not self.points and self.box is None:
            raise ValueError("nothing was pointed at: give a click on the object, or a box")
        for x, y in (*self.points, *self.not_points):
            if not (0 <= x < width and 0 <= y < height):
                raise ValueError(
                    f"the click ({x:g}, {y:g}) is outside the picture of {width} x {height} pixels"
                )
        return Prompt(self.points, self.not_points, _clipped(self.box, height, width))


def _clipped(box: Box | None, height: int, width: int) -> Box | None:
    if box is None:
        return None
    left, top, right, bottom = box
    clipped = max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom)
    if not (clipped[0] + 1 <= clipped[2] and clipped[1] + 1 <= clipped[3]):
        raise ValueError(
            f"the box {box} covers nothing of the picture of {width} x {height} pixels; "
            "a box is left, top, right, bottom"
        )
    return clipped


class Provider(Protocol):
    """Selects objects in photos. The same photo and prompt give the same answer."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    def select(self, image: Image, prompt: Prompt) -> Mask:
        """Return the pointed-at object, bool (H, W); all False where nothing was made out.

        Args:
            image: uint8 (H, W, 3).
            prompt: what was pointed at.

        Raises:
            ValueError: for a bad image or prompt, as `Prompt.inside` says.
        """


def check(image: Image, prompt: Prompt) -> Prompt:
    """Check both and return the prompt with its box cut off at the image's border.

    Raises:
        ValueError: saying what is wrong.
    """
    return prompt.inside(*check_image(image))


def tidy(mask: NDArray[np.bool_], prompt: Prompt) -> Mask:
    """Return the mask, bool (H, W), as a person expects it after these clicks.

    Only the pieces that were clicked on are left, or without clicks those of at least a fifth of
    the largest one. Gaps under a hundredth of the object are closed; what is open to the picture's
    border is no gap.
    """
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    if count < 2:
        return mask
    clicked = {int(pieces[int(y), int(x)]) for x, y in prompt.points} - {0}
    if not clicked:
        areas = stats[1:, cv2.CC_STAT_AREA]
        clicked = set((1 + np.flatnonzero(areas >= 0.2 * areas.max())).tolist())
    kept = np.isin(pieces, sorted(clicked))
    count, gaps, stats, _ = cv2.connectedComponentsWithStats((~kept).view(np.uint8))
    small = stats[:, cv2.CC_STAT_AREA] < 0.01 * np.count_nonzero(kept)
    small[0] = False
    small[np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]])] = False
    for x, y in prompt.not_points:  # a gap that was asked for
        small[gaps[int(y), int(x)]] = False
    return kept | small[gaps]


def reduced(image: Image, prompt: Prompt, side: int) -> tuple[Image, Prompt]:
    """Return the image with its longer side at most `side` pixels, and the prompt for that size.

    What was pointed at lies within the small image too, whose sides are rounded.
    """
    small, factor = within(image, side)
    height, width = small.shape[:2]

    def scaled(x: float, y: float, off: float) -> Point:
        return min(x * factor, width - off), min(y * factor, height - off)

    points, not_points = (
        tuple(scaled(*click, WITHIN) for click in clicks)
        for clicks in (prompt.points, prompt.not_points)
    )
    if prompt.box is None:
        return small, Prompt(points, not_points)
    left, top, right, bottom = prompt.box
    return small, Prompt(points, not_points, (*scaled(left, top, 1), *scaled(right, bottom, 0)))


def enlarged(mask: NDArray, height: int, width: int) -> Mask:
    """Return a small mask, bool or probabilities (h, w), at full size with smooth outlines."""
    if mask.shape == (height, width):
        return mask > 0.5
    smooth = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return smooth > 0.5


def select_all(
    provider: Provider, image: Image, wanted: Sequence[Prompt], unwanted: Sequence[Point] = ()
) -> Mask:
    """Return several objects as one mask, bool (H, W), less what was clicked away.

    Args:
        provider: who is asked.
        image: uint8 (H, W, 3).
        wanted: one prompt per object.
        unwanted: clicks on what does not belong to any of them.

    Raises:
        ValueError: for a bad image or prompt, as `Prompt.inside` says.
    """
    away = tuple(unwanted)
    mask = np.zeros(image.shape[:2], np.bool_)
    for prompt in wanted:
        mask |= provider.select(image, replace(prompt, not_points=prompt.not_points + away))
    for point in away:
        if mask[int(point[1]), int(point[0])]:
            kept = tuple(p for prompt in wanted for p in prompt.points if p != point)
            mask &= ~provider.select(image, Prompt(points=(point,), not_points=kept))
            mask[int(point[1]), int(point[0])] = False
    return mask
