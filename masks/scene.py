"""A drawn landscape of any size: something to draw masks on where there is no photo."""

import cv2
import numpy as np

from masks.base import Image, check_size

SKY = ((196, 222, 240), (232, 238, 234))
SUN = (252, 214, 112)
FAR_HILL, NEAR_HILL, MEADOW = (150, 182, 176), (118, 160, 122), (92, 138, 84)
WALL, ROOF, DOOR, PANE = (238, 226, 204), (178, 84, 62), (112, 76, 58), (120, 160, 184)
CROWN, TRUNK = (58, 104, 72), (98, 76, 60)
BALLOON, STRIPE, BASKET = (206, 72, 88), (226, 104, 108), (128, 90, 62)


def scene(height: int = 512, width: int = 512) -> Image:
    """Return the landscape: uint8 (H, W, 3) in RGB, with a house, a tree, a balloon and the sun.

    Raises:
        ValueError: if no masks could be drawn at this size.
    """
    check_size(height, width)
    image = np.empty((height, width, 3), np.uint8)
    fade = np.linspace(0, 1, height)[:, None]
    image[...] = ((1 - fade) * SKY[0] + fade * SKY[1]).astype(np.uint8)[:, None]
    unit = min(height, width)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * width), round(y * height)

    def near(anchor: tuple[float, float], *offsets: tuple[float, float]) -> np.ndarray:
        """Return points around an anchor, in shares of the short side, so that shapes keep."""
        x, y = at(*anchor)
        return np.array([(x + dx * unit, y + dy * unit) for dx, dy in offsets]).round().astype(int)

    def disc(centre: tuple[float, float], radius: float, colour: tuple[int, int, int]) -> None:
        x, y = at(*centre)
        cv2.circle(image, (x, y), max(1, round(radius * unit)), colour, -1, cv2.LINE_AA)

    def shape(points: np.ndarray, colour: tuple[int, int, int]) -> None:
        cv2.fillPoly(image, [points.astype(np.int32)], colour, cv2.LINE_AA)

    disc((0.82, 0.17), 0.075, SUN)
    for colour, base, swell, waves in (
        (FAR_HILL, 0.58, 0.06, 1.3),
        (NEAR_HILL, 0.68, 0.05, 0.8),
        (MEADOW, 0.80, 0.03, 0.5),
    ):
        xs = np.linspace(0, 1, 80)
        ridge = base - swell * np.sin(2 * np.pi * waves * xs + 8 * base)
        outline = [at(x, y) for x, y in zip(xs, ridge, strict=True)]
        shape(np.array([*outline, (width, height), (0, height)]), colour)

    house = (0.60, 0.86)
    shape(near(house, (-0.13, -0.17), (0.13, -0.17), (0.13, 0), (-0.13, 0)), WALL)
    shape(near(house, (-0.16, -0.16), (0, -0.31), (0.16, -0.16)), ROOF)
    shape(near(house, (-0.09, -0.11), (-0.03, -0.11), (-0.03, 0), (-0.09, 0)), DOOR)
    shape(near(house, (0.03, -0.12), (0.09, -0.12), (0.09, -0.06), (0.03, -0.06)), PANE)
    tree = (0.20, 0.90)
    shape(near(tree, (-0.02, -0.16), (0.02, -0.16), (0.025, 0), (-0.025, 0)), TRUNK)
    for dx, dy, radius in ((-0.06, -0.18, 0.07), (0.06, -0.19, 0.075), (0, -0.27, 0.085)):
        x, y = near(tree, (dx, dy))[0]
        disc((x / width, y / height), radius, CROWN)
    balloon = (0.36, 0.27)
    shape(near(balloon, (-0.085, 0.06), (0.085, 0.06), (0.02, 0.17), (-0.02, 0.17)), BALLOON)
    disc(balloon, 0.105, BALLOON)
    x, y = at(*balloon)
    axes = (max(1, round(0.04 * unit)), max(1, round(0.105 * unit)))
    cv2.ellipse(image, (x, y), axes, 0, 0, 360, STRIPE, -1, cv2.LINE_AA)
    shape(near(balloon, (-0.025, 0.19), (0.025, 0.19), (0.02, 0.23), (-0.02, 0.23)), BASKET)
    return image
