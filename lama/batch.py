"""Fill files on disk: one photo, or a folder of them, several at once and over several machines.

Reading, filling and writing of different photos overlap. A folder can be shared by processes:
each takes every n-th photo (`RANK` and `WORLD_SIZE`, as torchrun and `accelerate launch` set them).

Every result of a folder says in a text entry what it was made of: with which weights and code, and
from which photo and mask (by their sha256), grown by how much. So a second call makes what is
missing or would differ.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from lama import photo_heic
from lama.files import sha256_file
from lama.photo import READABLE, Fill, PhotoError, inpaint_photo, open_mask, open_photo
from lama.photo_write import SUFFIX, format_of, save_photo
from masks.arguments import line
from masks.files import PHOTO_SUFFIXES, find_files
from masks.ops import grown

SUFFIXES = {*PHOTO_SUFFIXES, *photo_heic.SUFFIXES, ".avif", ".gif", ".ppm", ".pgm"}
RECORD = "lama-inpaint"  # the text entry of a result
Masks = Path | dict[str, list[Path]]  # one for all, or by the names of photos


@dataclass
class Outcome:
    """What became of a folder's photos."""

    filled: int = 0
    already: int = 0  # results that were there, made of the same
    failed: list[tuple[Path, str]] = field(default_factory=list)


def inpaint_files(
    fill: Fill,
    image: Path,
    mask: Path,
    output: Path,
    *,
    grow: int = 0,
    made_with: str = "",
    workers: int = 1,
    prepare: Callable[[], None] | None = None,
) -> Outcome:
    """Fill one photo, or all photos of a folder.

    Args:
        fill: for example `Inpainter.fill`; called from several threads if `workers` says so.
        image: a photo, or a folder.
        mask: one mask for all, or a folder with a mask of each photo's name (any suffix).
        output: a file, or a folder, neither where photo or mask lie; in a folder every result keeps
            its photo's name as PNG.
        grow: pixels by which every hole is made wider.
        made_with: what tells one `fill` from another: the sha256 of its weights, and its code.
        workers: photos of a folder to work on at the same time.
        prepare: called first in each of their threads.

    Returns:
        What was done; a failure does not end the batch, and a result that is there already and was
        made with the same from the same photo and mask is not made again.

    Raises:
        ValueError: Nothing to do, a name for the result that cannot be written, a result that would
            take the place of a photo, a mask or another result, a share of a folder that there is
            not; before anything is filled.
    """
    masks = _by_stem(mask) if mask.is_dir() else mask
    if image.is_file():
        if output.is_dir() or not output.suffix:
            _refuse_same(output, image.parent, mask)
            output = output / f"{image.stem}.png"
        format_of(output)
        hole = _mask_for(image, masks)
        _refuse_same(output, image, hole)
        _one(fill, image, hole, grow, output)
        return Outcome(filled=1)
    photos = _by_stem(image)
    if not photos:
        raise ValueError(f"no photos in {image}; {', '.join(READABLE)} can be read")
    for names in photos.values():
        if len(names) > 1:
            raise ValueError(
                f"{' and '.join(p.name for p in names)} in {image} would have one result, "
                f"{names[0].stem}.png: rename one of them"
            )
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file; results of a folder need a folder")
    _refuse_same(output, image, mask)
    work = partial(_one_of_many, fill, masks, grow, output, made_with)
    mine = _share(sorted(p for (p,) in photos.values()))
    return _all(work, mine, workers, prepare)


def _share(photos: list[Path]) -> list[Path]:
    """This process's photos of a folder."""
    rank, processes = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if rank is None and processes is None:
        return photos
    try:
        first, step = int(rank or ""), int(processes or "")
        if not 0 <= first < step:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"RANK is {rank or 'not set'} and WORLD_SIZE {processes or 'not set'}: set both, RANK "
            "from 0 to WORLD_SIZE - 1, or neither"
        ) from None
    return photos[first::step]


def _all(
    work: Callable[[Path], bool | Exception],
    photos: list[Path],
    workers: int,
    prepare: Callable[[], None] | None,
) -> Outcome:
    """Do these photos."""
    outcome = Outcome()
    with ThreadPoolExecutor(workers, initializer=prepare) as pool:
        results = tqdm(pool.map(work, photos), total=len(photos), unit="photo")
        for photo, result in zip(photos, results, strict=True):
            if isinstance(result, Exception):
                outcome.failed.append((photo, line(result)))
            elif result:
                outcome.filled += 1
            else:
                outcome.already += 1
    return outcome


def _one_of_many(
    fill: Fill, masks: Masks, grow: int, output: Path, made_with: str, photo: Path
) -> bool | Exception:
    """True if filled, False if the result was there already; a failure does not end the others."""
    try:
        hole = _mask_for(photo, masks)
        result = output / f"{photo.stem}{SUFFIX['PNG']}"
        record = f"{made_with} grow {grow} {sha256_file(photo)} {sha256_file(hole)}"
        if _record_of(result) == record:
            return False
        _refuse_same(result, photo, hole)
        _one(fill, photo, hole, grow, result, record)
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are filled
        return error
    return True


def _one(fill: Fill, image: Path, mask: Path, grow: int, output: Path, record: str = "") -> None:
    photo = open_photo(image)
    hole = grown(open_mask(mask, photo.size), grow)
    filled = inpaint_photo(fill, photo, hole)
    text = {key: value for key, value in photo.text.items() if key != RECORD}
    if record:
        text[RECORD] = record
    save_photo(replace(filled, text=text), output)


def _record_of(result: Path) -> str:
    """What a result says that it was made of; "" if there is none, or it does not say.

    Results are written in one go, so that one that exists is whole.
    """
    try:
        with Image.open(result) as image:  # reads what stands before the pixels
            return str(image.info.get(RECORD, ""))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return ""


def _by_stem(folder: Path) -> dict[str, list[Path]]:
    """The pictures that lie in a folder by their names without suffix, each list by name."""
    found: dict[str, list[Path]] = {}
    for path in find_files(folder, SUFFIXES):
        found.setdefault(path.stem, []).append(path)
    return found


def _mask_for(photo: Path, masks: Masks) -> Path:
    """The one mask for all, or that of the photo's name; one with its suffix too goes first."""
    if isinstance(masks, Path):
        return masks
    found = masks.get(photo.stem, [])
    same = [path for path in found if path.name == photo.name]
    if not found:
        raise PhotoError(f"no mask named {photo.stem}")
    if len(found) > 1 and not same:
        raise PhotoError(f"{' and '.join(p.name for p in found)} could both be its mask")
    return (same or found)[0]


def _refuse_same(output: Path, *sources: Path) -> None:
    """ValueError if the results would lie where their sources do."""
    for source in sources:
        if output.exists() and output.samefile(source):
            raise ValueError(
                f"{output} holds what is to be filled, which would be overwritten: "
                "take another place for --output"
            )
