"""Holes in the shape of the picture's own objects, moved to where they hide something else.

The rule of the published segmentation masks: every object that is not too large is scaled, mirrored
and shifted, up to four times, to places where it hides neither itself, nor an earlier copy, nor too
much of any other object. The search runs on a small label map, the result is cut at full size.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from masks.base import (
    GeneratedMask,
    Image,
    Labels,
    Mask,
    Recipe,
    Session,
    Strategy,
    Values,
    check_image,
    check_labels,
)
from masks.objects import find_objects
from masks.ops import Box, as_bytes, bounding_box
from masks.parameter import Parameter
from masks.segmentation_limits import Hole, breaches, trouble

SEARCH_SIDE = 64
"""Short side of the label map on which places are searched."""

TRIES = 24
"""Objects that are tried for one mask, one at a time, before all are looked at."""

RECIPE = Recipe(
    "segmentation",
    "Silhouettes of the picture's own objects, moved to other places.",
    "LaMa evaluation, segmentation masks",
    (
        Parameter.share("max_object_area", 0.3, "Larger objects are left out.", "of the picture"),
        Parameter.share("min_mask_area", 0.02, "Smaller holes are thrown away.", "of the picture"),
        Parameter("variants", 4, minimum=1, maximum=16, help="Most holes that one object gives."),
        Parameter.share(
            "scale_change", 0.25, "Holes are up to this much larger or smaller.", "of the size"
        ),
        Parameter.switch("flip", True, "Mirror every other hole, by chance."),
        Parameter.share(
            "vertical_shift", 0.1, "Holes move up or down by at most this.", "of the height"
        ),
        Parameter.share(
            "max_hidden_area", 0.2, "Most of a hole that may lie outside.", "of the hole"
        ),
        Parameter.share(
            "max_mask_intersection",
            0.5,
            "Most that a hole may share with its object or with another hole of it.",
            "of either",
        ),
        Parameter.share(
            "max_foreground_coverage",
            0.5,
            "Most of any object that may be hidden.",
            "of the object",
        ),
        Parameter.share(
            "max_foreground_intersection",
            0.5,
            "Most of a hole that may lie on one object.",
            "of the hole",
        ),
        Parameter.switch(
            "rigid", True, "Mind all objects of the picture, not only the hole's own."
        ),
    ),
    paint=None,
)


@dataclass(frozen=True)
class _Thing:
    """An object at both sizes: cut out at full size, whole on the search map (index in `maps`)."""

    index: int
    box: Box
    cutout: NDArray[np.uint8]


@dataclass(frozen=True)
class _Placement:
    """How an object becomes a hole; lengths are pixels of the search map."""

    left: int
    top: int
    scale: float
    mirrored: bool


class Segmentation(Strategy):
    """The `segmentation` strategy.

    Args:
        given: the parameters that differ from the published ones.
        fallback: draws where no object can be moved.
    """

    def __init__(self, given: Values, fallback: Strategy) -> None:
        super().__init__(RECIPE, given)
        self.fallback = fallback

    def on(self, image: Image, labels: Labels | None = None) -> Session:
        """See `Strategy.on`. Looks for the objects once, unless a label map is given."""
        shape = check_image(image)
        check_labels(labels, shape)
        found = find_objects(image) if labels is None else labels
        scene = Scene(found, self.values)
        fall_back = self.fallback.on(image)

        def session(rng: np.random.Generator) -> GeneratedMask:
            mask = scene.draw(rng)
            if mask is not None:
                return GeneratedMask(mask, self.name)
            note = f"{scene.trouble}, so '{self.fallback.name}' drew this mask."
            return GeneratedMask(fall_back(rng).mask, self.fallback.name, note)

        return session


class Scene:
    """The objects of one picture, ready to be placed.

    Args:
        labels: (H, W) whole numbers, 0 = background, any other number one object each.
        values: the strategy's values in force.
    """

    def __init__(self, labels: Labels, values: Values) -> None:
        self.values = values
        self.labels = labels
        self.shape = labels.shape
        height, width = labels.shape
        self.ratio = min(1.0, SEARCH_SIDE / min(height, width))
        self.size = (max(1, round(height * self.ratio)), max(1, round(width * self.ratio)))
        self.kinds = kinds = [kind for kind in _kinds(labels) if kind != 0]
        self.maps = _reduce(labels, kinds, self.size)
        self.areas = self.maps.sum((1, 2))
        shares: list[float] = []
        self.things: list[_Thing] = []
        for index, kind in enumerate(kinds):
            own = labels == kind
            shares.append(np.count_nonzero(own) / own.size)
            if self.areas[index] and shares[index] < values["max_object_area"]:
                self.things.append(_cut(own, index))
        smallest = values["min_mask_area"]
        self._able = [t for t in self.things if shares[t.index] * self._most(t) ** 2 > smallest]
        self.trouble = trouble(shares, bool(self._able), values)

    def draw(self, rng: np.random.Generator) -> Mask | None:
        """Return one hole, uniform over the holes that the published rule yields, or None.

        An object is taken with a chance in proportion to the number of holes it gives: it is
        drawn uniformly and then kept with that number's share of the most it could give. Where few
        of many objects give a hole, that may find none: then all are looked at.
        """
        most = int(self.values["variants"])
        for _ in range(TRIES if self.things else 0):
            thing = self.things[rng.integers(len(self.things))]
            placements = self._place(thing, most, rng)
            kept = rng.integers(most)
            if kept < len(placements):
                hole = self._rendered(thing, placements[: kept + 1])[kept]
                if hole is not None:
                    return hole.mask
        found = self._holes(self._able, rng)
        return found[rng.integers(len(found))].mask if found else None

    def holes(self, rng: np.random.Generator) -> list[Hole]:
        """Return all holes of one run of the rule: up to `variants` of every object."""
        return self._holes(self.things, rng)

    def _holes(self, things: list[_Thing], rng: np.random.Generator) -> list[Hole]:
        most = int(self.values["variants"])
        found: list[Hole | None] = []
        for thing in things:
            found += self._rendered(thing, self._place(thing, most, rng))
        return [hole for hole in found if hole is not None]

    def _rendered(self, thing: _Thing, placements: list[_Placement]) -> list[Hole | None]:
        """Return the holes at full size, None for each that breaks a limit there."""
        rendered: list[Hole | None] = []
        for placement in placements:
            hole = self._render(thing, placement)
            earlier = [other.mask for other in rendered if other is not None]
            broken = breaches(hole, self.labels, earlier, self.values)
            rendered.append(None if broken else hole)
        return rendered

    def _place(self, thing: _Thing, most: int, rng: np.random.Generator) -> list[_Placement]:
        """Return up to `most` places for copies of one object; the first failure ends it."""
        around = range(len(self.maps)) if self.values["rigid"] else [thing.index]
        placements: list[_Placement] = []
        earlier = [self.maps[thing.index]]
        for _ in range(most):
            scale = self._choose_scale(thing, rng)
            mirrored = bool(self.values["flip"]) and rng.random() < 0.5
            piece = self._piece(thing, scale * self.ratio, mirrored)
            top = self._choose_top(thing, piece, rng)
            left = self._find_left(piece, top, earlier, self.maps[list(around)], rng)
            if left is None:
                break
            placements.append(_Placement(left, top, scale, mirrored))
            copy = np.zeros(self.size, np.float32)
            _paste(copy, piece, left, top)
            earlier.append(copy)
        return placements

    def _most(self, thing: _Thing) -> float:
        """Return the largest scale; as published, near the border it leaves no more than the room.

        So an object that touches the border is never enlarged.
        """
        height, width = self.shape
        box = thing.box
        across = min(box.left, width - box.right) / width
        down = min(box.top, height - box.bottom) / height
        return min(1 + self.values["scale_change"], 1 + 2 * min(across, down))

    def _choose_scale(self, thing: _Thing, rng: np.random.Generator) -> float:
        """Return a scale; where the largest is 1, half of the holes have the object's own size."""
        change = self.values["scale_change"]
        return max(0.05, min(float(rng.uniform(1 - change, 1 + change)), self._most(thing)))

    def _piece(self, thing: _Thing, factor: float, mirrored: bool) -> NDArray[np.uint8]:
        h, w = thing.cutout.shape
        size = (max(1, round(w * factor)), max(1, round(h * factor)))
        piece = cv2.resize(thing.cutout, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
        if not piece.any():
            piece[...] = 1
        return np.ascontiguousarray(piece[:, ::-1]) if mirrored else piece

    def _choose_top(self, thing: _Thing, piece: NDArray[np.uint8], rng: np.random.Generator) -> int:
        """Return a vertical place that hides no more of the object than is allowed."""
        height = self.size[0]
        start = (thing.box.top + thing.box.bottom) / 2 * self.ratio - piece.shape[0] / 2
        reach = self.values["vertical_shift"] * height
        rows = np.cumsum(np.r_[0, piece.sum(1, dtype=np.int64)])
        hidden = int(self.values["max_hidden_area"] * rows[-1])
        above = int(np.searchsorted(rows, hidden, side="right")) - 1
        below = int(np.searchsorted(np.cumsum(piece[::-1].sum(1)), hidden, side="right"))
        lowest, highest = -above, height - piece.shape[0] + below
        top = round(float(rng.uniform(start - reach, start + reach)))
        return min(max(top, lowest), max(lowest, highest))

    def _find_left(
        self,
        piece: NDArray[np.uint8],
        top: int,
        earlier: list[NDArray[np.float32]],
        around: NDArray[np.float32],
        rng: np.random.Generator,
    ) -> int | None:
        """Return a random column at which every limit is kept, or None if there is none.

        All columns are weighed at once: the overlap of the piece with a map, column by column, is
        a correlation along the row.
        """
        h, w = piece.shape
        rows = slice(max(0, top), min(self.size[0], top + h))
        part = piece[rows.start - top : rows.stop - top].astype(np.float32)
        if not part.any():
            return None
        maps = np.concatenate([np.stack(earlier), around])
        inside = np.ones((1, *self.size), np.float32)
        strips = np.concatenate([maps, inside])[:, rows]
        strips = np.pad(strips, ((0, 0), (0, 0), (w - 1, w - 1)))
        overlap = np.stack(
            [cv2.matchTemplate(strip, part, cv2.TM_CCORR)[0] for strip in strips]
        ).round()
        maps_overlap, visible = overlap[:-1], overlap[-1]
        area = float(piece.sum())
        own = maps_overlap[: len(earlier)]
        own_areas = np.array([m.sum() for m in earlier])[:, None]
        others, areas = maps_overlap[len(earlier) :], around.sum((1, 2))[:, None]
        limits = self.values
        good = visible >= max(1.0, (1 - limits["max_hidden_area"]) * area)
        seen = np.maximum(visible, 1)
        # Of the hole, what is hidden counts as shared, as published.
        shared = limits["max_mask_intersection"]
        good &= (own <= np.minimum(shared * own_areas, seen - (1 - shared) * area)).all(0)
        good &= (others <= limits["max_foreground_coverage"] * np.maximum(areas, 1)).all(0)
        good &= (others <= limits["max_foreground_intersection"] * seen).all(0)
        columns = np.flatnonzero(good)
        return int(rng.choice(columns)) - (w - 1) if columns.size else None

    def _render(self, thing: _Thing, placement: _Placement) -> Hole:
        """Return the hole at full size, possibly outside of the picture."""
        piece = self._piece(thing, placement.scale, placement.mirrored)
        mask = np.zeros(self.shape, np.uint8)
        left, top = round(placement.left / self.ratio), round(placement.top / self.ratio)
        _paste(mask, piece, left, top)
        return Hole(
            mask.view(np.bool_),
            self.kinds[thing.index],
            int(piece.sum()),
            placement.scale,
            placement.mirrored,
        )


def _cut(own: Mask, index: int) -> _Thing:
    box = bounding_box(own)
    assert box is not None, "every number of the map is somewhere on it"
    return _Thing(index, box, as_bytes(own[box.slices]))


def _kinds(labels: Labels) -> list[int]:
    if labels.dtype == np.uint8:  # counting is far quicker than sorting
        counts = cv2.calcHist([labels], [0], None, [256], [0, 256])
        return np.flatnonzero(counts).tolist()
    return [int(kind) for kind in np.unique(labels)]


def _reduce(labels: Labels, kinds: list[int], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return each object on a small map, (objects, h, w) of 0 and 1, by majority in each cell."""
    height, width = size
    # Eight samples across a cell are plenty for its majority.
    stride = max(1, min(labels.shape[0] // height, labels.shape[1] // width) // 8)
    labels = labels[::stride, ::stride]
    layers = np.zeros((len(kinds) + 1, height, width), np.float32)
    for index, kind in enumerate([0, *kinds]):
        layer = (labels == kind).astype(np.float32)
        layers[index] = cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA)
    winner = layers.argmax(0)
    return (winner[None] == np.arange(1, len(kinds) + 1)[:, None, None]).astype(np.float32)


def _paste(target: NDArray, piece: NDArray[np.uint8], left: int, top: int) -> None:
    """Set the target to 1 where the piece, laid at this place, is; what sticks out is lost."""
    height, width = target.shape
    y0, y1 = max(0, top), min(height, top + piece.shape[0])
    x0, x1 = max(0, left), min(width, left + piece.shape[1])
    if y0 < y1 and x0 < x1:
        part = piece[y0 - top : y1 - top, x0 - left : x1 - left]
        target[y0:y1, x0:x1][part > 0] = 1
