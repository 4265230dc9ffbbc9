"""Take records in that were exported, here or elsewhere: imagefolder, COCO, Parquet, ZIP.

A record of this program comes back as it was: its id, its columns, its receipt, and its mask bit
for bit. One that is here already, or was deleted here, is left out, so an import can be repeated.
Photos and masks from elsewhere lack the columns about consent and licence; whoever imports them
has to answer for both, and gets their receipts. They have no id to be known by; so the id that they
get ends with what tells a photo and a mask from others, and a tombstone keeps it. Every photo goes
through the same door as a save: decoded once, too large ones refused, metadata cut out.
"""

import hashlib
import hmac
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from lama.photo import open_mask
from lama.photo_error import PhotoError
from space.store import coco, compaction, recovery
from space.store.core import Core, add_whole_shard, prepare_shard
from space.store.entry import new_entry, new_token
from space.store.errors import StoreError, SubmissionError, explained
from space.store.pictures import MAX_PIXELS, encode_mask, prepare_photo
from space.store.records import Submission, by_shelf, check_row
from space.store.schema import SCALARS

_ROWS = 64  # that become one shard, and are committed at once
_BYTES = 64 * 2**20
_TIME = 12  # digits that an id begins with
_PUBLISHED = {*SCALARS, "strokes"}


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    records: int
    known: int  # left out: here already, or deleted here


@dataclass(frozen=True)
class _Checked:
    """A row that can be stored."""

    row: dict[str, Any]
    token: str = ""  # of the receipt of a new record


TakeReceipt = Callable[[str, str], None]


def keep_none(record_id: str, token: str) -> None:
    """Whoever takes receipts when nobody wants them."""


@dataclass(frozen=True)
class Answer:
    """What is said about pictures that come without it."""

    licence: str
    consent: bool
    strategy: str = "imported"


def import_from(
    core: Core,
    source: Path,
    answer: Answer | None = None,
    max_pixels: int = MAX_PIXELS,
    take: TakeReceipt = keep_none,
) -> Imported:
    """Take in every record of an export.

    Args:
        core: The data directory.
        source: A directory (imagefolder, COCO, or Parquet), a `.zip` of one of the first two, or
            a `.parquet` file.
        answer: Licence and consent for pictures that have none beside them.
        max_pixels: Photos with more are refused.
        take: Called with id and token of each picture that has none beside it, just before it is
            stored: so no receipt is lost, whatever happens then.

    Raises:
        SubmissionError: It is none of these, or a record in it cannot be stored; those before it
            are.
        StoreError: The disk or the index refused.
    """
    taken = known = 0
    try:
        key = core.index.secret("import_key")  # in the ids of pictures from elsewhere
        for batch in _batches(source, answer, max_pixels, key):
            done = _commit(core, batch, take)
            taken, known = taken + done.records, known + done.known
    except OSError as error:
        raise explained(error, f"import {source}") from error
    except (KeyError, TypeError, pa.ArrowException, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, SubmissionError):
            raise
        raise SubmissionError(f"{source} cannot be read: {error}.") from error
    compaction.soon(core)
    return Imported(taken, known)


def _batches(
    source: Path, answer: Answer | None, max_pixels: int, key: bytes
) -> Iterator[list[_Checked]]:
    """Checked rows, as many as become one shard; before one that is refused, those ahead of it."""
    batch: list[_Checked] = []
    weight = 0
    try:
        for row in _read(source):
            own = row.keys() >= _PUBLISHED
            batch.append(
                _Checked(_own(row, max_pixels)) if own else _foreign(row, answer, max_pixels, key)
            )
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
        # A note may hold any of the characters that `splitlines` would split at as well.
        lines = read("metadata.jsonl").decode().split("\n")
        for line in filter(str.strip, lines):
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
    check_row(row)
    named = f"The record {row['id']}"
    hole = _hole(row["mask"], named)
    photo = prepare_photo(row["image"], max_pixels)
    if photo.sha256 != row["image_sha256"] or photo.data != row["image"]:
        raise SubmissionError(f"{named}: its photo was changed after it had been exported.")
    encode_mask(hole, photo.width, photo.height)  # refuses another size, no hole, all hole
    if (row["width"], row["height"]) != (photo.width, photo.height):
        raise SubmissionError(f"{named} has another size than its photo.")
    return {name: row[name] for name in (*_PUBLISHED, "image", "mask")}


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


def _foreign(row: dict[str, Any], answer: Answer | None, max_pixels: int, key: bytes) -> _Checked:
    """A new record from a photo and a mask that come with nothing else."""
    if answer is None:
        raise SubmissionError(
            "These pictures come without licence and consent. If you can answer for both, say so: "
            "--licence LICENCE --consent."
        )
    photo = prepare_photo(row["image"], max_pixels)
    hole = _painted(row["mask"], max_pixels)
    mask = encode_mask(hole, photo.width, photo.height)
    submission = Submission(row["image"], hole, answer.licence, answer.consent, answer.strategy)
    submission.check()
    token = new_token()
    entry = new_entry(submission, photo, mask, token)
    content = entry["image_sha256"] + entry["mask_sha256"]
    tail = hmac.new(key, content.encode(), hashlib.sha256).hexdigest()
    # With a secret, for ids are published: nobody else can ask them for a photo that was deleted.
    entry["id"] = entry["id"][:_TIME] + tail[: len(entry["id"]) - _TIME]
    made = {name: entry[name] for name in _PUBLISHED} | {"image": photo.data, "mask": mask}
    return _Checked(made, token)


def _painted(data: bytes, max_pixels: int) -> np.ndarray:
    """The hole in a mask from elsewhere: see `lama.photo.open_mask`."""
    try:
        return open_mask(data, max_pixels=max_pixels)
    except PhotoError as error:
        raise SubmissionError(f"A mask cannot be read. {error}") from error


def _is_known(core: Core, one: _Checked) -> bool:
    """Whether a record is here, or was deleted here; a new one, whether its content is or was."""
    if not one.token:
        return recovery.is_known(core, one.row["id"])
    same = (
        "SELECT 1 FROM records WHERE image_sha256 = ?1 AND mask_sha256 = ?2 "
        "UNION ALL SELECT 1 FROM tombstones WHERE substr(id, ?3) = ?4"
    )
    mask = hashlib.sha256(one.row["mask"]).hexdigest()
    values = (one.row["image_sha256"], mask, _TIME + 1, one.row["id"][_TIME:])
    return core.index.get(same, values) is not None


def _commit(core: Core, batch: list[_Checked], take: TakeReceipt) -> Imported:
    """Store rows durably: one shard and one transaction for each shelf."""
    taken = 0
    with core.lock():
        recovery.settle(core)
        rows = [one.row for one in batch]
        size = sum(len(row["image"]) + len(row["mask"]) for row in rows)
        core.make_room(2 * size + core.reserve(size))  # as files and in a shard
        fresh: dict[str, _Checked] = {}
        for one in batch:
            if not _is_known(core, one):
                fresh.setdefault(one.row["id"][_TIME if one.token else 0 :], one)
        for one in fresh.values():
            if one.token:
                take(one.row["id"], one.token)
        for shelf, chosen in by_shelf(one.row for one in fresh.values()).items():
            prepared, shard = prepare_shard(core, chosen, shelf)
            try:
                entries = [recovery.entry_of(core, dict(row)) for row in chosen]
            except ValueError as error:
                raise StoreError(f"Nothing of this batch was stored: {error}") from error
            with core.index.transaction() as run:
                add_whole_shard(run, shard, entries)
            core.published.add(prepared)
            taken += len(chosen)
        core.published.write_card(core.card())
    return Imported(taken, len(rows) - taken)
