"""Object masks that a dataset comes with: label maps, COCO panoptic and COCO instance files.

    images/a.jpg   labels/a.png                       grey label map, 0 = background (8 or 16 bits)
    images/a.jpg   panoptic/a.png   panoptic.json     COCO panoptic: R + 256 G + 65536 B is the id
    images/a.jpg   instances.json                     COCO instances: polygons or run lengths

Photos may also lie beside the JSON file, or anywhere below with the path that it names.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from masks import rle
from masks.base import LARGEST_SIDE, Labels, Mask
from masks.files import PHOTO_SUFFIXES, find_files, read_image

Segmentation: TypeAlias = list[list[float]] | dict[str, Any]
"""As COCO writes it: polygons of x, y, x, y ..., or {"counts": runs, "size": [height, width]}."""


@dataclass(frozen=True)
class AnnotatedPhoto:
    """A photo and its objects.

    Attributes:
        photo: the picture's file.
        read: reads the label map, int32 (H, W), 0 = background, one number per object.
        source: the file or folder that annotates it, None if nothing does.
    """

    photo: Path
    read: Callable[[], Labels]
    source: Path | None = None


class NotAnnotatedError(ValueError):
    """A folder has no annotation of a known form."""


def annotated_photos(folder: Path | str) -> list[AnnotatedPhoto]:
    """Return the photos of a folder that have annotated objects, by name.

    Raises:
        NotAnnotatedError: no annotation of a known form is there.
        ValueError: a file cannot be read, or lacks what it should have; the annotation is of other
            photos; or a photo is annotated twice.
    """
    folder = Path(folder)
    found: list[AnnotatedPhoto] = []
    troubles: list[str] = []
    for path in find_files(folder, (".json",)):
        data = _json(path)
        if isinstance(data, dict) and isinstance(data.get("annotations"), list):
            entries, lost = _coco(path, data)
            found += entries
            if not entries and _shows_objects(data["annotations"]):
                what = f"{lost[0]} is not there" if lost else "those that are there have no objects"
                troubles.append(f"{path} annotates no photo of this folder: {what}")
    if not found and (folder / "labels").is_dir():
        found, lost = _label_maps(folder)
        if not found:
            troubles.append(f"{folder / 'labels'} fits no photo: {lost[0]} is not there")
    if not found and troubles:
        raise ValueError(troubles[0])
    if not found:
        raise NotAnnotatedError(
            f"{folder} has no annotated photos: expected labels/*.png, or a COCO panoptic or "
            "instances .json with the photos beside it or in images/"
        )
    _check_once(found)
    return sorted(found, key=lambda entry: entry.photo.name)


def photos(folder: Path | str) -> list[Path]:
    """Return the pictures that lie directly in a folder, by name.

    Raises:
        ValueError: there is no such folder, or no picture in it.
    """
    found = find_files(Path(folder))
    if not found:
        raise ValueError(f"{folder} has no photos: {', '.join(PHOTO_SUFFIXES)} are looked for")
    return found


def read_labels(path: Path | str) -> Labels:
    """Read a label map, int32 (H, W): grey of 8 or 16 bits as it is, colour as panoptic ids.

    Raises:
        ValueError: it is no picture that can be read.
    """
    path = Path(path)
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except (OSError, cv2.error):
        pixels = None
    if pixels is None:
        raise ValueError(f"{path} is not a label map that can be read: use a grey PNG")
    if pixels.ndim == 2:
        return pixels.astype(np.int32)
    blue, green, red = (pixels[..., k].astype(np.int32) for k in range(3))
    return red + 256 * green + 65536 * blue


def _label_maps(folder: Path) -> tuple[list[AnnotatedPhoto], list[str]]:
    """Return the photos that have a label map, and the label maps that the others lack."""
    found, lost = [], []
    source = folder / "labels"
    for photo in photos(folder / "images" if (folder / "images").is_dir() else folder):
        file = source / f"{photo.stem}.png"
        if file.exists():
            found.append(AnnotatedPhoto(photo, _Reading(photo, file), source))
        else:
            lost.append(str(file))
    return found, lost


def _check_once(found: list[AnnotatedPhoto]) -> None:
    """Check that no photo has two annotations, of which one would be taken at random."""
    sources: dict[Path, Path | None] = {}
    for entry in found:
        place = entry.photo.resolve()
        if place in sources:
            both = " and ".join(dict.fromkeys(str(s) for s in (sources[place], entry.source)))
            raise ValueError(f"{entry.photo} is annotated twice, in {both}: keep one annotation")
        sources[place] = entry.source


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as JSON: {error}") from error


def _photo(path: Path, name: str) -> Path | None:
    for candidate in (path.parent / "images" / name, path.parent / name):
        if candidate.is_file():
            return candidate
    return None


def _shows_objects(annotations: list[Any]) -> bool:
    """Whether a COCO file is about objects, or about none yet; captions say nothing of them."""
    return not annotations or any(
        "segments_info" in entry or "segmentation" in entry for entry in annotations
    )


def _coco(path: Path, data: dict[str, Any]) -> tuple[list[AnnotatedPhoto], list[str]]:
    """Return the annotated photos that are there, and the files that it names and are not."""
    try:
        panoptic = any("segments_info" in entry for entry in data["annotations"])
        return (_panoptic if panoptic else _instances)(path, data)
    except KeyError as error:
        raise ValueError(f"{path} is not COCO as it should be: an entry has no {error}") from error
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not COCO as it should be: {error}") from error


def _panoptic(path: Path, data: dict[str, Any]) -> tuple[list[AnnotatedPhoto], list[str]]:
    """Return things only, and no crowds: what the published masks are made of."""
    names = {image["id"]: image["file_name"] for image in data.get("images", [])}
    stuff = {c["id"] for c in data.get("categories", []) if not c.get("isthing", 1)}
    found, lost = [], []
    for entry in data["annotations"]:
        name = names.get(entry["image_id"], "")
        photo = _photo(path, name)
        ids = [
            segment["id"]
            for segment in entry["segments_info"]
            if segment.get("category_id") not in stuff and not segment.get("iscrowd")
        ]
        file = path.with_suffix("") / entry["file_name"]
        if photo is not None and file.exists():
            found.append(AnnotatedPhoto(photo, _Reading(photo, file, tuple(ids)), path))
        else:
            lost.append(str(file) if photo else f"the photo {name!r}")
    return found, lost


@dataclass(frozen=True)
class _Reading:
    """Reads the label map of one photo, or some segments of its panoptic picture."""

    photo: Path
    file: Path
    ids: tuple[int, ...] | None = None

    def __call__(self) -> Labels:
        raw = read_labels(self.file)
        height, width = read_image(self.photo).shape[:2]
        if raw.shape != (height, width):
            raise ValueError(
                f"{self.file} is {raw.shape[1]} x {raw.shape[0]} pixels, {self.photo} upright "
                f"{width} x {height}: they must agree"
            )
        if self.ids is None:
            return raw
        labels = np.zeros(raw.shape, np.int32)
        for number, segment in enumerate(self.ids, start=1):
            labels[raw == segment] = number
        return labels


def _instances(path: Path, data: dict[str, Any]) -> tuple[list[AnnotatedPhoto], list[str]]:
    shapes: dict[Any, list[dict[str, Any]]] = {}
    for entry in data["annotations"]:
        if entry.get("segmentation") and not entry.get("iscrowd"):
            shapes.setdefault(entry["image_id"], []).append(entry)
    found, lost = [], []
    for image in data.get("images", []):
        photo, number = _photo(path, image["file_name"]), image["id"]
        if photo is None:
            lost.append(f"the photo {image['file_name']!r}")
        elif number in shapes:
            found.append(AnnotatedPhoto(photo, _Painting(photo, tuple(shapes[number])), path))
    return found, lost


@dataclass(frozen=True)
class _Painting:
    """Paints the instances of one photo, the largest first, so that small ones stay visible."""

    photo: Path
    entries: tuple[dict[str, Any], ...]

    def __call__(self) -> Labels:
        height, width = read_image(self.photo).shape[:2]
        masks = [coco_mask(entry["segmentation"], height, width) for entry in self.entries]
        labels = np.zeros((height, width), np.int32)
        order = sorted(range(len(masks)), key=lambda k: -int(masks[k].sum()))
        for number, k in enumerate(order, start=1):
            labels[masks[k]] = number
        return labels


def coco_mask(segmentation: Segmentation, height: int, width: int) -> Mask:
    """Return a COCO segmentation (polygons, or run lengths as numbers or text) as bool (H, W).

    Raises:
        ValueError: neither polygons nor run lengths, or they do not fill a picture of this size.
    """
    if isinstance(segmentation, list):
        canvas = np.zeros((height, width), np.uint8)
        for polygon in segmentation:
            cv2.fillPoly(canvas, [_outline(polygon)], 1)
        return canvas.view(np.bool_)
    counts = segmentation.get("counts") if isinstance(segmentation, dict) else None
    if not isinstance(counts, (str, list)):
        raise ValueError("a segmentation is neither polygons nor run lengths")
    return rle.decode(counts, height, width)


def _outline(polygon: list[float]) -> NDArray[np.int32]:
    """Return the corners of a polygon, (corners, 2), x before y."""
    try:
        numbers = np.asarray(polygon, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("a polygon of a segmentation is not made of numbers") from error
    # Written so that no number at all (NaN) is refused as well.
    if not (numbers.ndim == 1 and (np.abs(numbers) <= LARGEST_SIDE).all()):
        raise ValueError("a polygon of a segmentation has a corner that no picture has")
    if numbers.size == 0 or numbers.size % 2:
        raise ValueError(f"a polygon of a segmentation has {numbers.size} numbers, not x, y pairs")
    return np.round(numbers.reshape(-1, 2)).astype(np.int32)
