"""Pictures for the tests, made here: their objects are known to the pixel."""

import cv2
import numpy as np


def noise(height, width, seed=0):
    """Faint noise on grey: a picture without any object."""
    rng = np.random.default_rng(seed)
    return rng.normal(128, 4, (height, width, 3)).clip(0, 255).astype(np.uint8)


def desk(height=300, width=400, seed=0):
    """Three things on a textured desk; returns the image and the true label map."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint8)
    cv2.circle(labels, (width // 4, height // 3), height // 7, 1, -1)
    cv2.rectangle(labels, (width // 2, height // 5), (width * 3 // 4, height // 2), 2, -1)
    cv2.ellipse(
        labels, (width * 2 // 5, height * 3 // 4), (width // 7, height // 9), 20, 0, 360, 3, -1
    )
    colours = np.array([(150, 120, 90), (210, 40, 40), (40, 70, 190), (240, 230, 70)], float)
    image = colours[labels] + rng.normal(0, 9, (height, width, 3))
    return cv2.GaussianBlur(image.clip(0, 255).astype(np.uint8), (3, 3), 0), labels
