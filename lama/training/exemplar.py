"""An exemplar fill: the hole is put together from patches of the rest of the picture.

The objective is that of Wexler, Shechtman and Irani (Space-Time Completion of Video, PAMI 2007):
every patch that touches the hole should look like some wholly known patch. It is lowered in turns,
coarse to fine: find the nearest known patch of each, then let all patches that cover a pixel vote
on its colour. The search is exact on small pictures and PatchMatch (Barnes et al., SIGGRAPH 2009)
above, in a form that moves all patches at once. The coarsest level starts from a pull-push fill.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from lama.unet import pull_push

PATCH = 7  # pixels a side
HALF = PATCH // 2
COARSEST = 32  # short side of the first level
EXACT = 64  # up to this short side every known patch is looked at
COMPONENTS = 24  # patches are compared by their projections on as many principal components
ROUNDS = {0: 12, 1: 10, 2: 6, 3: 4}  # turns of search and vote by level; fewer are enough above
FEWEST_ROUNDS = 3
FALLOFF = 1.3  # how much less a patch's vote counts for each pixel that it lies deeper in the hole
SAMPLE = 4000  # patches that the components are taken from
BLOCK = 2048  # patches that the exact search compares at once, for the sake of memory


def exemplar(rgb: np.ndarray, mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """Fill the hole from the picture's own patches.

    Args:
        rgb: uint8 (H, W, 3).
        mask: bool (H, W), True = hole.
        seed: of the random search.

    Returns:
        uint8 (H, W, 3), equal to `rgb` where known. Where no 7 x 7 patch is wholly known, this is
        the pull-push fill.
    """
    rng = np.random.default_rng(seed)
    guess: np.ndarray | None = None
    field: _Field | None = None
    for depth, (picture, hole) in enumerate(_pyramid(rgb, mask)):
        level = _Level.of(picture, hole, rng)
        if level is None:
            continue
        if field is None:
            guess = _pull_push(picture, hole)
            field = level.random_field(rng)
        else:
            field = level.grown(field)
            guess = level.vote(picture, field, sharp=False)
        for _ in range(ROUNDS.get(depth, FEWEST_ROUNDS)):
            field = level.search(guess, field, rng)
            guess = level.vote(guess, field, sharp=False)
        finest = hole.shape == mask.shape
        if finest:
            guess = level.vote(guess, level.search(guess, field, rng), sharp=True)
    if guess is None or guess.shape != rgb.shape:
        guess = _pull_push(rgb.astype(np.float32), mask)
    filled = np.clip(guess + 0.5, 0, 255).astype(np.uint8)
    return np.where(mask[..., None], filled, rgb)


@dataclass(frozen=True)
class _Field:
    """For each target patch the centre of the known patch that it is like, and how unlike it is."""

    y: np.ndarray  # (T,) int
    x: np.ndarray
    distance: np.ndarray  # (T,) float32, mean square over the patch's numbers
    targets: np.ndarray  # (H, W) int, number of the target patch centred there or -1


@dataclass(frozen=True)
class _Space:
    """Principal components of a picture's known patches, in which patches are compared."""

    mean: np.ndarray  # (147,)
    basis: np.ndarray  # (147, C)

    @staticmethod
    def of(picture: np.ndarray, sources: np.ndarray, rng: np.random.Generator) -> _Space:
        """From some of the known patches."""
        some = rng.permutation(len(sources))[:SAMPLE]
        patches = _patches(picture, sources[some, 0], sources[some, 1])
        mean = patches.mean(0)
        _, vectors = np.linalg.eigh((patches - mean).T @ (patches - mean))
        return _Space(mean, np.ascontiguousarray(vectors[:, ::-1][:, :COMPONENTS]))

    def describe(self, picture: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """(N, C) the patches centred at the places."""
        parts = [
            (_patches(picture, y[i : i + SAMPLE], x[i : i + SAMPLE]) - self.mean) @ self.basis
            for i in range(0, len(y), SAMPLE)
        ]
        return np.concatenate(parts)


def _patches(picture: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(N, 147) the numbers of the patches centred at the places."""
    windows = sliding_window_view(picture, (PATCH, PATCH), axis=(0, 1))
    return windows[y - HALF, x - HALF].reshape(len(y), -1)


@dataclass(frozen=True)
class _Level:
    """One size of the picture: which patches look for a source (targets), which can be one."""

    hole: np.ndarray
    ty: np.ndarray  # (T,) centres of the patches that touch the hole
    tx: np.ndarray
    sources: np.ndarray  # (S, 2) centres of wholly known patches
    known: np.ndarray  # (H, W) bool, True = centre of a wholly known patch
    number: np.ndarray  # (H, W) int, number of the target patch centred there or -1
    trust: np.ndarray  # (T,) weight of a target's votes by how deep in the hole it lies
    space: _Space
    described: np.ndarray  # (H, W, C) where `known`: the patch there in `space`

    @staticmethod
    def of(picture: np.ndarray, hole: np.ndarray, rng: np.random.Generator) -> _Level | None:
        """None where the level is too small or has no known patch."""
        height, width = hole.shape
        if min(height, width) < PATCH:
            return None
        touches = cv2.dilate(hole.astype(np.uint8), np.ones((PATCH, PATCH), np.uint8)) > 0
        inside = np.zeros_like(hole)
        inside[HALF : height - HALF, HALF : width - HALF] = True
        known = inside & ~touches
        if not known.any():
            return None
        ty, tx = np.nonzero(inside & touches)
        number = np.full(hole.shape, -1)
        number[ty, tx] = np.arange(len(ty))
        depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3)
        trust = FALLOFF ** -np.minimum(depth[ty, tx], 40.0)
        sources = np.argwhere(known)
        space = _Space.of(picture, sources, rng)
        described = np.zeros((height, width, COMPONENTS), np.float32)
        described[known] = space.describe(picture, sources[:, 0], sources[:, 1])
        return _Level(
            hole, ty, tx, sources, known, number, trust.astype(np.float32), space, described
        )

    def random_field(self, rng: np.random.Generator) -> _Field:
        """Any source for each target."""
        pick = self.sources[rng.integers(len(self.sources), size=len(self.ty))]
        distance = np.full(len(self.ty), np.inf, np.float32)
        return _Field(pick[:, 0], pick[:, 1], distance, self.number)

    def grown(self, field: _Field) -> _Field:
        """The field of the level with half the size, carried over to this one."""
        height, width = field.targets.shape
        cy = np.clip(self.ty // 2, HALF, height - 1 - HALF)
        cx = np.clip(self.tx // 2, HALF, width - 1 - HALF)
        parent = field.targets[cy, cx]
        has = parent >= 0
        y = np.where(has, field.y[parent] * 2 + self.ty - cy * 2, self.ty)
        x = np.where(has, field.x[parent] * 2 + self.tx - cx * 2, self.tx)
        y, x = self._nearest_source(y, x)
        return _Field(y, x, np.full(len(y), np.inf, np.float32), self.number)

    def _nearest_source(self, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The known patch nearest to each place."""
        _, label = cv2.distanceTransformWithLabels(
            (~self.known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        place = np.zeros((label.max() + 1, 2), int)
        place[label[self.known]] = np.argwhere(self.known)
        height, width = self.known.shape
        found = place[label[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]]
        return found[:, 0], found[:, 1]

    def search(self, picture: np.ndarray, field: _Field, rng: np.random.Generator) -> _Field:
        """A nearer source for each target: among all, or by PatchMatch."""
        targets = self.space.describe(picture, self.ty, self.tx)
        if min(self.hole.shape) <= EXACT:
            return self._exact(targets)
        return self._patch_match(targets, field, rng)

    def _exact(self, targets: np.ndarray) -> _Field:
        sources = self.described[self.sources[:, 0], self.sources[:, 1]]
        norms = np.square(sources).sum(1)
        best = np.empty(len(targets), int)
        for start in range(0, len(targets), BLOCK):
            block = targets[start : start + BLOCK]
            best[start : start + BLOCK] = (norms - 2 * block @ sources.T).argmin(1)
        place = self.sources[best]
        distance = np.square(targets - sources[best]).mean(1)
        return _Field(place[:, 0], place[:, 1], distance, self.number)

    def _patch_match(self, targets: np.ndarray, field: _Field, rng: np.random.Generator) -> _Field:
        y, x = field.y.copy(), field.x.copy()
        distance = np.square(targets - self.described[y, x]).mean(1)
        height, width = self.hole.shape

        def offer(cy: np.ndarray, cx: np.ndarray, which: np.ndarray) -> None:
            """Take the offered sources where they are known patches and nearer."""
            fits = (cy >= 0) & (cy < height) & (cx >= 0) & (cx < width)
            fits[fits] = self.known[cy[fits], cx[fits]]
            cy, cx, who = cy[fits], cx[fits], which[fits]
            new = np.square(targets[who] - self.described[cy, cx]).mean(1)
            nearer = new < distance[who]
            who = who[nearer]
            y[who], x[who], distance[who] = cy[nearer], cx[nearer], new[nearer]

        everyone = np.arange(len(y))
        for step in (4, 1, 2, 1):
            for dy, dx in ((0, step), (0, -step), (step, 0), (-step, 0)):
                ny = np.clip(self.ty + dy, 0, height - 1)
                nx = np.clip(self.tx + dx, 0, width - 1)
                neighbour = self.number[ny, nx]
                who = everyone[neighbour >= 0]
                near = neighbour[who]
                offer(y[near] - (ny - self.ty)[who], x[near] - (nx - self.tx)[who], who)
        radius = max(height, width) // 2
        while radius >= 1:
            jump = rng.integers(-radius, radius + 1, (2, len(y)))
            offer(y + jump[0], x + jump[1], everyone)
            radius //= 2
        return _Field(y, x, distance, self.number)

    def vote(self, picture: np.ndarray, field: _Field, sharp: bool) -> np.ndarray:
        """The picture with each hole pixel the mean of what the patches over it say.

        `sharp` lets the likest patches decide nearly alone, against blur.
        """
        weight = self.trust
        if np.isfinite(field.distance).all():
            scale = np.quantile(field.distance, 0.75) + 1e-6
            weight = weight * np.exp(-field.distance / (2 * scale) * (8 if sharp else 1))
        total = np.zeros(picture.shape, np.float32)
        weights = np.full(self.hole.shape, 1e-20, np.float32)
        weight = np.maximum(weight, 1e-12)
        for dy in range(-HALF, HALF + 1):
            for dx in range(-HALF, HALF + 1):
                rows, columns = self.ty + dy, self.tx + dx
                seen = picture[field.y + dy, field.x + dx]
                total[rows, columns] += seen * weight[:, None]
                weights[rows, columns] += weight
        return np.where(self.hole[..., None], total / weights[..., None], picture)


def _pyramid(rgb: np.ndarray, mask: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(picture, hole) from coarse to fine, each about twice the size of the one before.

    The hole's old content is kept out of the small pictures; what is half hole is hole.
    """
    levels = [(rgb.astype(np.float32), mask)]
    while min(levels[-1][1].shape) >= 2 * COARSEST:
        picture, hole = levels[-1]
        height, width = hole.shape
        size = ((width + 1) // 2, (height + 1) // 2)
        known = cv2.resize((~hole).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        colours = (
            cv2.resize(picture * (~hole)[..., None], size, interpolation=cv2.INTER_AREA)
            / np.maximum(known, 1e-6)[..., None]
        )
        levels.append((colours, known < 0.5))
    return levels[::-1]


def _pull_push(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    image = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    mask = torch.from_numpy(hole[None, None].astype(np.float32))
    return pull_push(image, mask)[0].permute(1, 2, 0).numpy() * 255
