"""The offsets at which a picture repeats itself, read off its known part.

He and Sun (Statistics of Patch Offsets for Image Completion, ECCV 2012): each known patch is
matched with the one most like it that is not nearby, and few offsets account for most matches, a
facade's from window to window, a wall's from stone to stone. Matches are found in a small copy of
the picture; each offset is then made exact, coarse to fine, where its own matches are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lama.components import principal_components, sampled
from lama.pausing import Pause, go_on

Offset = tuple[int, int]  # rows, columns: where the copied pixel lies, seen from the hole's

PATCH = 9  # cells on a side
COMPONENTS = 24  # patches are compared by their projections on as many principal components
MOST_CELLS = 1 << 15  # of the small copy
MOST_MATCHED = 1 << 13  # patches whose match is looked for
BLOCK = 1 << 22  # numbers in a piece of the matrix of distances
NEAR = 15  # matches closer than the longer side divided by this say that a picture is smooth
BLUR = 1.4  # cells, of the histogram of offsets
APART = 7  # cells in which only one offset is kept
VOTERS = 128  # matches that an offset is made exact by


@dataclass(frozen=True)
class _Matches:
    """Known patches and where the one most like each lies, in a small copy of the picture.

    Attributes:
        centres: (N, 2) rows and columns.
        offsets: (N, 2) from a patch to its match.
    """

    centres: Tensor
    offsets: Tensor


@torch.no_grad()
def dominant_offsets(image: Tensor, mask: Tensor, count: int, pause: Pause = go_on) -> list[Offset]:
    """At most `count` offsets in pixels, those that most patches repeat at first.

    Args:
        image: (1, 3, H, W) in [0, 1]; values in the hole are ignored.
        mask: (1, 1, H, W), 1 = hole.
        count: of offsets, at most.
        pause: called between pieces of the work; may raise to end it.

    Returns:
        none where too little is known, or nothing repeats.
    """
    levels = [(image * (1 - mask), 1 - mask)]  # colours times what is known of a cell, and that
    while levels[-1][1].numel() > MOST_CELLS and min(levels[-1][1].shape[-2:]) > 1:
        picture, known = levels[-1]
        levels.append((F.avg_pool2d(picture, 2), F.avg_pool2d(known, 2)))
    if min(levels[-1][1].shape[-2:]) < PATCH:
        return []
    matches = _match(*levels[-1], pause)
    if matches is None:
        return []
    offsets = _most_frequent(matches, levels[-1][1].shape[-2:], count)
    exact = {_made_exact(offset, matches, levels, pause): None for offset in offsets}
    return list(exact)  # each once, in their order


def _match(picture: Tensor, known: Tensor, pause: Pause) -> _Matches | None:
    height, width = known.shape[-2:]
    whole = -F.max_pool2d(-(known > 0.999).float(), PATCH, 1) > 0  # patches that lie inside
    patches = F.unfold(picture, PATCH)[0].t()[whole.flatten()]
    if len(patches) < PATCH**2:
        return None
    sample = sampled(patches)
    described = (patches - sample.mean(0)) @ principal_components(sample, COMPONENTS)
    centres = whole[0, 0].nonzero() + PATCH // 2
    rows, columns = centres.int().t().contiguous()
    norms = described.square().sum(1)
    near = max(height, width) // NEAR
    asking = torch.arange(0, len(patches), -(-len(patches) // MOST_MATCHED), device=known.device)
    found = []
    for some in asking.split(max(1, BLOCK // len(patches))):
        pause()
        unlike = torch.addmm(norms, described[some], described.t(), alpha=-2)
        # Centres are in the order of their rows, so those nearby lie between two of them.
        ends = torch.stack([rows[some[0]] - near, rows[some[-1]] + near + 1])
        nearby = slice(*torch.searchsorted(rows, ends).tolist())
        down = (rows[some, None] - rows[nearby]).abs_()
        across = (columns[some, None] - columns[nearby]).abs_()
        unlike[:, nearby].masked_fill_((down <= near).logical_and_(across <= near), torch.inf)
        found.append(unlike.min(1))
    distances = torch.cat([least.values for least in found])
    nearest = torch.cat([least.indices for least in found])
    real = distances < torch.inf
    if not real.any():
        return None
    asking, nearest = asking[real], nearest[real]
    return _Matches(centres[asking], centres[nearest] - centres[asking])


def _most_frequent(matches: _Matches, size: tuple[int, ...], count: int) -> list[Offset]:
    """The highest peaks of the histogram of offsets, in cells."""
    height, width = size
    histogram = np.zeros((2 * height, 2 * width))
    rows, columns = matches.offsets.cpu().numpy().T
    np.add.at(histogram, (rows + height, columns + width), 1)
    density = cv2.GaussianBlur(histogram, (0, 0), BLUR)
    highest = cv2.dilate(density, np.ones((APART, APART)))
    rows, columns = np.nonzero((density == highest) & (density > 0))
    order = np.argsort(-density[rows, columns], kind="stable")[:count]
    return [(int(rows[i]) - height, int(columns[i]) - width) for i in order]


def _made_exact(
    offset: Offset,
    matches: _Matches,
    levels: list[tuple[Tensor, Tensor]],
    pause: Pause,
) -> Offset:
    """In pixels: at each finer level the one of nine that makes the matches most alike."""
    away = (matches.offsets - matches.offsets.new_tensor(offset)).abs().amax(-1)
    voters = matches.centres[away.argsort(stable=True)[:VOTERS]]
    voters = voters[away.sort(stable=True).values[:VOTERS] <= APART // 2]
    step = torch.arange(-(PATCH // 2), PATCH // 2 + 1, device=voters.device)
    for picture, _ in levels[-2::-1]:
        pause()
        voters, offset = voters * 2, (offset[0] * 2, offset[1] * 2)
        rows = (voters[:, :1, None] + step[:, None]).expand(-1, -1, PATCH)
        columns = (voters[:, 1:, None] + step).expand(-1, PATCH, -1)
        offset = _best_of_nine(picture[0], rows, columns, offset)
    return offset


def _best_of_nine(picture: Tensor, rows: Tensor, columns: Tensor, offset: Offset) -> Offset:
    """The one, at most a pixel off, at which the pixels are most like those that lie there."""
    height, width = picture.shape[-2:]
    here = picture[:, rows, columns]
    unlike: dict[Offset, float] = {}
    for dy in (0, -1, 1):
        for dx in (0, -1, 1):
            by = (offset[0] + dy, offset[1] + dx)
            at = (rows + by[0]).clamp(0, height - 1), (columns + by[1]).clamp(0, width - 1)
            unlike[by] = float((picture[:, at[0], at[1]] - here).square().mean())
    return min(unlike, key=lambda by: unlike[by])
