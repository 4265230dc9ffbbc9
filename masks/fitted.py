"""A strategy that draws as somebody else does: fitted to a set of masks, kept in a small JSON file.

What is fitted is what a mask is like, not where its pixels are: hole area, number of holes and how
the area is shared among them, stroke width, direction, and whether the border is touched. They
belong together (many holes are small ones), so whole rows are kept, at most `MOST` of them, and a
new mask takes one row with some scatter. Lengths are shares of the picture's short side, so the
masks fit a picture of any size.

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
from numpy.typing import NDArray

from masks.base import LARGEST_SIDE, Figures, Mask, Recipe, Values, check_mask
from masks.ops import as_bytes
from masks.statistics import MaskStatistics, describe

PREFIX = "fitted:"
MOST = 256  # rows that are kept
SHARES = 12  # holes of a mask whose own share of the area is kept; the others share the rest
VERSION = 1

_TRIES = 8  # drawings of which the best is taken
_PLACES = 16  # where a hole may lie, before it has to lie somewhere
_GOOD = 0.12  # a drawing this near to its row ends the tries
_BEND = 0.35  # radians: how far a stroke turns from one step to the next
_SCATTER = 0.04  # of area and width, as a share of each


@dataclass(frozen=True)
class Row:
    """What one mask is like.

    Attributes:
        area: hole share of the picture, 0 to 1.
        shares: of the hole area, for each of the largest holes, largest first.
        holes: how many there are.
        width: diameter of the largest disc in the hole, as a share of the short side.
        angle: main direction of the largest hole in radians, 0 = along the rows, -pi/2 to pi/2.
        border: whether a hole touches the picture's border.
    """

    area: float
    shares: tuple[float, ...]
    holes: int
    width: float
    angle: float
    border: bool


@dataclass(frozen=True)
class Fitted:
    """What was learned from a set of masks."""

    rows: tuple[Row, ...]
    masks: int
    """How many were looked at."""

    def recipe(self, name: str = "fitted") -> Recipe:
        """As a strategy without parameters: `Strategy(fitted.recipe(), {})`."""
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
            for row in self.rows
        ]
        content = {"masks_fitted": VERSION, "masks": self.masks, "rows": rows}
        Path(path).write_text(json.dumps(content), encoding="utf-8")


def fit(examples: Iterable[Mask], most: int = MOST, seed: int = 0) -> Fitted:
    """Look at masks, bool (H, W) of any sizes, True = hole.

    Args:
        examples: those to be like; empty and full ones are passed over.
        most: rows to keep; of more masks, so many are chosen by `seed`.
        seed: see above.

    Raises:
        ValueError: None of them can be used.
    """
    rows = [look(mask) for mask in examples if mask.any() and not mask.all()]
    if not rows:
        raise ValueError("there is no mask to learn from: all are empty or full")
    count = len(rows)
    if count > most:
        chosen = np.random.default_rng(seed).permutation(count)[:most]
        rows = [rows[i] for i in sorted(chosen)]
    return Fitted(tuple(rows), count)


def look(mask: Mask) -> Row:
    """What one mask is like; ValueError if it is none."""
    height, width = check_mask(mask)
    found = describe(mask)
    shares = tuple(area / found.area for area in found.component_areas[:SHARES])
    return Row(
        area=found.area,
        shares=shares,
        holes=found.components,
        width=found.widest_stroke / min(height, width),
        angle=_angle(mask),
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
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no strategy that masks.fitted has made ({error})") from None


def _row(values: dict) -> Row:
    row = Row(
        float(values["area"]),
        tuple(float(share) for share in values["shares"]),
        int(values["holes"]),
        float(values["width"]),
        float(values["angle"]),
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


def paint(
    height: int,
    width: int,
    _values: Values,
    scale: float,
    rng: np.random.Generator,
    *,
    rows: tuple[Row, ...],
) -> NDArray[np.uint8]:
    """Paint one mask like one of the rows: uint8 (H, W) of 0 and 1.

    Several are drawn and the one nearest to its row in area, holes, width and border is taken:
    strokes that cross themselves, or holes that find no room, do not come out as planned.
    """
    row = rows[int(rng.integers(len(rows)))]
    best, least = np.zeros((height, width), np.uint8), np.inf
    area = row.area * scale * height * width * np.exp(rng.normal(0, _SCATTER))
    brush = row.width * scale * min(height, width) * np.exp(rng.normal(0, _SCATTER))
    thinner = smaller = 1.0  # what the tries so far say of strokes that cross or meet
    for _ in range(_TRIES):
        wanted = min(area * smaller, 0.95 * height * width)
        canvas = _draw(row, (height, width), wanted, max(1.0, brush * thinner), rng)
        mask = canvas.view(np.bool_)
        if not mask.any() or mask.all():
            continue
        found = describe(mask)
        distance = _distance(found, row, brush)
        if distance < least:
            best, least = canvas, distance
        if least < _GOOD:
            break
        thinner *= min(1.3, max(0.7, (brush / found.widest_stroke) ** 0.7))
        smaller *= min(1.3, max(0.7, (area / (found.area * height * width)) ** 0.7))
    return best


def _distance(found: MaskStatistics, row: Row, brush: float) -> float:
    """How far a drawing is from its row."""
    return float(
        abs(np.log(found.area / row.area))
        + abs(np.log(found.components / row.holes))
        + abs(np.log(found.widest_stroke / max(1.0, brush)))
        + (found.touches_border != row.border)
    )


def _draw(
    row: Row, shape: tuple[int, int], area: float, brush: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """One attempt: hole after hole, the largest first, none touching another."""
    canvas = np.zeros(shape, np.uint8)
    taken = np.zeros(shape, np.uint8)
    for number, share in enumerate(_all_shares(row)):
        wanted = area * share
        # Only the widest hole has the width that was measured; the others are thinner by some.
        width = brush if number == 0 else brush * rng.uniform(0.55, 1.0)
        hole = _hole(row, taken, wanted, width, rng, at_border=row.border and number == 0)
        canvas |= hole
        taken = cv2.dilate(canvas, np.ones((5, 5), np.uint8)).astype(np.uint8, copy=False)
    return canvas


def _all_shares(row: Row) -> list[float]:
    """Every hole's share of the area: those that were kept, and the others alike."""
    others = row.holes - len(row.shares)
    rest = max(0.0, 1 - sum(row.shares))
    return [*row.shares, *([rest / others] * others if others > 0 else [])]


def _hole(
    row: Row,
    taken: NDArray[np.uint8],
    wanted: float,
    brush: float,
    rng: np.random.Generator,
    *,
    at_border: bool,
) -> NDArray[np.uint8]:
    """One hole of about the wanted area, where nothing is yet if there is such a place."""
    height, width = taken.shape
    # A hole smaller than its brush is a dot.
    brush = min(brush, max(1.0, 2 * (wanted / np.pi) ** 0.5))
    hole = np.zeros_like(taken)
    for _ in range(_PLACES):
        margin = 0 if row.border else int(brush / 2) + 2
        path = _path(row, (height, width), wanted, brush, margin, rng, at_border=at_border)
        hole = _stroke(taken.shape, path, wanted, brush, margin)
        if not (hole & taken).any():
            break
    return hole


def _path(
    row: Row,
    shape: tuple[int, int],
    wanted: float,
    brush: float,
    margin: int,
    rng: np.random.Generator,
    *,
    at_border: bool,
) -> NDArray[np.float64]:
    """Points of a stroke that is long enough, (n, 2) as x and y; it turns back at the edges."""
    height, width = shape
    low = np.array([margin, margin], float)
    high = np.maximum(low, np.array([width - 1 - margin, height - 1 - margin], float))
    step = max(1.0, brush / 2)
    count = int(2.5 * wanted / (brush * step)) + 3
    heading = row.angle + rng.normal(0, 0.15) + (np.pi if rng.random() < 0.5 else 0)
    point = rng.uniform(low, high)
    if at_border:
        side = int(rng.integers(4))
        point[side % 2] = (0, 0, width - 1, height - 1)[side]
    points = [point]
    for bend in rng.normal(0, _BEND * min(1.0, brush / 24), count):
        heading += bend
        ahead = point + step * np.array([np.cos(heading), np.sin(heading)])
        for axis in (0, 1):
            if not low[axis] <= ahead[axis] <= high[axis]:
                # Back and a stroke's width aside, as a hand fills an area.
                heading = np.pi - heading if axis == 0 else -heading
                other = 1 - axis
                aside = point[other] + 1.3 * brush * (1 if np.sin(heading) >= 0 else -1)
                ahead[axis] = np.clip(ahead[axis], low[axis], high[axis])
                ahead[other] = np.clip(aside, low[other], high[other])
        point = ahead
        points.append(point)
    return np.array(points)


def _stroke(
    shape: tuple[int, ...],
    path: NDArray[np.float64],
    wanted: float,
    brush: float,
    margin: int,
) -> NDArray[np.uint8]:
    """The beginning of a path, as long as its area wants to be: uint8 (H, W)."""
    whole = np.round(path).astype(np.int32)
    thickness = max(1, round(brush))
    first, last = 1, len(whole)
    hole = np.zeros(shape, np.uint8)
    while first < last:  # the area grows with the length
        middle = (first + last) // 2
        hole = _drawn(shape, whole[:middle], thickness)
        if np.count_nonzero(hole) < wanted:
            first = middle + 1
        else:
            last = middle
    hole = _drawn(shape, whole[:first], thickness)
    if margin:  # the round end of a thick line may reach further than it should
        for edge in (hole[0], hole[-1], hole[:, 0], hole[:, -1]):
            edge[:] = 0
    return hole


def _drawn(shape: tuple[int, ...], points: NDArray[np.int32], thickness: int) -> NDArray[np.uint8]:
    hole = np.zeros(shape, np.uint8)
    if len(points) == 1:
        cv2.circle(hole, points[0].tolist(), thickness // 2, 1, -1)
    else:
        cv2.polylines(
            hole, [points.reshape(-1, 1, 2)], isClosed=False, color=1, thickness=thickness
        )
    return hole
