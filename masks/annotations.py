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

from masks import rle
from masks.base import Labels, Mask
from masks.files import PHOTO_SUFFIXES, find_files, read_image

Segmentation: TypeAlias = list[list[float]] | dict[str, Any]
"""As COCO writes it: polygons of x, y, x, y ..., or {"counts": runs, "size": [height, width]}."""


@dataclass(frozen=True)
class AnnotatedPhoto:
    """A photo and its objects.

    Attributes:
        photo: the picture's file.
        read: reads the label map, int32 (H, W), 0 = background, one number per object.
    """

    photo: Path
    read: Callable[[], Labels]


class NotAnnotatedError(ValueError):
    """A folder has no annotation of a known form."""


def annotated_photos(folder: Path | str) -> list[AnnotatedPhoto]:
    """Return the photos of a folder that have annotated objects, by name.

    Raises:
        NotAnnotatedError: no annotation of a known form is there.
        ValueError: a file cannot be read, or lacks what it should have.
    """
    folder = Path(folder)
    found: list[AnnotatedPhoto] = []
    for path in find_files(folder, (".json",)):
        data = _json(path)
        if isinstance(data, dict) and isinstance(data.get("annotations"), list):
            found += _coco(path, data)
    if not found and (folder / "labels").is_dir():
        found = [
            AnnotatedPhoto(photo, lambda path=path: read_labels(path))  # type: ignore[misc]
            for photo in photos(folder / "images" if (folder / "images").is_dir() else folder)
            if (path := folder / "labels" / f"{photo.stem}.png").exists()
        ]
    if not found:
        raise NotAnnotatedError(
            f"{folder} has no annotated photos: expected labels/*.png, or a COCO panoptic or "
            "instances .json with the photos beside it or in images/"
        )
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


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as JSON: {error}") from error


def _photo(path: Path, name: str) -> Path | None:
    for candidate in (path.parent / "images" / name, path.parent / name):
        if candidate.exists():
            return candidate
    return None


def _coco(path: Path, data: dict[str, Any]) -> list[AnnotatedPhoto]:
    try:
        panoptic = any("segments_info" in entry for entry in data["annotations"])
        return (_panoptic if panoptic else _instances)(path, data)
    except KeyError as error:
        raise ValueError(f"{path} is not COCO as it should be: an entry has no {error}") from error
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not COCO as it should be: {error}") from error


def _panoptic(path: Path, data: dict[str, Any]) -> list[AnnotatedPhoto]:
    """Return things only, and no crowds: what the published masks are made of."""
    names = {image["id"]: image["file_name"] for image in data.get("images", [])}
    stuff = {c["id"] for c in data.get("categories", []) if not c.get("isthing", 1)}
    found = []
    for entry in data["annotations"]:
        photo = _photo(path, names.get(entry["image_id"], ""))
        ids = [
            segment["id"]
            for segment in entry["segments_info"]
            if segment.get("category_id") not in stuff and not segment.get("iscrowd")
        ]
        file = path.with_suffix("") / entry["file_name"]
        if photo is not None and photo.is_file() and file.exists():
            found.append(AnnotatedPhoto(photo, _Reading(file, tuple(ids))))
    return found


@dataclass(frozen=True)
class _Reading:
    """Reads some segments of one panoptic picture."""

    file: Path
    ids: tuple[int, ...]

    def __call__(self) -> Labels:
        raw = read_labels(self.file)
        labels = np.zeros(raw.shape, np.int32)
        for number, segment in enumerate(self.ids, start=1):
            labels[raw == segment] = number
        return labels


def _instances(path: Path, data: dict[str, Any]) -> list[AnnotatedPhoto]:
    shapes: dict[Any, list[dict[str, Any]]] = {}
    for entry in data["annotations"]:
        if entry.get("segmentation") and not entry.get("iscrowd"):
            shapes.setdefault(entry["image_id"], []).append(entry)
    found = []
    for image in data.get("images", []):
        photo = _photo(path, image["file_name"])
        if photo is not None and image["id"] in shapes:
            found.append(AnnotatedPhoto(photo, _Painting(photo, tuple(shapes[image["id"]]))))
    return found


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
            outline = np.round(np.asarray(polygon, np.float64).reshape(-1, 2)).astype(np.int32)
            cv2.fillPoly(canvas, [outline], 1)
        return canvas.view(np.bool_)
    counts = segmentation.get("counts") if isinstance(segmentation, dict) else None
    if not isinstance(counts, (str, list)):
        raise ValueError("a segmentation is neither polygons nor run lengths")
    return rle.decode(counts, height, width)
