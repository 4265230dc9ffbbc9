"""Fill files on disk: one photo, or a folder of them, several at once and over several machines.

Reading, filling and writing of different photos overlap. A folder can be shared by processes:
each takes every n-th photo (`RANK` and `WORLD_SIZE`, as torchrun and `accelerate launch` set them).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lama.photo import READABLE, PhotoError, inpaint_photo, open_mask, open_photo
from lama.photo_write import SUFFIX, format_of, save_photo

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm"}


@dataclass
class Outcome:
    """What became of a folder's photos."""

    filled: int = 0
    already: int = 0  # results that were there and are newer than photo and mask
    failed: list[tuple[Path, str]] = field(default_factory=list)


def inpaint_files(
    fill: Fill,
    image: Path,
    mask: Path,
    output: Path,
    *,
    workers: int = 1,
    prepare: Callable[[], None] | None = None,
) -> Outcome:
    """Fill one photo, or all photos of a folder.

    Args:
        fill: for example `Inpainter.fill`; called from several threads if `workers` says so.
        image: a photo, or a folder.
        mask: one mask for all, or a folder with a mask of each photo's name (any suffix).
        output: a file, or a folder; in a folder every result keeps its photo's name as PNG.
        workers: photos of a folder in work at the same time.
        prepare: called first in each of their threads.

    Returns:
        What was done; a failure does not end the batch, and a result that is there already and
        newer than its photo and mask is not made again.

    Raises:
        ValueError: Nothing to do, or a name for the result that cannot be written.
    """
    if image.is_file():
        if output.is_dir() or not output.suffix:
            output = output / f"{image.stem}.png"
        format_of(output)
        _one(fill, image, mask, output)
        return Outcome(filled=1)
    photos = sorted(p for p in image.iterdir() if p.suffix.lower() in SUFFIXES)
    if not photos:
        raise ValueError(f"no photos in {image}; {', '.join(READABLE)} can be read")
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file; results of a folder need a folder")
    mine = photos[int(os.environ.get("RANK", "0")) :: int(os.environ.get("WORLD_SIZE", "1"))]
    outcome = Outcome()
    work = partial(_one_of_many, fill, mask, output)
    with ThreadPoolExecutor(workers, initializer=prepare) as pool:
        results = tqdm(pool.map(work, mine), total=len(mine), unit="photo")
        for photo, result in zip(mine, results, strict=True):
            if isinstance(result, ValueError):
                outcome.failed.append((photo, str(result)))
            elif result:
                outcome.filled += 1
            else:
                outcome.already += 1
    return outcome


def _one_of_many(fill: Fill, mask: Path, output: Path, photo: Path) -> bool | ValueError:
    """True if filled, False if the result was there already; a failure does not end the others."""
    try:
        hole = _mask_for(photo, mask)
        result = output / f"{photo.stem}{SUFFIX['PNG']}"
        if _is_done(result, photo, hole):
            return False
        _one(fill, photo, hole, result)
    except ValueError as error:
        return error
    return True


def _one(fill: Fill, image: Path, mask: Path, output: Path) -> None:
    photo = open_photo(image)
    hole = open_mask(mask, photo.size)
    save_photo(inpaint_photo(fill, photo, hole), output)


def _is_done(result: Path, photo: Path, mask: Path) -> bool:
    """Results are written in one go, so that one that exists is whole."""
    if not result.exists():
        return False
    made = result.stat().st_mtime_ns
    return made >= max(photo.stat().st_mtime_ns, mask.stat().st_mtime_ns)


def _mask_for(photo: Path, mask: Path) -> Path:
    if not mask.is_dir():
        return mask
    found = sorted(p for p in mask.glob(f"{photo.stem}.*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise PhotoError(f"no mask named {photo.stem} in {mask}")
    return found[0]
