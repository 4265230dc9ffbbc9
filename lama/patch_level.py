"""One size of a picture in an exemplar fill: its patches, the search for known ones, the vote."""

from __future__ import annotations

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from lama.components import principal_components, sampled
from lama.pausing import Pause
from lama.pullpush import pull_push

PATCH = 7  # pixels on a side
HALF = PATCH // 2
COMPONENTS = 24  # patches are compared by their projections on as many principal components
FALLOFF = 1.6  # how much less a patch's vote counts for each pixel that it lies deeper in the hole
MOST_COMPARED = 1 << 14  # known patches that one is compared with when all are looked at
FRESH = 4  # pixels of the level below, beyond which a known patch has no like there
MOST_FRESH = 1 << 11  # of those that one is compared with
AROUND = 25  # pixels on a side, over which coherence is a mean
BLOCK = 1 << 12  # patches, or pixels, that are worked on at once: what a cache holds
PLACE = torch.int32  # dtype of places: half the traffic of int64, several times as fast to gather
NOWHERE = 0  # place of the frame's corner, which is no patch's centre


class Level:
    """One size of the picture, in a frame of half a patch, with places as numbers of its pixels.

    Places are int32.

    Attributes:
        hole: (1, 1, H, W) float, 1 = hole.
        targets: (T,) centres of the patches that touch the hole.
        missing: (N,) the hole's pixels.
        sources: (S,) centres of wholly known patches; `known` says the same for every place.
        fresh: (F,) sources where the level below has none, as between strokes that are one hole
            there: nothing that was found below leads to them.
        found: for every place that is a target, the source that it is like.
        distance: (T,) how unlike, mean square over the components.
        looks_at_all: whether every source is looked at, or what neighbours found.
    """

    def __init__(
        self,
        hole: Tensor,
        known: Tensor,
        targets: Tensor,
        exact: int,
        pause: Pause,
    ) -> None:
        height, width = hole.shape[-2:]
        device = hole.device
        self.hole, self.known, self.targets, self.pause = hole, known, targets, pause
        self.looks_at_all = min(height, width) <= exact
        self.sources = _places(known)
        self.fresh = self.sources[:0]
        self.missing = _places(_framed(hole[0, 0] > 0))
        self.height, self.width = height + 2 * HALF, width + 2 * HALF  # of the frame
        self.pixels = torch.empty(0)
        places = self.height * self.width
        self.found = torch.full((places,), NOWHERE, dtype=PLACE, device=device)
        self.distance = torch.empty(0)
        self.described = torch.empty(0)
        self.is_described = False  # `described` is what `pixels` are
        self.components = torch.empty(0)  # (C, 3, PATCH, PATCH)
        step = torch.arange(-HALF, HALF + 1, dtype=PLACE, device=device)
        self.patch = (step[:, None] * self.width + step).flatten()  # from a centre to its pixels
        depth = cv2.distanceTransform(hole[0, 0].byte().cpu().numpy(), cv2.DIST_L2, 3)
        self.trust = FALLOFF ** -_framed(torch.from_numpy(depth).to(device))[targets].clamp(max=40)

    @staticmethod
    def of(hole: Tensor, exact: int, pause: Pause) -> Level | None:
        """None where the level is too small, or has no known patch, or no hole any more."""
        height, width = hole.shape[-2:]
        if min(height, width) < PATCH:
            return None
        along = F.max_pool2d(hole, (1, PATCH), 1, (0, HALF))
        touches = F.max_pool2d(along, (PATCH, 1), 1, (HALF, 0))[0, 0] > 0
        inside = torch.zeros_like(touches)
        inside[HALF : height - HALF, HALF : width - HALF] = True
        known = _framed(inside & ~touches)
        targets = _places(_framed(inside & touches))
        if not known.any() or not len(targets):
            return None
        return Level(hole, known, targets, exact, pause)

    def _show(self, picture: Tensor) -> None:
        """Make (1, 3, H, W) the picture."""
        framed = F.pad(picture[0], (HALF,) * 4).permute(1, 2, 0)
        self.pixels = framed.reshape(-1, 3).contiguous()  # colours side by side: quick to gather
        self.is_described = False

    def _choose_components(self) -> None:
        """Principal components of some of the known patches; larger levels take them over."""
        sample = sampled(self.sources)
        patches = F.embedding(sample[:, None] + self.patch, self.pixels).flatten(1)
        basis = principal_components(patches, COMPONENTS)
        kernels = basis.t().reshape(-1, PATCH, PATCH, 3).contiguous()
        self.components = kernels.permute(0, 3, 1, 2)

    def picture(self) -> Tensor:
        """(1, 3, H, W) as it stands."""
        return self._frame()[..., HALF:-HALF, HALF:-HALF]

    def _frame(self) -> Tensor:
        return self.pixels.view(1, self.height, self.width, 3).permute(0, 3, 1, 2)

    def _describe(self) -> None:
        """Bring `described` up to date, (places, C): components of the patch at each centre."""
        if self.is_described:
            return
        self.is_described = True
        frame = self._frame()
        if self.described.numel():
            # Only patches that touch the hole have changed.
            top, bottom = (int(t) // self.width for t in (self.targets[0], self.targets[-1]))
            rows = slice(top, bottom + 1)
            strip = frame[..., top - HALF : bottom + HALF + 1, :]
            new = F.conv2d(strip, self.components, padding=(0, HALF)).permute(0, 2, 3, 1)
            self.described.view(self.height, self.width, -1)[rows] = new[0]
        else:
            new = F.conv2d(frame, self.components, padding=HALF).permute(0, 2, 3, 1)
            self.described = new.reshape(-1, COMPONENTS)

    def start(self, picture: Tensor) -> None:
        """Begin with the pull-push fill of a picture, without any sources yet."""
        self._show(picture)
        self._choose_components()
        self._show(pull_push(picture, self.hole))
        if not self.looks_at_all:  # otherwise that is what searching begins with
            self._describe()
            self._take_best_of_all()

    def start_from(self, below: Level, picture: Tensor) -> None:
        """Begin with the fill of the level of half the size, and with the sources it found."""
        height, width = self.hole.shape[-2:]
        self.components = below.components
        self.fresh = self._unknown_to(below)
        guess = F.interpolate(below.picture(), scale_factor=2, mode="bilinear", align_corners=False)
        self._show(torch.where(self.hole > 0, guess[..., :height, :width], picture))
        self._describe()
        # Any source will do at first for targets without a parent.
        at = torch.searchsorted(self.sources, self.targets).clamp_(max=len(self.sources) - 1)
        self.found[self.targets] = self.sources[at]
        y, x = self.targets // self.width - HALF, self.targets % self.width - HALF
        py = (y // 2).clamp(HALF, below.height - 3 * HALF - 1)
        px = (x // 2).clamp(HALF, below.width - 3 * HALF - 1)
        source = below.found.index_select(0, (py + HALF) * below.width + px + HALF)
        sy, sx = source // below.width - HALF, source % below.width - HALF
        row = (sy * 2 + y - py * 2).clamp(0, height - 1) + HALF
        column = (sx * 2 + x - px * 2).clamp(0, width - 1) + HALF
        self._take_nearest(torch.where(source == NOWHERE, NOWHERE, row * self.width + column))

    def _unknown_to(self, below: Level) -> Tensor:
        """The sources that are far from all of the level below."""
        inside = slice(HALF, -HALF)
        known = below.known.view(below.height, below.width)[inside, inside].float()[None, None]
        near = F.max_pool2d(known, 2 * FRESH + 1, 1, FRESH)
        near = F.interpolate(near, scale_factor=2, mode="nearest")[0, 0] > 0
        height, width = self.hole.shape[-2:]
        fresh = _places(self.known & ~_framed(near[:height, :width]))
        return fresh[:: 1 + len(fresh) // MOST_FRESH]

    def search(self) -> None:
        """A nearer source for each target.

        It is looked for among all, or among what its neighbours found and what is fresh.
        """
        self._describe()
        if self.looks_at_all:
            self._take_best_of_all()
            return
        offers = []
        for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            step = dy * self.width + dx
            source = self.found.index_select(0, self.targets + step)
            offers.append((source - step).clamp_(min=NOWHERE))
        if len(self.fresh):
            offers.append(self._best_of(self.fresh))
        self._take_nearest(*offers)

    def _take_best_of_all(self) -> None:
        # A large level is the first one only for small holes: some of the sources are enough.
        nearest = self._best_of(self.sources[:: 1 + len(self.sources) // MOST_COMPARED])
        self.found[self.targets] = nearest
        self.distance = self._unlike(nearest, self.targets)

    def _best_of(self, some: Tensor) -> Tensor:
        """(T,) the one of some sources that is nearest to each target."""
        sources = self.described.index_select(0, some)
        norms = sources.square().sum(1)
        best = []
        for targets in self.targets.split(BLOCK // 2):
            self.pause()
            described = self.described.index_select(0, targets)
            best.append(torch.addmm(norms, described, sources.t(), alpha=-2).argmin(1))
        return some[torch.cat(best)]

    def _take_nearest(self, *offers: Tensor) -> None:
        """Keep the nearest of the present sources and the (T,) offered ones that are known."""
        nearest = self.found.index_select(0, self.targets)
        least = self._unlike(nearest, self.targets)
        for offered in offers:
            self.pause()
            # Most neighbours agree, so few are left to be compared.
            other = self.known.index_select(0, offered).logical_and_(offered != nearest)
            which = other.nonzero()[:, 0]
            source = offered[which]
            unlike = self._unlike(source, self.targets[which])
            nearer = unlike < least[which]
            which = which[nearer]
            least[which], nearest[which] = unlike[nearer], source[nearer]
        self.found[self.targets] = nearest
        self.distance = least

    def _unlike(self, sources: Tensor, targets: Tensor) -> Tensor:
        """(N,) mean squares of the differences between the patches at (N,) places each."""
        unlike = [
            (self.described.index_select(0, a) - self.described.index_select(0, b))
            .square_()
            .mean(-1)
            for a, b in zip(sources.split(BLOCK), targets.split(BLOCK), strict=True)
        ]
        return torch.cat(unlike)

    def coherence(self) -> Tensor:
        """(1, 1, H, W) as `lama.exemplar.coherent_fill` has it."""
        places = torch.arange(len(self.found), dtype=PLACE, device=self.found.device)
        offsets = (self.found - places).view(self.height, self.width)
        target = torch.zeros_like(self.found, dtype=torch.bool)
        target[self.targets] = True
        target = target.view_as(offsets)
        same, pairs = (torch.zeros_like(offsets, dtype=torch.float32) for _ in range(2))
        for axis in (0, 1):
            length = offsets.shape[axis] - 1
            both = target.narrow(axis, 0, length) & target.narrow(axis, 1, length)
            alike = both & (offsets.narrow(axis, 0, length) == offsets.narrow(axis, 1, length))
            for start in (0, 1):  # a pair counts for each of the two
                same.narrow(axis, start, length).add_(alike)
                pairs.narrow(axis, start, length).add_(both)
        around = [F.avg_pool2d(t[None, None], AROUND, 1, AROUND // 2) for t in (same, pairs)]
        share = torch.where(around[1] > 1e-6, around[0] / around[1].clamp(min=1e-6), 1.0)
        return share[..., HALF:-HALF, HALF:-HALF]

    def vote(self, sharpness: float = 1) -> None:
        """Make each hole pixel the mean of what the patches over it say, weighted by likeness.

        Args:
            sharpness: how much likeness counts; more of it means less blur.
        """
        scale = self.distance.kthvalue(len(self.distance) * 3 // 4 + 1).values + 1e-10
        weight = self.trust * torch.exp(-self.distance / (2 * scale) * sharpness)
        weights = torch.zeros(len(self.found), device=weight.device)
        weights[self.targets] = weight.clamp(min=1e-12)
        voted = []
        for pixels in self.missing.split(BLOCK):
            self.pause()
            centres = (pixels[:, None] - self.patch).flatten()
            votes = weights.index_select(0, centres).view(-1, PATCH**2)
            # Around centres that are no targets places may be negative; those have no vote.
            says = self.found.index_select(0, centres).view(-1, PATCH**2)
            says.add_(self.patch).clamp_(min=0)
            total = votes.sum(1, keepdim=True)
            mean = F.embedding_bag(says, self.pixels, mode="sum", per_sample_weights=votes) / total
            old = self.pixels.index_select(0, pixels)
            voted.append(torch.where(total > 0, mean, old))
        self.pixels[self.missing] = torch.cat(voted)
        self.is_described = False


def _places(flat: Tensor) -> Tensor:
    """Where a row of places is true."""
    return flat.nonzero()[:, 0].to(PLACE)


def _framed(plane: Tensor) -> Tensor:
    """(H, W) with a frame of half a patch of zeros, as a row of places."""
    return F.pad(plane, (HALF,) * 4).flatten()
