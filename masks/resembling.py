"""Drawing a mask that is like another one: strokes of its width until its holes have their area.

The strategy is `masks.fitted`; here is how one row of it becomes pixels.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import Values
from masks.statistics import MaskStatistics, describe

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
        extent: width and height of the box around all holes, as shares of the picture's.
        border: whether a hole touches the picture's border.
    """

    area: float
    shares: tuple[float, ...]
    holes: int
    width: float
    angle: float
    extent: tuple[float, float]
    border: bool


@dataclass(frozen=True)
class _Field:
    """Where the holes of one drawing lie, in pixels: a box, and the side of it at the border."""

    low: NDArray[np.float64]  # x, y
    high: NDArray[np.float64]
    side: int | None  # 0 left, 1 top, 2 right, 3 bottom


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
    thinner = smaller = 1.0  # what the tries so far teach about strokes that cross or meet
    for _ in range(_TRIES):
        target = min(area * smaller, 0.95 * height * width)
        canvas = _draw(row, (height, width), target, max(1.0, brush * thinner), rng)
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
    field = _field(row, shape, brush, rng)
    for number, share in enumerate(_all_shares(row)):
        # Only the widest hole has the width that was measured; the others are thinner by some.
        width = brush if number == 0 else brush * rng.uniform(0.55, 1.0)
        side = field.side if number == 0 else None
        hole = _hole(row.angle, taken, area * share, width, replace(field, side=side), rng)
        if not row.border:  # the round end of a thick line may reach further than it should
            for edge in (hole[0], hole[-1], hole[:, 0], hole[:, -1]):
                edge[:] = 0
        canvas |= hole
        taken = cv2.dilate(canvas, np.ones((5, 5), np.uint8)).astype(np.uint8, copy=False)
    return canvas


def _field(row: Row, shape: tuple[int, int], brush: float, rng: np.random.Generator) -> _Field:
    """A box of the row's extent somewhere in the picture, or at a side of it."""
    size = np.array([shape[1], shape[0]], float)
    inner = np.zeros(2) if row.border else np.minimum(2.0, size / 8)
    box = np.clip(np.array(row.extent) * size, min(2 * brush, size.min()), size - 2 * inner)
    low = inner + rng.random(2) * np.maximum(0.0, size - box - 2 * inner)
    side = int(rng.integers(4)) if row.border else None
    if side is not None:
        low[side % 2] = 0.0 if side < 2 else size[side % 2] - box[side % 2]
    half = np.minimum(brush / 2, box / 2.5)  # strokes have a width of their own
    return _Field(low + half, low + box - 1 - half, side)


def _all_shares(row: Row) -> list[float]:
    """Every hole's share of the area: those that were kept, and the others alike."""
    others = row.holes - len(row.shares)
    rest = max(0.0, 1 - sum(row.shares))
    return [*row.shares, *([rest / others] * others if others > 0 else [])]


def _hole(
    angle: float,
    taken: NDArray[np.uint8],
    area: float,
    brush: float,
    field: _Field,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """One hole of about this area, where nothing is yet if there is such a place."""
    # A hole smaller than its brush is a dot.
    brush = min(brush, max(1.0, 2 * (area / np.pi) ** 0.5))
    hole = np.zeros_like(taken)
    edge = np.array([taken.shape[1] - 1, taken.shape[0] - 1], float)
    for place in range(_PLACES):
        if place >= _PLACES // 2:  # too narrow here: the box gives way, up to the picture's border
            low, high = field.low - brush, field.high + brush
            inner = brush / 2 + 2
            field = replace(field, low=np.maximum(low, inner), high=np.minimum(high, edge - inner))
        path = _path(angle, taken.shape, area, brush, field, rng)
        hole = _stroke(taken.shape, path, area, brush)
        if not (hole & taken).any():
            break
    return hole


def _path(
    angle: float,
    shape: tuple[int, ...],
    area: float,
    brush: float,
    field: _Field,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Points of a stroke that is long enough, (n, 2) as x and y; it turns back at the edges."""
    low, high = np.minimum(field.low, field.high), np.maximum(field.low, field.high)
    step = max(1.0, brush / 2)
    count = int(2.5 * area / (brush * step)) + 3
    heading = angle + rng.normal(0, 0.15) + (np.pi if rng.random() < 0.5 else 0)
    point = rng.uniform(low, high)
    if field.side is not None:
        point[field.side % 2] = (0, 0, shape[1] - 1, shape[0] - 1)[field.side]
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
    area: float,
    brush: float,
) -> NDArray[np.uint8]:
    """The beginning of a path, as long as the area asks for: uint8 (H, W)."""
    whole = np.round(path).astype(np.int32)
    thickness = max(1, round(brush))
    first, last = 1, len(whole)
    hole = np.zeros(shape, np.uint8)
    while first < last:  # the area grows with the length
        middle = (first + last) // 2
        hole = _drawn(shape, whole[:middle], thickness)
        if np.count_nonzero(hole) < area:
            first = middle + 1
        else:
            last = middle
    return _drawn(shape, whole[:first], thickness)


def _drawn(shape: tuple[int, ...], points: NDArray[np.int32], thickness: int) -> NDArray[np.uint8]:
    hole = np.zeros(shape, np.uint8)
    if len(points) == 1:
        cv2.circle(hole, points[0].tolist(), thickness // 2, 1, -1)
    else:
        cv2.polylines(
            hole, [points.reshape(-1, 1, 2)], isClosed=False, color=1, thickness=thickness
        )
    return hole
