"""An exemplar fill, a network's second guess: the hole put together from the picture's patches.

The objective is that of Wexler, Shechtman and Irani (Space-Time Completion of Video, PAMI 2007):
every patch that touches the hole should look like some wholly known patch. It is lowered by two
steps in turn, coarse to fine: find the nearest known patch of each, then let all patches that cover
a pixel vote on its colour. The search looks at every known patch while the picture is small. At
larger sizes each patch tries what its parent in the level below and its neighbours found (the
propagation of PatchMatch, Barnes et al., SIGGRAPH 2009), and the patches that no smaller size had:
gaps between strokes close as a picture gets smaller. Random tries gain nothing there, so the fill
is the same every time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lama.patch_level import Level
from lama.pausing import Pause, go_on
from lama.pullpush import pull_push

COARSEST = 32  # short side of the first level, at least
SHARPNESS = 8.0  # of the last vote, in which the most similar patches decide nearly alone
FRESH_ROUNDS = 6  # at least, where patches are new: what smaller sizes found may be far off


@dataclass(frozen=True)
class Effort:
    """How thorough the patch search is.

    Attributes:
        rounds: rounds of search and vote by level, coarse to fine; levels beyond the tuple use its
            last entry.
        exact: up to this short side every known patch is looked at.
    """

    rounds: tuple[int, ...]
    exact: int


FAST = Effort(rounds=(3, 12, 3, 1), exact=64)
PATIENT = Effort(rounds=(3, 12, 6, 6, 3, 1), exact=128)  # takes four times as long


@torch.no_grad()
def exemplar_fill(
    image: Tensor,
    mask: Tensor,
    effort: Effort = FAST,
    pause: Pause = go_on,
) -> Tensor:
    """Fill the hole from the picture's own patches.

    Args:
        image: (B, 3, H, W) in [0, 1]; values in the hole are ignored.
        mask: (B, 1, H, W), 1 = hole.
        effort: FAST, or PATIENT, which is worth its time on large pictures.
        pause: called between pieces of the work; may raise to end it.

    Returns:
        (B, 3, H, W) equal to `image` where known. Where no 7 x 7 patch is wholly known at the full
        size, a smaller fill enlarged; where none is at any size, the pull-push fill.
    """
    return coherent_fill(image, mask, effort, pause)[0]


@torch.no_grad()
def coherent_fill(
    image: Tensor,
    mask: Tensor,
    effort: Effort = FAST,
    pause: Pause = go_on,
) -> tuple[Tensor, Tensor]:
    """The same as `exemplar_fill`, and how much of it is copied in one piece.

    Returns:
        (B, 3, H, W), and (B, 1, H, W) in [0, 1]: which share of patches around each pixel have
        neighbours from beside where they are from. It is low where one place is copied over and
        over; 1 where nothing is.
    """
    pairs = zip(image.float().split(1), mask.float().split(1), strict=True)
    # Distances of patches need all digits, whatever precision a network around this runs in.
    with torch.autocast(image.device.type, enabled=False):
        found = [_fill(*pair, effort, pause) for pair in pairs]
    filled, coherence = (torch.cat(parts).to(image.dtype) for parts in zip(*found, strict=True))
    return filled, coherence


def _fill(image: Tensor, mask: Tensor, effort: Effort, pause: Pause) -> tuple[Tensor, Tensor]:
    coherence = torch.ones_like(mask)
    if not mask.any():
        return image, coherence
    below: Level | None = None
    filled, halvings = None, 0  # what the last level made, and how much smaller it is
    levels = _pyramid(image, mask)
    for depth, (picture, hole) in enumerate(levels):
        level = Level.of(hole, effort.exact, pause)
        if level is None:
            below = None
            continue
        if below is None:
            level.start(picture)
        else:
            level.start_from(below, picture)
        rounds = effort.rounds[min(depth, len(effort.rounds) - 1)]
        if len(level.fresh):
            rounds = max(rounds, FRESH_ROUNDS)
        finest = depth == len(levels) - 1
        for turn in range(rounds - finest):
            before = level.found.clone()
            level.search()
            if turn and torch.equal(level.found, before):
                break
            level.vote()
        if finest:
            level.search()
            level.vote(SHARPNESS)
        below = level
        filled, halvings = level.picture(), len(levels) - 1 - depth
    if filled is None:
        return pull_push(image, mask), coherence
    if below is not None:
        coherence = below.coherence()
    if halvings:
        filled = F.interpolate(filled, scale_factor=2.0**halvings, mode="bilinear")
    filled = filled[..., : mask.shape[-2], : mask.shape[-1]]
    return torch.where(mask > 0, filled, image), coherence


def _pyramid(image: Tensor, mask: Tensor) -> list[tuple[Tensor, Tensor]]:
    """(picture, hole) from coarse to fine, each half the size of the next; half a hole is hole."""
    levels = [(image * (1 - mask), (mask > 0).float())]
    while min(mask.shape[-2:]) >= 2 * COARSEST:
        picture, mask = levels[-1]
        height, width = mask.shape[-2:]
        even = (0, width % 2, 0, height % 2)
        known = F.avg_pool2d(F.pad(1 - mask, even), 2)
        colour = F.avg_pool2d(F.pad(picture, even), 2) / known.clamp(min=1e-6)
        mask = (known < 0.5).float()
        levels.append((colour * (1 - mask), mask))
    return levels[::-1]
