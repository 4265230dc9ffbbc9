"""Copies of the records for other programs: a folder of pictures, Parquet, or one ZIP.

Writing takes a while, and a record may be deleted meanwhile. So a copy gets its name only under
the store's lock, when all that is in it is still there; else it is made again. Whoever deletes a
record after that finds the copy under its name.
"""

import io
import json
import secrets
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from space.store import coco, shards
from space.store.card import Figures, render
from space.store.core import Core
from space.store.errors import StoreError, SubmissionError
from space.store.files import RESERVE_BYTES, name_anew, on_one_disk, working
from space.store.records import Filters
from space.store.schema import SCALARS

KINDS = ("imagefolder", "coco", "parquet", "zip")
_SUFFIXES = ((b"\xff\xd8", "jpg"), (b"\x89PNG", "png"), (b"RIFF", "webp"))
_ROWS_A_FILE = 1000
_ATTEMPTS = 5
_TAKEN = "{} exists already. Choose a new name."
_Rows = list[sqlite3.Row]
_Put = Callable[[str, bytes], None]
"""Puts a file into a copy, by its name there."""


class _ChangedError(Exception):
    """A record is another one than when the copy was begun."""


def export(core: Core, kind: str, output: Path, filters: Filters | None = None) -> int:
    """Copy records out; what was at `output` is never overwritten.

    `imagefolder` is a directory with `images/`, `masks/` and `metadata.jsonl`, which
    `load_dataset("imagefolder", data_dir=...)` reads; `zip` is the same in one file; `coco` is a
    directory with `images/` and `annotations.json`, masks as RLE; `parquet` is a directory like
    the dataset folder. Every one of them can be taken in again (`space.store.importing`).

    Args:
        core: The data directory.
        kind: One of `KINDS`.
        output: The new directory, or file for `zip`.
        filters: Which records; all if not given.

    Returns:
        How many records were written.

    Raises:
        SubmissionError: Unknown kind, or `output` exists.
        StoreError: There is no room, or records were deleted or mended again and again while this
            went on.
    """
    if kind not in KINDS:
        raise SubmissionError(f"Records are exported as one of {', '.join(KINDS)}; got {kind!r}.")
    if output.exists():
        raise SubmissionError(_TAKEN.format(output))
    output.parent.mkdir(parents=True, exist_ok=True)

    def write(unfinished: Path, records: _Rows) -> list[str]:
        if kind == "zip":
            with zipfile.ZipFile(unfinished, "x", zipfile.ZIP_STORED) as archive:
                return _write_pictures(core, records, archive.writestr)
        unfinished.mkdir()
        if kind == "coco":
            return _write_coco(core, records, partial(_put_file, unfinished))
        if kind == "imagefolder":
            return _write_pictures(core, records, partial(_put_file, unfinished))
        return _write_dataset(core, records, unfinished, output)

    return _make(core, output, filters, write, once=kind != "parquet")


def write_parquet(core: Core, path: Path, filters: Filters | None = None) -> int:
    """Write records into one Parquet file; returns how many.

    Args:
        core: The data directory.
        path: The new file.
        filters: Which records; all if not given.

    Raises:
        SubmissionError: `path` exists.
        StoreError: There is no room, or records were deleted or mended again and again while this
            went on.
    """

    def write(unfinished: Path, records: _Rows) -> list[str]:
        written: list[str] = []
        shards.write_shard(unfinished, _present(core, records, written), "")
        return written

    return _make(core, path, filters, write, once=False)


def _make(
    core: Core,
    output: Path,
    filters: Filters | None,
    write: Callable[[Path, _Rows], list[str]],
    *,
    once: bool,
) -> int:
    """Write beside `output` and rename, until no record in it was deleted or mended on the way.

    Args:
        core: The data directory.
        output: The new file or directory.
        filters: Which records.
        write: Writes records to a path; answers with the ids of those that are in it.
        once: Whether a photo with several masks is in the copy once.

    Returns:
        How many records are in it.

    Raises:
        SubmissionError: `output` exists by the time that the copy is made.
        StoreError: There is no room, or records were deleted or mended again and again while this
            went on.
    """
    where, values = (filters or Filters()).where()
    _check_room(core, output.parent, filters or Filters(), once=once)
    unfinished = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    with working(core.unfinished):
        for _ in range(_ATTEMPTS):
            records = core.index.all(f"SELECT * FROM records WHERE {where} ORDER BY id", values)
            try:
                written = write(unfinished, records)
                with core.lock():
                    if _all_here(core, written):
                        name_anew(unfinished, output)
                        return len(written)
            except _ChangedError:
                continue
            except FileExistsError as error:
                raise SubmissionError(_TAKEN.format(output)) from error
            finally:
                if unfinished.is_dir():
                    shutil.rmtree(unfinished)
                unfinished.unlink(missing_ok=True)
    raise StoreError("Records are being deleted or mended just now. Try again in a moment.")


def _check_room(core: Core, folder: Path, filters: Filters, *, once: bool) -> None:
    """Refuse what would fill a disk to the brim.

    Args:
        core: The data directory.
        folder: Where the copy is to lie.
        filters: Which records.
        once: Whether a photo with several masks is in the copy once.

    Raises:
        StoreError: Photos and masks together need more than is free.
    """
    where, values = filters.where()
    photos = "SELECT DISTINCT image_sha256" if once else "SELECT image_sha256"
    row = core.index.get(
        f"WITH chosen AS (SELECT * FROM records WHERE {where}), files AS ("
        f"SELECT 'originals' AS kind, image_sha256 AS sha FROM ({photos} FROM chosen) "
        "UNION ALL SELECT 'masks', mask_sha256 FROM chosen) "
        "SELECT sum(bytes) AS n FROM files JOIN objects "
        "ON objects.kind = files.kind AND objects.sha256 = files.sha",
        values,
    )
    needed = 0 if row is None else int(row["n"] or 0)
    free = shutil.disk_usage(folder).free
    shared = on_one_disk(folder, core.data_dir)
    if free < needed + (core.reserve() if shared else RESERVE_BYTES):
        raise StoreError(
            f"This copy needs about {needed / 1e6:,.0f} MB, and {folder} has {free / 1e6:,.0f} MB "
            "free. Choose fewer records, or make room there."
        )


def _all_here(core: Core, ids: list[str]) -> bool:
    """Whether none of these records was deleted."""
    gone = (
        "SELECT 1 FROM json_each(?) AS one "
        "WHERE NOT EXISTS (SELECT 1 FROM records WHERE id = one.value)"
    )
    return core.index.get(gone, (json.dumps(ids),)) is None


def _put_file(root: Path, name: str, data: bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _present(core: Core, records: _Rows, written: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of records, without those that are deleted while this goes on.

    Args:
        core: The data directory.
        records: As the index had them at the beginning.
        written: Takes the id of each row that is handed out.

    Raises:
        _ChangedError: A mask was mended meanwhile, so that the old one is gone.
        StoreError: A file is missing or damaged.
    """
    for record in records:
        try:
            [row] = core.rows([record])
        except StoreError:
            now = core.index.get("SELECT * FROM records WHERE id = ?", (record["id"],))
            if now is None:
                continue
            if (now["mask_sha256"], now["shard"]) != (record["mask_sha256"], record["shard"]):
                raise _ChangedError from None
            raise
        written.append(record["id"])
        yield row


def _write_pictures(core: Core, records: _Rows, put: _Put) -> list[str]:
    """An imagefolder: photos, masks and a line about each record; the ids of what is in it."""
    lines = io.StringIO()
    written: list[str] = []
    for row, image in _with_photos(core, records, put, written):
        mask = f"masks/{row['id']}.png"
        put(mask, row["mask"])
        facts = {name: row[name] for name in SCALARS} | {"strokes": row["strokes"]}
        names = {"image_file_name": image, "mask_file_name": mask}
        lines.write(json.dumps(names | facts, ensure_ascii=False) + "\n")
    put("metadata.jsonl", lines.getvalue().encode())
    return written


def _write_coco(core: Core, records: _Rows, put: _Put) -> list[str]:
    """Photos and one document with all masks; the ids of what is in it."""
    document = coco.Document()
    written: list[str] = []
    for row, image in _with_photos(core, records, put, written):
        document.add(row, image)
    put(coco.FILE, document.text().encode())
    return written


def _with_photos(
    core: Core, records: _Rows, put: _Put, written: list[str]
) -> Iterator[tuple[dict[str, Any], str]]:
    """Rows as `_present` has them, each with the name of its photo, which is put there once."""
    images: set[str] = set()
    for row in _present(core, records, written):
        image = _image_name(row)
        if image not in images:
            put(image, row["image"])
            images.add(image)
        yield row, image


def _image_name(row: dict[str, Any]) -> str:
    suffix = next((end for start, end in _SUFFIXES if row["image"].startswith(start)), "img")
    return f"images/{row['image_sha256']}.{suffix}"


def _write_dataset(core: Core, records: _Rows, unfinished: Path, output: Path) -> list[str]:
    (unfinished / "data").mkdir()
    written: list[str] = []
    for number, start in enumerate(range(0, max(len(records), 1), _ROWS_A_FILE)):
        path = unfinished / "data" / f"train-{number:05d}.parquet"
        chunk = records[start : start + _ROWS_A_FILE]
        shards.write_shard(path, _present(core, chunk, written), "")
    inside = set(written)
    figures = figures_of([record for record in records if record["id"] in inside])
    card = render(figures, str(output), copy=secrets.token_hex(8))
    (unfinished / "README.md").write_text(card, encoding="utf-8")
    return written


def figures_of(records: _Rows) -> Figures:
    """Counts over some records, for a card that describes only those."""
    statuses: dict[str, int] = {}
    licences: dict[str, int] = {}
    for record in records:
        statuses[record["status"]] = statuses.get(record["status"], 0) + 1
        licences[record["licence"]] = licences.get(record["licence"], 0) + 1
    images = len({record["image_sha256"] for record in records})
    return Figures(len(records), images, statuses, licences)
