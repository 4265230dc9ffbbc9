"""A fill of large pieces of the same picture, each moved by an offset at which it repeats.

A shift-map (Pritch, Kav-Venaki and Peleg, ICCV 2009) gives each hole pixel one of the picture's
dominant offsets (`lama.offsets`) and copies what lies there. Two things decide: what a coarse fill,
the guide, says should be there, and that neighbours fit together. Pixels hold a share of every
offset at first, which all that lie around are compared with, and fewer from round to round (mean
field); in the end the offset that fits best is taken. So structure is the guide's and texture the
picture's own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lama.offsets import Offset, dominant_offsets
from lama.pausing import Pause, go_on
from lama.tensors import Window, surroundings

OFFSETS = 40  # fewer leave the guide unmatched, more make smaller pieces
PATCH = 7  # cells that should fit together
SEAM = 7  # pixels over which pieces are blended
GUIDANCE = 0.5  # how much the guide counts after the first round, against what lies around
TEMPERATURES = (0.3, 0.2, 0.1, 0.1)  # by round, in units of a typical pixel's least cost
MOST_CELLS = 1 << 17  # on which offsets are chosen
FORBIDDEN = 10.0  # cost of a pixel that an offset brings nothing known to; squares are below 3
_LEAST = 1e-7


@torch.no_grad()
def shift_map_fill(
    image: Tensor,
    mask: Tensor,
    guide: Tensor,
    pause: Pause = go_on,
) -> Tensor:
    """Fill the hole with pieces of the same picture that look like the guide.

    Args:
        image: (B, 3, H, W) in [0, 1]; values in the hole are ignored.
        mask: (B, 1, H, W), 1 = hole.
        guide: (B, 3, H, W), a coarse fill.
        pause: called between pieces of the work; may raise to end it.

    Returns:
        (B, 3, H, W) equal to `image` where known; the guide where no offset brings anything known,
        nor anything that was filled so.
    """
    images, masks, guides = (t.float().split(1) for t in (image, mask, guide))
    # Distances of patches need all digits, whatever precision a network around this runs in.
    with torch.autocast(image.device.type, enabled=False):
        filled = torch.cat([_fill(*one, pause) for one in zip(images, masks, guides, strict=True)])
    return filled.to(image.dtype)


def _fill(image: Tensor, mask: Tensor, guide: Tensor, pause: Pause) -> Tensor:
    offsets = dominant_offsets(image, mask, OFFSETS, pause) if mask.any() else []
    if not offsets:
        return torch.where(mask > 0, guide, image)
    return _put_together(image, mask, guide, offsets, pause)


def _put_together(
    image: Tensor, mask: Tensor, guide: Tensor, offsets: list[Offset], pause: Pause
) -> Tensor:
    scale = 1
    while mask.numel() > MOST_CELLS * scale**2:
        scale *= 2
    height, width = mask.shape[-2:]
    padding = (0, -width % scale, 0, -height % scale)
    image_, mask_, guide_ = (F.pad(t, padding, mode="replicate") for t in (image, mask, guide))
    window = surroundings(mask_, PATCH * scale, scale)
    rows, columns = (slice(s.start // scale, s.stop // scale) for s in window)
    hole = (F.avg_pool2d(mask_, scale) > 0).float()  # so no cell that is known has any of it
    small = F.avg_pool2d(image_, scale)
    steps = [(round(dy / scale), round(dx / scale)) for dy, dx in offsets]
    chosen = _choose(small, hole, F.avg_pool2d(guide_, scale), steps, (rows, columns), pause)
    chosen = chosen.repeat_interleave(scale, 0).repeat_interleave(scale, 1)
    filled, reached = _compose(image_, mask_, guide_, offsets, chosen, window, pause)
    filled, reached = (t[..., :height, :width] for t in (filled, reached))
    filled = torch.where(mask > 0, filled, image)
    left = mask * (reached == 0)
    if not left.any() or torch.equal(left, mask):
        return filled
    return _put_together(filled, left, guide, offsets, pause)  # what is filled is known now


def _choose(
    image: Tensor,
    mask: Tensor,
    guide: Tensor,
    offsets: list[Offset],
    window: Window,
    pause: Pause,
) -> Tensor:
    """(h, w) number of the offset for each cell of the window."""
    known = 1 - mask
    offered = _shifted(image * known, offsets, window)
    there = _shifted(known, offsets, window)
    lit = _box(known, 5).clamp(min=1e-3)  # the guide is compared by what it can know: no detail
    rough = _shifted(_box(image * known, 5) / lit, offsets, window)
    at = (..., *window)
    image, mask, vague, guide = image[at], mask[at], _box(guide, 5)[at], guide[at]
    hole = mask > 0
    weight = _box(there, PATCH).clamp(min=0.02)

    def around(squares: Tensor) -> Tensor:
        return _box(squares.sum(1, keepdim=True) * there, PATCH) / weight

    # In place: these are the largest maps of all.
    differs = rough.sub_(vague).square_().mul_(mask)
    differs += (offered - image).square_().mul_(known[at])
    by_guide = around(differs)
    del rough, differs
    cost = by_guide + (1 - there) * FORBIDDEN
    for temperature in TEMPERATURES:
        pause()
        typical = cost.amin(0, keepdim=True)[hole].median() + 1e-4
        share = torch.softmax(-cost / (typical * temperature), 0)
        votes = _box(share, PATCH) * there
        total = votes.sum(0, keepdim=True)
        mean = (votes * offered).sum(0, keepdim=True) / total.clamp(min=_LEAST)
        mean = torch.where(hole, torch.where(total > _LEAST, mean, guide), image)
        del share, votes
        cost = around((offered - mean).square_()) + GUIDANCE * by_guide + (1 - there) * FORBIDDEN
    return cost.argmin(0)[0]


def _compose(
    image: Tensor,
    mask: Tensor,
    guide: Tensor,
    offsets: list[Offset],
    chosen: Tensor,
    window: Window,
    pause: Pause,
) -> tuple[Tensor, Tensor]:
    """The pieces side by side, blended where they meet; 1 where there is one, (1, 1, H, W)."""
    known = 1 - mask
    image = image * known
    rows, columns = window
    colours = torch.zeros_like(guide[(..., *window)])
    total = torch.zeros_like(mask[(..., *window)])
    for number in chosen.unique().tolist():
        pause()
        piece = (chosen == number)[None, None].to(guide)
        here = down, across = surroundings(piece, SEAM, 1)
        weight = _box(piece[(..., *here)], SEAM)
        there = _moved(down, rows.start), _moved(across, columns.start)
        weight *= _shifted(known, [offsets[number]], there)
        colours[(..., *here)] += weight * _shifted(image, [offsets[number]], there)
        total[(..., *here)] += weight
    result, reached = guide.clone(), torch.zeros_like(mask)
    filled = colours / total.clamp(min=_LEAST)
    result[(..., *window)] = torch.where(total > _LEAST, filled, guide[(..., *window)])
    reached[(..., *window)] = (total > _LEAST).to(mask)
    return result, reached


def _moved(part: slice, start: int) -> slice:
    """A part of the window as a part of the picture."""
    return slice(part.start + start, part.stop + start)


def _shifted(picture: Tensor, offsets: list[Offset], window: Window) -> Tensor:
    """(K, C, h, w): what lies at each offset from the window's pixels; 0 outside the picture."""
    height, width = picture.shape[-2:]
    rows, columns = window
    size = (rows.stop - rows.start, columns.stop - columns.start)
    result = picture.new_zeros((len(offsets), picture.shape[1], *size))
    for moved, (dy, dx) in zip(result, offsets, strict=True):
        top, bottom = max(rows.start + dy, 0), min(rows.stop + dy, height)
        left, right = max(columns.start + dx, 0), min(columns.stop + dx, width)
        if top < bottom and left < right:
            to_rows = slice(top - dy - rows.start, bottom - dy - rows.start)
            to_columns = slice(left - dx - columns.start, right - dx - columns.start)
            moved[:, to_rows, to_columns] = picture[0, :, top:bottom, left:right]
    return result


def _box(x: Tensor, side: int) -> Tensor:
    """Means over squares; at the edge over what there is."""
    down = F.avg_pool2d(x, (side, 1), 1, (side // 2, 0), count_include_pad=False)
    return F.avg_pool2d(down, (1, side), 1, (0, side // 2), count_include_pad=False)
