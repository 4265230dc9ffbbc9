"""Records as a COCO data set: `images/` and `annotations.json` with each mask as one RLE object.

What COCO has no field for stands under `attributes` of the annotation, as other tools do it, so
that a record can be read back whole.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from masks import rle
from space.store.pictures import decode_mask
from space.store.schema import LICENCES, SCALARS

FILE = "annotations.json"
_CATEGORY = {"id": 1, "name": "hole", "supercategory": "mask"}


class Document:
    """An `annotations.json` that is being put together."""

    def __init__(self) -> None:
        self._images: dict[str, dict[str, Any]] = {}
        self._annotations: list[dict[str, Any]] = []

    def add(self, row: Mapping[str, Any], file_name: str) -> None:
        """Add a record.

        Args:
            row: A published row.
            file_name: Of its photo.
        """
        image = self._images.setdefault(
            file_name,
            {
                "id": len(self._images) + 1,
                "file_name": file_name,
                "width": row["width"],
                "height": row["height"],
                "license": LICENCES.index(row["licence"]) + 1,
            },
        )
        hole = decode_mask(row["mask"])
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
        self._annotations.append(
            {
                "id": len(self._annotations) + 1,
                "image_id": image["id"],
                "category_id": _CATEGORY["id"],
                "iscrowd": 1,  # COCO's mark for run lengths
                "area": int(hole.sum()),
                "bbox": [int(value) for value in box],
                "segmentation": {"size": list(hole.shape), "counts": rle.encode(hole)},
                "attributes": {n: row[n] for n in SCALARS} | {"strokes": row["strokes"]},
            }
        )

    def text(self) -> str:
        """The file's content."""
        licences = [{"id": i, "name": name} for i, name in enumerate(LICENCES, start=1)]
        return json.dumps(
            {
                "info": {"description": "Inpainting masks"},
                "licenses": licences,
                "categories": [_CATEGORY],
                "images": list(self._images.values()),
                "annotations": self._annotations,
            },
            ensure_ascii=False,
        )


def entries(document: Mapping[str, Any]) -> Iterable[tuple[str, np.ndarray, dict[str, Any]]]:
    """The photo's file name, the mask and the other columns of every annotation.

    Args:
        document: The parsed `annotations.json`, of this program or of another.

    Raises:
        KeyError, TypeError, ValueError: It is not a COCO document with run lengths that fit.
    """
    images = {image["id"]: image for image in document["images"]}
    for annotation in document["annotations"]:
        image, segmentation = images[annotation["image_id"]], annotation["segmentation"]
        if not isinstance(segmentation, Mapping):
            raise ValueError("polygons instead of run lengths (RLE)")
        height, width = segmentation["size"]
        mask = rle.decode(segmentation["counts"], height, width)
        yield image["file_name"], mask, dict(annotation.get("attributes") or {})
