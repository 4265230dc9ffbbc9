"""Masks that people drew, as a source of holes beside the generated ones.

They come from a dataset of saved masks (docs/dataset.md): a folder or a name on the Hub, read with
`datasets` as anybody would. Streaming leaves no copy in its cache, so that a record which is
deleted later is not kept alive by having been trained on.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from lama.training.photos import cell_bytes, decode_mask, has_hole, none_usable

logger = logging.getLogger(__name__)

NARROWEST, WIDEST = 1.25, 3.0  # sides of the window in units of the hole's longer extent
LEAST, MOST = 0.002, 0.75  # share of a crop that a hole may cover


class LoggedMasks:
    """Holes drawn from saved masks, each brought to the crop at hand.

    The mask is laid on a photo of the training set, not on its own: under it, its own photo mostly
    shows the very thing that somebody wanted away, which is not what should be filled in.

    Args:
        encoded: image files, see `decode_mask`.
        name: of the dataset, for messages and provenance.
    """

    def __init__(self, encoded: Sequence[bytes], name: str = "") -> None:
        if not encoded:
            raise ValueError("no saved mask to train on")
        self.encoded, self.name = list(encoded), name

    def __len__(self) -> int:
        return len(self.encoded)

    def draw(self, crop: int, rng: np.random.Generator) -> np.ndarray | None:
        """One hole as bool (crop, crop), or None if none of ten was neither tiny nor huge."""
        for _ in range(10):
            mask = self.read(int(rng.integers(len(self.encoded))))
            fitted = fit_mask(mask, crop, rng) if mask is not None and mask.any() else None
            if fitted is not None and LEAST <= fitted.mean() <= MOST:
                return fitted
        return None

    def read(self, index: int) -> np.ndarray | None:
        """Mask number `index` as bool (H, W), True = hole; None if it cannot be decoded."""
        return decode_mask(self.encoded[index])


def fit_mask(mask: np.ndarray, crop: int, rng: np.random.Generator) -> np.ndarray:
    """A square window around a hole, mirrored half of the time, at the crop's size.

    The window is 1.25 to 3 times as wide as the hole, about what the network is shown of a photo
    when it fills that hole, at the scale of its first look. It stays inside of the mask where it
    can, so that holes at an edge stay at an edge; beyond it everything is known.

    Args:
        mask: bool (H, W) with a hole.
        crop: side of the result.
        rng: decides.

    Returns:
        bool (crop, crop).
    """
    if rng.random() < 0.5:
        mask = mask[:, ::-1]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    extent = int(max(np.ptp(rows), np.ptp(columns))) + 1
    factor = np.exp(rng.uniform(np.log(NARROWEST), np.log(WIDEST)))
    side = int(np.clip(round(extent * factor), 8, max(mask.shape)))
    top = _place(rows[0], rows[-1] + 1, side, mask.shape[0], rng)
    left = _place(columns[0], columns[-1] + 1, side, mask.shape[1], rng)
    window = np.zeros((side, side), np.float32)
    inside = mask[max(0, top) : top + side, max(0, left) : left + side]
    window[
        max(0, -top) : max(0, -top) + inside.shape[0],
        max(0, -left) : max(0, -left) + inside.shape[1],
    ] = inside
    how = cv2.INTER_AREA if side > crop else cv2.INTER_LINEAR
    # A third, not a half: thin strokes survive being scaled down.
    return cv2.resize(window, (crop, crop), interpolation=how) > 1 / 3


def _place(first: int, last: int, side: int, size: int, rng: np.random.Generator) -> int:
    """Where a window of `side` begins so that it holds [first, last) and stays in [0, size)."""
    if side >= size:
        return int(rng.integers(size - side, 1))
    low, high = max(0, last - side), min(first, size - side)
    if low > high:  # the hole is larger than the window
        low, high = high, low
    return int(rng.integers(low, high + 1))


def load_masks(dataset: str) -> LoggedMasks:
    """The masks of a dataset's `train` split: approved ones, or all where nothing has a status.

    Args:
        dataset: a dataset folder, a data directory of the app that has one, or a name on the Hub.

    Raises:
        ValueError: It cannot be read, has no column `mask`, or holds nothing that can be used.
    """
    # Takes a second to import, and only fine-tuning needs it.
    from datasets import Image, load_dataset  # noqa: PLC0415
    from datasets.exceptions import DatasetsError  # noqa: PLC0415

    place = locate(dataset)
    try:
        stream = load_dataset(place, split="train", streaming=True)
        columns = list(stream.features or next(iter(stream), {}))
        if "mask" not in columns:
            raise ValueError(
                f"{dataset} has no column `mask`; it has {', '.join(columns) or 'nothing'}"
            )
        stream = stream.select_columns([c for c in ("mask", "status") if c in columns])
        stream = stream.cast_column("mask", Image(decode=False))
        rows = [(row.get("status"), cell_bytes(row["mask"])) for row in stream]
    except (OSError, KeyError, RuntimeError, DatasetsError) as error:
        raise ValueError(f"the dataset {dataset} cannot be read: {error}") from error
    counts = Counter(status for status, _ in rows)
    reviewed = any(counts[status] for status in counts if status)
    chosen = [data for status, data in rows if not reviewed or status == "approved"]
    if not chosen:
        found = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()) if status)
        raise ValueError(
            f"{dataset} has no approved mask ({found or 'it is empty'}); approve some of them in "
            "the Review tab first"
        )
    return LoggedMasks(_usable(chosen, dataset), dataset)


def _usable(encoded: Sequence[bytes], dataset: str) -> list[bytes]:
    """Those masks that have a hole and something around it; says how many have not.

    Raises:
        ValueError: None has.
    """
    with ThreadPoolExecutor() as pool:  # decoding leaves Python to itself
        fine = list(pool.map(has_hole, encoded))
    found = [data for data, good in zip(encoded, fine, strict=True) if good]
    if not found:
        raise none_usable(f"the {len(encoded)} masks of {dataset}")
    if len(found) < len(encoded):
        logger.warning(
            "%d of the %d masks of %s can be used: the others are no pictures, or have no hole, or "
            "nothing else", len(found), len(encoded), dataset,
        )  # fmt: skip
    return found


def locate(dataset: str) -> str:
    """What `load_dataset` should be given: a folder that exists, or a name on the Hub."""
    path = Path(dataset).expanduser()
    if (path / "dataset").is_dir():  # the app's data directory
        return str(path / "dataset")
    if path.exists():
        return str(path)
    if dataset.startswith((".", "/", "~")) or dataset.count("/") != 1:
        raise ValueError(f"the dataset {dataset} does not exist")
    return dataset
