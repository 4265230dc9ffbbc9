"""Pictures that repeat, made from crops of photos: rows and columns of one cell, seen at a slant.

Facades, gratings and tiles are rare among photos of nature, and in them a copy from elsewhere in
the picture is what belongs in the hole. A generator that meets too few of them takes half of the
copy and dissolves it.
"""

from __future__ import annotations

import cv2
import numpy as np

SMALLEST = 12  # side of a cell in pixels
LARGEST = 0.35  # side of a cell as a share of the picture's
SLANT = 0.25  # how far a corner may move, as a share of the picture's side
LIGHT = 0.5  # how much of the photo's own light and shade stays


def repeated(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture of which most or all is a wall of one cell that was cut from it.

    Args:
        image: (H, W, 3) uint8.
        rng: draws the cell, how it is laid, and where the wall ends.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = image.shape[:2]
    wall = _slanted(_lattice(_cell(image, rng), 2 * height, 2 * width, rng), height, width, rng)
    light = cv2.GaussianBlur(image.mean(-1).astype(np.float32), (0, 0), max(height, width) / 10)
    shade = 1 + LIGHT * (light / max(float(light.mean()), 1.0) - 1)
    wall = np.clip(wall * shade[..., None], 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        beyond = _beyond_a_line(height, width, rng)
        wall[beyond] = image[beyond]
    return wall


def _cell(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Of three cells the one with most in it: sky repeated is sky."""
    return max((_piece(image, rng) for _ in range(3)), key=np.std)


def _piece(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    largest = [max(2, round(side * LARGEST)) for side in image.shape[:2]]
    smallest = [min(SMALLEST, side) for side in largest]
    sides = [
        round(np.exp(rng.uniform(np.log(a), np.log(b))))
        for a, b in zip(smallest, largest, strict=True)
    ]
    top, left = (
        int(rng.integers(n - side + 1)) for n, side in zip(image.shape[:2], sides, strict=True)
    )
    return image[top : top + sides[0], left : left + sides[1]]


def _lattice(cell: np.ndarray, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """(height, width, 3) of cells side by side, each a little lighter or darker than the next."""
    if rng.random() < 0.5:  # without a seam between them, as two halves of a window
        cell = np.concatenate([cell, cell[:, ::-1]], 1)
    if rng.random() < 0.25:
        cell = np.concatenate([cell, cell[::-1]], 0)
    rows, columns = -(-height // cell.shape[0]), -(-width // cell.shape[1])
    gain = 1 + rng.uniform(0, 0.04) * rng.standard_normal((rows, columns))
    wall = np.tile(cell, (rows, columns, 1)) * np.kron(gain, np.ones(cell.shape[:2]))[..., None]
    return wall[:height, :width].astype(np.float32)


def _slanted(wall: np.ndarray, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """The middle of a wall, seen from aside."""
    tall, wide = wall.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    middle = corners + np.array([wide - width, tall - height], np.float32) / 2
    side = np.array([width, height])
    moved = middle + (rng.uniform(-SLANT, SLANT, (4, 2)) * side * rng.random()).astype(np.float32)
    turn = cv2.getPerspectiveTransform(moved, corners)
    size = (width, height)
    return cv2.warpPerspective(wall, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _beyond_a_line(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """(H, W) bool: what lies on the smaller side of a line, about a quarter of the picture."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:height, :width]
    along = (x / width - 0.5) * np.cos(angle) + (y / height - 0.5) * np.sin(angle)
    return along > rng.uniform(0.05, 0.45)
