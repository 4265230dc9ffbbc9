"""Take records in that were exported, here or elsewhere: imagefolder, COCO, Parquet, ZIP.

A record of this program comes back as it was: its id, its columns, its receipt, and its mask bit
for bit. One that is here already, or was deleted here, is left out, so an import can be repeated.
Photos and masks from elsewhere lack the columns about consent and licence; whoever imports them
has to answer for both. Every photo goes through the same door as a save: decoded once, too large
ones refused, metadata cut out.
"""

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from space.store import coco, recovery
from space.store.core import Core, add_whole_shard, prepare_shard
from space.store.entry import new_entry, new_token
from space.store.errors import StoreError, SubmissionError, explained
from space.store.files import ensure_space
from space.store.pictures import MAX_PIXELS, decode_mask, encode_mask, prepare_photo
from space.store.records import Submission, by_shelf, check_extra
from space.store.schema import SCALARS, SCHEMA_VERSION, STATUSES

_ROWS = 64  # that become one shard, and are committed at once
_BYTES = 64 * 2**20
_PUBLISHED = {*SCALARS, "strokes"}


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    records: int
    known: int  # left out: here already, or deleted here


@dataclass(frozen=True)
class Answer:
    """What is said about pictures that come without it."""

    licence: str
    consent: bool
    strategy: str = "imported"


def import_from(
    core: Core, source: Path, answer: Answer | None = None, max_pixels: int = MAX_PIXELS
) -> Imported:
    """Take in every record of an export.

    Args:
        core: The data directory.
        source: A directory (imagefolder, COCO, or Parquet), a `.zip` of one of the first two, or
            a `.parquet` file.
        answer: Licence and consent for pictures that have none beside them.
        max_pixels: Photos with more are refused.

    Raises:
        SubmissionError: It is none of these, or a record in it cannot be stored; those before it
            are.
        StoreError: The disk or the index refused.
    """
    taken = known = 0
    try:
        for batch in _batches(source, answer, max_pixels):
            done = _commit(core, batch)
            taken, known = taken + done.records, known + done.known
    except (OSError, sqlite3.Error) as error:
        raise explained(error, f"import {source}") from error
    except (KeyError, TypeError, pa.ArrowException, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, SubmissionError):
            raise
        raise SubmissionError(f"{source} cannot be read: {error}.") from error
    return Imported(taken, known)


def _batches(
    source: Path, answer: Answer | None, max_pixels: int
) -> Iterator[list[dict[str, Any]]]:
    """Checked rows, as many as become one shard; before one that is refused, those ahead of it."""
    batch: list[dict[str, Any]] = []
    weight = 0
    try:
        for row in _read(source):
            entry = _own(row, max_pixels) if row.keys() >= _PUBLISHED else None
            batch.append(entry or _foreign(row, answer, max_pixels))
            weight += len(row["image"])
            if len(batch) == _ROWS or weight > _BYTES:
                yield batch
                batch, weight = [], 0
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _read(source: Path) -> Iterator[dict[str, Any]]:
    """The rows of an export: image and mask as bytes, and what other columns there are."""
    if source.suffix == ".parquet" and source.is_file():
        yield from _parquet([source])
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            names = set(archive.namelist())
            yield from _pictures(names.__contains__, archive.read, source)
    elif source.is_dir():
        if files := sorted([*source.glob("*.parquet"), *source.glob("data/*.parquet")]):
            yield from _parquet(files)
        else:
            yield from _pictures(lambda name: (source / name).is_file(), _inside(source), source)
    else:
        raise SubmissionError(f"{source} is no directory, ZIP or Parquet file.")


def _inside(root: Path) -> Callable[[str], bytes]:
    """Reads files below a directory, and no others."""
    whole = root.resolve()

    def read(name: str) -> bytes:
        path = (whole / name).resolve()
        if not path.is_relative_to(whole):
            raise SubmissionError(f"{name!r} lies outside of {root}.")
        return path.read_bytes()

    return read


def _parquet(files: list[Path]) -> Iterator[dict[str, Any]]:
    for path in files:
        with pq.ParquetFile(path) as source:
            if not {"image", "mask"} <= set(source.schema_arrow.names):
                raise SubmissionError(f"{path} has no columns image and mask.")
            for batch in source.iter_batches(batch_size=16):
                if "created_at" in batch.schema.names:
                    place = batch.schema.get_field_index("created_at")
                    stamps = batch.column(place).cast(pa.int64())
                    batch = batch.set_column(place, "created_at", stamps)
                for row in batch.to_pylist():
                    yield row | {name: row[name]["bytes"] for name in ("image", "mask")}


def _pictures(
    there: Callable[[str], bool], read: Callable[[str], bytes], source: Path
) -> Iterator[dict[str, Any]]:
    if there("metadata.jsonl"):
        for line in read("metadata.jsonl").decode().splitlines():
            facts = json.loads(line)
            image, mask = (_name(facts.pop(f"{kind}_file_name")) for kind in ("image", "mask"))
            yield facts | {"image": read(image), "mask": read(mask)}
    elif there(coco.FILE):
        for name, hole, facts in coco.entries(json.loads(read(coco.FILE))):
            drawn = encode_mask(hole, hole.shape[1], hole.shape[0])
            yield facts | {"image": read(_name(name)), "mask": drawn}
    else:
        raise SubmissionError(
            f"{source} holds neither metadata.jsonl (imagefolder), {coco.FILE} (COCO) nor Parquet."
        )


def _name(name: str) -> str:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise SubmissionError(f"{name!r} leads out of the export.")
    return name


def _own(row: dict[str, Any], max_pixels: int) -> dict[str, Any]:
    """A record of this program, checked as if nobody had vouched for it."""
    named = f"The record {row['id']}"
    if row["schema_version"] != SCHEMA_VERSION:
        raise SubmissionError(f"{named} is of schema version {row['schema_version']}.")
    hole = _hole(row["mask"], named)
    _submission(row, hole).check()
    photo = prepare_photo(row["image"], max_pixels)
    if photo.sha256 != row["image_sha256"] or photo.data != row["image"]:
        raise SubmissionError(f"{named}: its photo was changed after it had been exported.")
    encode_mask(hole, photo.width, photo.height)  # refuses another size, no hole, all hole
    if (row["width"], row["height"]) != (photo.width, photo.height):
        raise SubmissionError(f"{named} has another size than its photo.")
    if row["status"] not in STATUSES:
        raise SubmissionError(f"{named} has the unknown status {row['status']!r}.")
    try:
        check_extra(row["extra"])
    except SubmissionError as error:
        raise SubmissionError(f"{named}: {error}.") from error
    return {name: row[name] for name in (*_PUBLISHED, "image", "mask")}


def _submission(row: dict[str, Any], hole: np.ndarray) -> Submission:
    return Submission(
        image_bytes=row["image"],
        mask=hole,
        licence=row["licence"],
        consent=row["consent"],
        strategy=row["strategy"],
        strokes=row["strokes"],
        contributor=row["contributor"],
        model=row["model"],
    )


def _hole(data: bytes, named: str) -> np.ndarray:
    """The mask of a record of ours: 8-bit grey with 0 and 255 and nothing between."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            grey = np.asarray(picture)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise SubmissionError(f"{named}: its mask cannot be read ({error}).") from error
    if grey.dtype != np.uint8 or grey.ndim != 2 or not np.isin(grey, (0, 255)).all():
        raise SubmissionError(f"{named}: its mask is not 8-bit grey with 0 and 255 alone.")
    return grey > 0


def _foreign(row: dict[str, Any], answer: Answer | None, max_pixels: int) -> dict[str, Any]:
    """A new record from a photo and a mask that come with nothing else."""
    if answer is None:
        raise SubmissionError(
            "These pictures come without licence and consent. If you can answer for both, say so: "
            "--licence LICENCE --consent."
        )
    photo = prepare_photo(row["image"], max_pixels)
    hole = decode_mask(row["mask"])
    mask = encode_mask(hole, photo.width, photo.height)
    submission = Submission(row["image"], hole, answer.licence, answer.consent, answer.strategy)
    submission.check()
    entry = new_entry(submission, photo, mask, new_token())
    return {name: entry[name] for name in _PUBLISHED} | {"image": photo.data, "mask": mask}


def _commit(core: Core, rows: list[dict[str, Any]]) -> Imported:
    """Store rows durably: one shard and one transaction for each shelf."""
    taken = 0
    with core.lock():
        recovery.settle(core)
        ensure_space(core.data_dir, sum(len(row["image"]) + len(row["mask"]) for row in rows))
        fresh = [row for row in rows if not recovery.is_known(core, row["id"])]
        fresh = list({row["id"]: row for row in fresh}.values())
        for shelf, chosen in by_shelf(fresh).items():
            prepared, shard = prepare_shard(core, chosen, shelf)
            try:
                entries = [recovery.entry_of(core, dict(row)) for row in chosen]
            except ValueError as error:
                raise StoreError(f"Nothing of this batch was stored: {error}.") from error
            with core.index.transaction() as run:
                add_whole_shard(run, shard, entries)
            core.published.add(prepared)
            taken += len(chosen)
        core.published.write_card(core.card())
    return Imported(taken, len(rows) - taken)
