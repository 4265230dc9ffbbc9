"""Fill files on disk: one photo, or a folder of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lama.photo import READABLE, PhotoError, inpaint_photo, open_mask, open_photo
from lama.photo_write import SUFFIX, format_of, save_photo

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm"}


def inpaint_files(
    fill: Fill, image: Path, mask: Path, output: Path
) -> tuple[int, list[tuple[Path, str]]]:
    """Fill one photo, or all photos of a folder.

    Args:
        fill: for example `Inpainter.fill`.
        image: a photo, or a folder.
        mask: one mask for all, or a folder with a mask of each photo's name (any suffix).
        output: a file, or a folder; in a folder every result keeps its photo's name as PNG.

    Returns:
        How many were filled, and which failed with the reason; a failure does not end the batch.

    Raises:
        ValueError: Nothing to do, or a name for the result that cannot be written.
    """
    if image.is_file():
        if output.is_dir() or not output.suffix:
            output = output / f"{image.stem}.png"
        format_of(output)
        _one(fill, image, mask, output)
        return 1, []
    photos = sorted(p for p in image.iterdir() if p.suffix.lower() in SUFFIXES)
    if not photos:
        raise ValueError(f"no photos in {image}; {', '.join(READABLE)} can be read")
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file; results of a folder need a folder")
    failed = []
    for photo in tqdm(photos, unit="photo"):
        try:
            _one(fill, photo, _mask_for(photo, mask), output / f"{photo.stem}{SUFFIX['PNG']}")
        except ValueError as error:
            failed.append((photo, str(error)))
    return len(photos) - len(failed), failed


def _one(fill: Fill, image: Path, mask: Path, output: Path) -> None:
    photo = open_photo(image)
    hole = open_mask(mask, photo.size)
    save_photo(inpaint_photo(fill, photo, hole), output)


def _mask_for(photo: Path, mask: Path) -> Path:
    if not mask.is_dir():
        return mask
    found = sorted(p for p in mask.glob(f"{photo.stem}.*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise PhotoError(f"no mask named {photo.stem} in {mask}")
    return found[0]
