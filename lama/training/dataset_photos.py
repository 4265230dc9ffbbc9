"""Hugging Face datasets as a source of photos: with random access, or streamed."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from lama.training.holdout import HoldOut, evenly, told_apart
from lama.training.passing import passing_folder
from lama.training.photos import (
    Chosen,
    Indexed,
    Joined,
    PhotoFiles,
    Photos,
    Picture,
    cell_bytes,
    decode_mask,
    decode_rgb,
    find_photos,
    has_hole,
    none_usable,
    twins,
)
from lama.training.provenance import named

logger = logging.getLogger(__name__)

Table = Any  # datasets has no types
SHUFFLE = 1000  # photos of a stream that are mixed at a time
LOOKED_AT = 64  # masks of a dataset, before a run begins
_BEHIND = 64  # photos of a stream that are kept for whoever asks again


@dataclass(frozen=True)
class DatasetPhotos:
    """A dataset's address: `hf:NAME_OR_PATH[:SPLIT[:IMAGE_COLUMN[:MASK_COLUMN]]]`."""

    place: str
    split: str = "train"
    image: str = ""  # the column `image`, else the first that holds images
    mask: str = ""  # none

    @classmethod
    def parse(cls, text: str) -> DatasetPhotos:
        """Read the address; a split may be a slice such as `train[:10%]`.

        Raises:
            ValueError: It is not of that form.
        """
        parts = re.split(r":(?![^\[]*\])", text.removeprefix("hf:"))
        if not text.startswith("hf:") or not parts[0] or len(parts) > 4:
            raise ValueError(
                f"{text!r} is not a dataset's address: "
                "hf:NAME_OR_PATH[:SPLIT[:IMAGE_COLUMN[:MASK_COLUMN]]]"
            )
        place, split, image, mask = (*parts, "", "", "")[:4]
        return cls(place, split or "train", image, mask)

    def __str__(self) -> str:
        parts = [self.place, self.split, self.image, self.mask]
        return f"hf:{':'.join(parts).rstrip(':')}"

    def load(self, *, streaming: bool) -> tuple[Table, DatasetPhotos]:
        """The dataset with undecoded pictures, and this address with the columns filled in.

        Of a dataset of saved masks (docs/dataset.md) only approved records are taken, and no copy
        stays in the cache of `datasets`: a record that is deleted later should be gone.

        Raises:
            ValueError: It cannot be read, or has no such column.
        """
        # Takes a second to import, and folders do without.
        from datasets import Image, load_dataset  # noqa: PLC0415
        from datasets.exceptions import DatasetsError  # noqa: PLC0415

        if streaming and "[" in self.split:
            raise ValueError(
                f"{self} names a part of a split, which a stream cannot be cut to: "
                "leave --stream out, or the part"
            )
        path = Path(self.place).expanduser()
        try:
            place = str(path) if path.exists() else self.place
            # Streams know whole splits alone; for the columns any part of one will do.
            split = self.split if streaming else re.sub(r"\[.*?\]", "", self.split)
            table = load_dataset(place, split=split, streaming=True)
            saved = {"consent", "status"} <= set(table.features or {})
            if not streaming:
                cache = str(passing_folder()) if saved else None
                table = load_dataset(place, split=self.split, cache_dir=cache)
        except (OSError, KeyError, ValueError, RuntimeError, DatasetsError) as error:
            raise ValueError(f"{self} cannot be read: {error}") from error
        features = table.features or {}
        pictures = [name for name, kind in features.items() if isinstance(kind, Image)]
        image = self.image or ("image" if "image" in pictures else (pictures or [""])[0])
        for column in filter(None, (image or "image", self.mask)):
            if column not in pictures:
                raise ValueError(
                    f"{self} has no column {column!r} of images; those of images are "
                    f"{', '.join(pictures) or 'none'}"
                )
        columns = [image, self.mask] if self.mask else [image]
        table = table.select_columns([*columns, "status"] if saved else columns)
        for column in columns:
            table = table.cast_column(column, Image(decode=False))
        if saved:
            table = table.filter(_is_approved, input_columns="status")
        return table, DatasetPhotos(self.place, self.split, image, self.mask)


def _is_approved(status: str) -> bool:
    return status == "approved"


class DatasetTable(Indexed):
    """A Hugging Face dataset with random access.

    Args:
        address: where it is.
        table: as `DatasetPhotos.load` gives it.
    """

    def __init__(self, address: DatasetPhotos, table: Table) -> None:
        super().__init__()
        self.address, self.table = address, table

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_saved(self) -> bool:
        """Whether it is a dataset of saved masks: `DatasetPhotos.load` leaves their status in."""
        return "status" in self.table.column_names

    def name(self, index: int) -> str:
        """Address and row."""
        return f"{self.address} row {index}"

    def read(self, index: int) -> Picture | None:
        """See `Photos.read`."""
        return picture_of(self.table[index], self.address)


class Streamed:
    """A Hugging Face dataset that is read from front to back, over and over, mixed on the way.

    Sample n takes the n-th photo of the stream. Every worker of every process reads the whole
    stream and decodes only what is its own; this costs transfer, and keeps samples what they are
    with any number of workers. Going on with a run reads up to where it was.

    Args:
        address: where it is.
        table: as `DatasetPhotos.load(streaming=True)` gives it.
        skip: this many photos at the front are left for validation.
        held: sha256 of photos that are left out wherever they come again.
    """

    def __init__(
        self, address: DatasetPhotos, table: Table, skip: int = 0, held: Collection[str] = ()
    ) -> None:
        self.address, self.skip, self.held = address, skip, set(held)
        self.table = table.skip(skip) if skip else table
        self._rows: Iterator[dict[str, Any]] | None = None
        self._window: deque[dict[str, Any]] = deque(maxlen=_BEHIND)
        self._read = 0  # rows taken from the stream so far

    def candidates(self, number: int, seed: int, _rng: np.random.Generator) -> Iterator[int]:
        """See `Photos.candidates`; the ones after it stand in."""
        if self._rows is None:
            self._rows = self._endless(seed)
        return count(number)

    def _endless(self, seed: int) -> Iterator[dict[str, Any]]:
        for epoch in count():
            mixed = self.table.shuffle(seed=seed, buffer_size=SHUFFLE)
            mixed.set_epoch(epoch)
            empty = True
            # `iter`, because plain iteration shares the rows among workers by itself.
            for batch in mixed.iter(batch_size=1):
                row = {name: values[0] for name, values in batch.items()}
                if self.held and row_digest(row, self.address) in self.held:
                    continue
                empty = False
                yield row
            if empty:
                raise ValueError(f"{self.address} has no photo to train on")

    def name(self, index: int) -> str:
        """Address and place in the stream."""
        return f"{self.address} photo {index} of the stream"

    def read(self, index: int) -> Picture | None:
        """See `Photos.read`; after `candidates` only, and not far back."""
        assert self._rows is not None, "ask for candidates first: they say with which seed"
        while self._read <= index:
            self._window.append(next(self._rows))
            self._read += 1
        behind = self._read - index
        assert behind <= len(self._window), f"photo {index} of the stream is long gone"
        return picture_of(self._window[-behind], self.address)


def open_photos(
    sources: Sequence[str], holdout: int | HoldOut, *, streaming: bool = False
) -> tuple[Photos, Indexed, list[int]]:
    """Training and held-out photos of folders and datasets.

    Args:
        sources: folders, and `hf:` addresses.
        holdout: how many to hold out, or which: spread over everything, or the first of a stream.
        streaming: read the dataset as a stream; it has to be the only source.

    Returns:
        What to train on; what holds the held-out photos; which of it those are, each once.

    Raises:
        ValueError: Nothing there, or streaming is not possible.
    """
    held = HoldOut(holdout) if isinstance(holdout, int) else holdout
    addresses = [DatasetPhotos.parse(s) for s in sources if s.startswith("hf:")]
    folders = [Path(s) for s in sources if not s.startswith("hf:")]
    if streaming:
        if folders or len(addresses) != 1:
            raise ValueError("streaming takes exactly one dataset (hf:...) and no folder")
        return _open_stream(addresses[0], held.front())
    files = find_photos(folders) if folders else []
    loaded = [address.load(streaming=False) for address in addresses]
    every_table = [DatasetTable(address, table) for table, address in loaded]
    for part in every_table:
        _check_masks(part)
    total = len(files) + sum(map(len, every_table))
    if not total:
        raise ValueError(f"no photos (or none approved) in {', '.join(map(str, addresses))}")
    named_files = dict(zip(files, told_apart(list(_labels(files, folders))), strict=True))
    labels = [named_files[first] for first in twins(files)]
    labels += chain(*map(_rows, every_table))
    taken = held.choose(labels)
    if len(taken) == total:
        raise ValueError(f"all of the {total} photos are held out: add some to train on")
    everything = Joined([*([PhotoFiles(files)] if files else []), *every_table])
    # Files by their paths, in whichever order their folders were given.
    order = [*sorted(range(len(files)), key=files.__getitem__), *range(len(files), total)]
    out = set(taken)
    once = {labels[i]: i for i in reversed(taken)}  # a photo is watched once
    return Chosen(everything, [i for i in order if i not in out]), everything, sorted(once.values())


def _open_stream(address: DatasetPhotos, front: int) -> tuple[Photos, Indexed, list[int]]:
    """As `open_photos`, of one dataset whose first photos are held out."""
    table, address = address.load(streaming=True)
    few = _Few(address, list(table.take(front)) if front else [])
    # Several saved masks may lie on one photo, which then comes again behind the front.
    held = {row_digest(row, address) for row in few.rows if "status" in row}
    return Streamed(address, table, front, held), few, list(range(len(few)))


def _labels(files: Sequence[Path], folders: Sequence[Path]) -> Iterator[str]:
    """Files by their place below the last name of their folder, wherever that lies."""
    for path in files:
        folder = next(folder for folder in folders if path.is_relative_to(folder))
        yield f"{folder.resolve().name}/{path.relative_to(folder).as_posix()}"


def _rows(table: DatasetTable) -> Iterator[str]:
    """Rows by the name of their dataset and their place in it, or by their photo.

    Records of a dataset of saved masks come and go, and several of them have one photo.
    """
    if table.is_saved:
        return (f"photo {digest}" for digest in row_digests(table))
    name = named(str(table.address))
    return (f"{name} row {row}" for row in range(len(table)))


def _check_masks(table: DatasetTable) -> None:
    """Say how many of some masks can be used; ValueError if none of them can."""
    column, looked = table.address.mask, evenly(len(table), LOOKED_AT)
    if not column or not looked:
        return
    holes = sum(has_hole(cell_bytes(table.table[i][column])) for i in looked)
    if not holes:
        raise none_usable(f"{len(looked)} masks of {table.address}")
    logger.info(
        "%s: %d of %d masks that were looked at can be used", table.address, holes, len(looked)
    )


def row_digests(table: DatasetTable) -> Iterator[str]:
    """sha256 of every row's photo, as it is stored."""
    for row in range(len(table)):
        yield row_digest(table.table[row], table.address)


def row_digest(row: dict[str, Any], address: DatasetPhotos) -> str:
    """sha256 of a row's photo, as it is stored."""
    return hashlib.sha256(cell_bytes(row[address.image])).hexdigest()


class _Few(Indexed):
    """The held-out front of a stream."""

    def __init__(self, address: DatasetPhotos, rows: list[dict[str, Any]]) -> None:
        super().__init__()
        self.address, self.rows = address, rows

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        return f"{self.address} photo {index}"

    def read(self, index: int) -> Picture | None:
        return picture_of(self.rows[index], self.address)


def picture_of(row: dict[str, Any], address: DatasetPhotos) -> Picture | None:
    """Decode a row of a dataset; None if its photo, or its mask, cannot be read."""
    image = decode_rgb(cell_bytes(row[address.image]))
    if image is None or not address.mask:
        return None if image is None else Picture(image)
    mask = decode_mask(cell_bytes(row[address.mask]))
    if mask is None or mask.shape != image.shape[:2]:
        return None
    return Picture(image, mask)
