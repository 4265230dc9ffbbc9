"""A strategy that draws as somebody else does: fitted to a set of masks, kept in a small JSON file.

What is fitted is what a mask is like, not where its pixels are: hole area, number of holes and how
the area is shared among them, stroke width, direction, how far they spread, and whether the border
is touched. They belong together (many holes are small ones), so whole rows are kept, at most `MOST`
of them, and a new mask follows one row with some scatter. Lengths are shares of the picture's short
side, so the masks fit a picture of any size.

    fitted.fit(masks_of_users).save("users.json")
    mask = masks.get("fitted:users.json")(image, rng)
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from masks.base import LARGEST_SIDE, Figures, Mask, Recipe, check_mask
from masks.ops import as_bytes
from masks.resembling import Row, paint
from masks.statistics import describe

PREFIX = "fitted:"
MOST = 256  # rows that are kept
SHARES = 12  # holes of a mask whose own share of the area is kept; the others share the rest
VERSION = 1


@dataclass(frozen=True)
class Fitted:
    """What was learned from a set of masks."""

    rows: tuple[Row, ...]
    masks: int
    """How many were looked at."""

    def recipe(self, name: str = "fitted") -> Recipe:
        """Return a strategy without parameters: `Strategy(fitted.recipe(), {})`."""
        return Recipe(
            name,
            f"Like {self.masks:,} masks that were looked at.",
            "fitted to saved masks",
            (),
            partial(paint, rows=self.rows),
            (Figures(LARGEST_SIDE, 1, 1),),
        )

    def save(self, path: Path | str) -> None:
        """Write the JSON file."""
        rows = [
            {k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(row).items()}
            | {"shares": [round(share, 4) for share in row.shares]}
            | {"extent": [round(share, 4) for share in row.extent]}
            for row in self.rows
        ]
        content = {"masks_fitted": VERSION, "masks": self.masks, "rows": rows}
        Path(path).write_text(json.dumps(content), encoding="utf-8")


def fit(examples: Iterable[Mask], most: int = MOST) -> Fitted:
    """Learn from masks, bool (H, W) of any sizes, True = hole.

    Args:
        examples: the masks to be like; empty and full ones are skipped.
        most: rows to keep; of more masks this many are chosen, always the same ones.

    Raises:
        ValueError: None of them can be used.
    """
    return fit_rows([look(mask) for mask in examples if mask.any() and not mask.all()], most)


def fit_rows(rows: list[Row], most: int = MOST) -> Fitted:
    """The same from masks that were measured already, by `look`.

    Raises:
        ValueError: There are none.
    """
    if not rows:
        raise ValueError("there is no mask to learn from: all are empty or full")
    count = len(rows)
    if count > most:
        chosen = np.random.default_rng(0).permutation(count)[:most]
        rows = [rows[i] for i in sorted(chosen)]
    return Fitted(tuple(rows), count)


def look(mask: Mask) -> Row:
    """Measure one mask; ValueError if it is none."""
    height, width = check_mask(mask)
    found = describe(mask)
    shares = tuple(area / found.area for area in found.component_areas[:SHARES])
    return Row(
        area=found.area,
        shares=shares,
        holes=found.components,
        width=found.widest_stroke / min(height, width),
        angle=_angle(mask),
        extent=(found.bounding_box.width / width, found.bounding_box.height / height),
        border=found.touches_border,
    )


def load(path: Path | str) -> Fitted:
    """Read a file that `Fitted.save` wrote.

    Raises:
        ValueError: It is missing, or not such a file.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["masks_fitted"] != VERSION:
            raise ValueError(f"its version is {content['masks_fitted']}, known is {VERSION}")
        rows = tuple(_row(row) for row in content["rows"])
        if not rows:
            raise ValueError("it has no rows")
        return Fitted(rows, int(content["masks"]))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"{path} is no strategy that masks.fitted has made ({error})") from None


def _row(values: dict) -> Row:
    row = Row(
        float(values["area"]),
        tuple(float(share) for share in values["shares"]),
        int(values["holes"]),
        float(values["width"]),
        float(values["angle"]),
        (float(values["extent"][0]), float(values["extent"][1])),
        bool(values["border"]),
    )
    if not (0 < row.area < 1 and row.holes >= 1 and row.width > 0 and row.shares):
        raise ValueError(f"a row makes no sense: {values}")
    return row


def _angle(mask: Mask) -> float:
    """Main direction of the largest hole."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(as_bytes(mask), connectivity=8)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    found = cv2.moments((labels == largest).astype(np.uint8), binaryImage=True)
    return 0.5 * float(np.arctan2(2 * found["mu11"], found["mu20"] - found["mu02"]))
