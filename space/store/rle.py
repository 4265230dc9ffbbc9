"""COCO's run-length encoding of masks: lengths of runs down the columns, beginning with known."""

from collections.abc import Sequence

import numpy as np

from space.store.errors import SubmissionError


def encode(mask: np.ndarray) -> list[int]:
    """The run lengths of a mask.

    Args:
        mask: bool (H, W), True = hole.

    Returns:
        Known, hole, known, ... pixels in a row; the first is 0 if the mask begins with a hole.
    """
    flat = mask.ravel(order="F")
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate(([0], turns, [flat.size])))
    return [0, *lengths.tolist()] if flat.size and flat[0] else lengths.tolist()


def decode(counts: Sequence[int] | str, height: int, width: int) -> np.ndarray:
    """A mask, bool (H, W), from its run lengths.

    Args:
        counts: The lengths, or the same as the short text that pycocotools writes.
        height: Of the mask.
        width: Of the mask.

    Raises:
        SubmissionError: They are not the run lengths of a mask of this size.
    """
    lengths = np.array(_read(counts) if isinstance(counts, str) else counts, dtype=np.int64)
    if lengths.ndim != 1 or (lengths < 0).any() or lengths.sum() != height * width:
        raise SubmissionError(f"These run lengths are not those of a {width} x {height} mask.")
    values = np.arange(lengths.size) % 2 == 1
    return np.repeat(values, lengths).reshape((height, width), order="F")


def _read(text: str) -> list[int]:
    """Lengths from COCO's text: 5 bits a character, and from the third on the change against the
    one before the last.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise SubmissionError(f"The run lengths hold a character that cannot be: {character!r}")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:  # more to come
            continue
        if bits & 0x10:  # negative
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    return lengths
