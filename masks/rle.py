"""COCO's run-length encoding of masks: lengths of runs down the columns, beginning with known."""

from collections.abc import Sequence

import numpy as np

from masks.base import Mask


def encode(mask: Mask) -> list[int]:
    """Return the run lengths of a mask, bool (H, W), True = hole.

    They are those of known, hole, known, ... pixels; the first is 0 if the mask begins with a hole.
    """
    flat = mask.ravel(order="F")
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate(([0], turns, [flat.size])))
    return [0, *lengths.tolist()] if flat.size and flat[0] else lengths.tolist()


def decode(counts: Sequence[int] | str, height: int, width: int) -> Mask:
    """Return the mask, bool (H, W), that has these run lengths.

    Args:
        counts: the lengths, or the same as the short text that pycocotools writes.
        height: of the mask.
        width: of the mask.

    Raises:
        ValueError: they are not the run lengths of a mask of this size.
    """
    lengths = _read(counts) if isinstance(counts, str) else counts
    possible = all(isinstance(length, int) and length >= 0 for length in lengths)
    if not possible or sum(lengths) != height * width:
        raise ValueError(f"these run lengths are not those of a {width} x {height} mask")
    values = np.arange(len(lengths)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, lengths).reshape((height, width), order="F"))


def _read(text: str) -> list[int]:
    """Lengths from COCO's text: five bits a character, and from the fourth on the change against
    the one before the last.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"the run lengths hold a character that cannot be: {character!r}")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:  # more to come
            continue
        if bits & 0x10:  # negative
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    return lengths
