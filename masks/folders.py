"""Masks made once for a folder of photos, and a strategy that takes them from there.

    python -m masks --precompute PHOTOS --output MASKS
    masks.get("folder:MASKS")(image, rng)

MASKS holds one PNG per mask, `PHOTO_mask000.png` and so on, and `masks.csv` with what each shows;
PHOTO is the photo's name, with its suffix where two differ in nothing else.
"""

import csv
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from masks.annotations import AnnotatedPhoto, NotAnnotatedError, annotated_photos, photos
from masks.arguments import line
from masks.base import Labels, Recipe, Strategy, Values
from masks.files import check_new_folder, find_files, read_image, read_mask, write_mask
from masks.objects import find_objects
from masks.ops import as_bytes
from masks.parameter import Parameter
from masks.segmentation import RECIPE, Scene

_log = logging.getLogger(__name__)
PREFIX = "folder:"
TABLE = "masks.csv"
_MOST_BROKEN = 10  # files in a row that are no masks
COLUMNS = ("file", "photo", "object", "area", "scale", "mirrored", "hidden")


@dataclass(frozen=True)
class Made:
    """What `precompute` made.

    Attributes:
        photos: photos that were used.
        skipped: photos that could not be used.
        masks: masks that were written.
        areas: each mask's share of its photo.
        sources: the files and folders that the objects come from, empty if they were searched.
    """

    photos: int
    skipped: int
    masks: int
    areas: tuple[float, ...]
    sources: tuple[Path, ...]


def labelled(folder: Path) -> list[AnnotatedPhoto]:
    """Return a folder's photos with its own annotation, or else with what `masks.objects` finds.

    Photos without annotation lie in the folder or, if none does, in `images/`.

    Raises:
        ValueError: there are no photos, or an annotation that cannot be read or is of others.
    """
    try:
        return annotated_photos(folder)
    except NotAnnotatedError:
        inner = folder / "images"
        place = inner if inner.is_dir() and not find_files(folder) else folder
        return [AnnotatedPhoto(photo, partial(_found, photo)) for photo in photos(place)]


def _found(photo: Path) -> Labels:
    return find_objects(read_image(photo))


def precompute(folder: Path, output: Path, seed: int, values: Values | None = None) -> Made:
    """Write all holes that the rule of `segmentation` yields for each photo of a folder.

    Every photo has a seed of its own, so that the same call writes the same files. A photo that
    cannot be used is skipped, and the log says why.

    Args:
        folder: photos, with or without annotation.
        output: the folder where the masks and their table go, new or empty. It has all of them or,
            where writing fails, none.
        seed: a whole number, 0 or more.
        values: parameters of `segmentation` that differ from the published ones.

    Raises:
        ValueError: no photos, or none that can be used, photos whose masks would have one name, a
            bad parameter, or an `output` that holds something, the photos or other masks.
        OSError: a file cannot be written.
    """
    strategy = Strategy(RECIPE, values or {})
    folder, output = Path(folder), Path(output)
    check_new_folder(output)
    entries = labelled(folder)
    output.mkdir(parents=True, exist_ok=True)
    try:
        rows, skipped = _write_all(entries, output, strategy, seed)
    except BaseException:  # a part of the masks would be taken for all of them
        for file in output.iterdir():
            file.unlink()
        raise
    areas = tuple(float(str(row[3])) for row in rows)
    sources = sorted({entry.source for entry in entries if entry.source is not None})
    return Made(len(entries) - skipped, skipped, len(rows), areas, tuple(sources))


def _write_all(
    entries: Sequence[AnnotatedPhoto], output: Path, strategy: Strategy, seed: int
) -> tuple[list[tuple[object, ...]], int]:
    """Write all masks and their table into a folder; return the rows and how many were skipped."""
    names = _names([entry.photo for entry in entries])
    rows: list[tuple[object, ...]] = []
    skipped: list[str] = []
    children = np.random.SeedSequence(seed).spawn(len(entries))
    for entry, prefix, child in zip(entries, names, children, strict=True):
        try:
            labels = entry.read()
            scene = Scene(labels, strategy.values_for(*labels.shape))
            holes = scene.holes(np.random.default_rng(child))
        except (ValueError, cv2.error) as error:
            skipped.append(f"{entry.photo}: {line(error)}")
            _log.warning("skipped: %s", skipped[-1])
            continue
        for number, hole in enumerate(holes):
            name = f"{prefix}_mask{number:03d}.png"
            write_mask(output / name, hole.mask)
            hidden = 1 - np.count_nonzero(hole.mask) / hole.area
            area = f"{hole.mask.mean():.5f}"
            rows.append(
                (name, entry.photo.name, hole.source, area, f"{hole.scale:.4f}",
                 int(hole.mirrored), f"{hidden:.4f}")
            )  # fmt: skip
    if len(skipped) == len(entries):
        raise ValueError(f"none of {len(entries)} photos can be used; {skipped[0]}")
    if rows:
        with (output / TABLE).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(rows)
    return rows, len(skipped)


def _names(found: Sequence[Path]) -> list[str]:
    """Return what each photo's files begin with: its stem, or more where photos share a stem."""
    stems, names = Counter(p.stem for p in found), Counter(p.name for p in found)
    result: list[str] = []
    for photo in found:
        prefix = photo.stem if stems[photo.stem] == 1 else photo.name
        if names[photo.name] > 1:  # of several folders
            prefix = f"{photo.parent.name}_{photo.name}"
        if prefix in result:
            raise ValueError(f"several photos are called {prefix}: give them names of their own")
        result.append(prefix)
    return result


def recipe(name: str) -> Recipe:
    """Return the strategy that takes its masks from a folder; `name` is `folder:` and a path.

    Each mask is as likely as any other, mirrored every other time, scaled so that it just covers
    the picture, and cut at a random place that shows some of its hole.

    Raises:
        ValueError: there are no masks.
    """
    folder = Path(name.removeprefix(PREFIX)).expanduser()
    found = find_files(folder, (".png",))
    if not found:
        raise ValueError(
            f"{folder} has no masks (*.png): make some with python -m masks --precompute PHOTOS "
            f"--output {folder}"
        )
    flip = Parameter.switch("flip", True, "Mirror every other mask, by chance.")
    paint = partial(_paint, files=tuple(found))
    return Recipe(name, f"Masks from {folder}.", "masks made before", (flip,), paint)


def _paint(
    height: int,
    width: int,
    values: Values,
    _scale: float,
    rng: np.random.Generator,
    *,
    files: tuple[Path, ...],
) -> np.ndarray:
    """Return one of the masks as it covers a picture: uint8 (H, W) of 0 and 1."""
    mask = _draw(files, rng)
    if values["flip"] and rng.random() < 0.5:
        mask = mask[:, ::-1]
    factor = max(height / mask.shape[0], width / mask.shape[1])
    size = max(width, round(mask.shape[1] * factor)), max(height, round(mask.shape[0] * factor))
    whole = _resized(np.ascontiguousarray(mask), size)
    top = int(rng.integers(whole.shape[0] - height + 1))
    left = int(rng.integers(whole.shape[1] - width + 1))
    if not whole[top : top + height, left : left + width].any():
        rows, columns = np.nonzero(whole)
        one = rng.integers(len(rows))
        top = _start(int(rows[one]), height, whole.shape[0], rng)
        left = _start(int(columns[one]), width, whole.shape[1], rng)
    return np.ascontiguousarray(whole[top : top + height, left : left + width])


def _resized(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a mask, uint8 (H, W) of 0 and 1, at another (width, height).

    A hole is what lies at the middle of each new pixel. Where it is then thinner than three pixels,
    it is all that the hole touches, so that no line is torn or lost.
    """
    near = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    if size[0] >= mask.shape[1] and size[1] >= mask.shape[0]:
        return near
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    block = np.ones((3, 3), np.uint8)
    thick = cv2.dilate(cv2.morphologyEx(near, cv2.MORPH_OPEN, block), block)
    return np.maximum(near, as_bytes((share > 0) & (thick == 0)))


def _start(inside: int, length: int, total: int, rng: np.random.Generator) -> int:
    """Return where a piece of this length may begin so that it holds a place."""
    return int(rng.integers(max(0, inside - length + 1), min(inside, total - length) + 1))


def _draw(files: Sequence[Path], rng: np.random.Generator) -> np.ndarray:
    """Read one of the masks; another one where that is none, so that a long run goes on.

    Raises:
        ValueError: so many in a row are none.
    """
    for _ in range(_MOST_BROKEN - 1):
        try:
            return _read(files[int(rng.integers(len(files)))])
        except ValueError as error:
            _say_once(str(error))
    return _read(files[int(rng.integers(len(files)))])


@cache
def _say_once(words: str) -> None:
    _log.warning("skipped: %s", words)


def _read(path: Path) -> np.ndarray:
    """Read a mask as uint8 (H, W) of 0 and 1.

    Raises:
        ValueError: it cannot be read, or holds no hole, or nothing else.
    """
    mask = read_mask(path)
    if mask.all() or not mask.any():
        raise ValueError(
            f"{path} is {'all' if mask.any() else 'no'} hole: what is not black is hole, or where "
            "a part is clear, what is not clear; leave the file out or mend it"
        )
    return as_bytes(mask)
