"""Copies of the records for other programs: a folder of pictures, Parquet, or one ZIP."""

import io
import json
import secrets
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from space.store import coco, shards
from space.store.card import Figures, render
from space.store.core import Core
from space.store.errors import StoreError, SubmissionError
from space.store.records import Filters
from space.store.schema import SCALARS

KINDS = ("imagefolder", "coco", "parquet", "zip")
_SUFFIXES = ((b"\xff\xd8", "jpg"), (b"\x89PNG", "png"), (b"RIFF", "webp"))
_ROWS_A_FILE = 1000


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
    """
    if kind not in KINDS:
        raise SubmissionError(f"Records are exported as one of {', '.join(KINDS)}; got {kind!r}.")
    if output.exists():
        raise SubmissionError(f"{output} exists already. Choose a new name.")
    output.parent.mkdir(parents=True, exist_ok=True)
    where, values = (filters or Filters()).where()
    records = core.index.all(f"SELECT * FROM records WHERE {where} ORDER BY id", values)
    unfinished = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        if kind == "zip":
            with zipfile.ZipFile(unfinished, "x", zipfile.ZIP_STORED) as archive:
                count = _write_pictures(core, records, _ZipTarget(archive))
        elif kind == "coco":
            unfinished.mkdir()
            count = _write_coco(core, records, _FolderTarget(unfinished))
        elif kind == "imagefolder":
            unfinished.mkdir()
            count = _write_pictures(core, records, _FolderTarget(unfinished))
        else:
            count = _write_dataset(core, records, unfinished, output)
        unfinished.rename(output)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)
    return count


def write_parquet(core: Core, path: Path, filters: Filters | None = None) -> int:
    """Write records into one Parquet file; returns how many.

    Args:
        core: The data directory.
        path: The new file.
        filters: Which records; all if not given.
    """
    where, values = (filters or Filters()).where()
    records = core.index.all(f"SELECT * FROM records WHERE {where} ORDER BY id", values)
    return shards.write_shard(path, _present(core, records), "").rows


class _FolderTarget:
    """Files in a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, data: bytes) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class _ZipTarget:
    """Files in an archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def write(self, name: str, data: bytes) -> None:
        self._archive.writestr(name, data)


def _present(core: Core, records: list[sqlite3.Row]) -> Iterator[dict[str, Any]]:
    """The rows of records, without those that are deleted while this goes on."""
    for record in records:
        try:
            yield from core.rows([record])
        except StoreError:
            if core.index.get("SELECT 1 FROM records WHERE id = ?", (record["id"],)):
                raise


def _write_pictures(
    core: Core, records: list[sqlite3.Row], target: _FolderTarget | _ZipTarget
) -> int:
    lines = io.StringIO()
    written: set[str] = set()
    count = 0
    for row in _present(core, records):
        image, mask = _image_name(row), f"masks/{row['id']}.png"
        if image not in written:
            target.write(image, row["image"])
            written.add(image)
        target.write(mask, row["mask"])
        facts = {name: row[name] for name in SCALARS} | {"strokes": row["strokes"]}
        names = {"image_file_name": image, "mask_file_name": mask}
        lines.write(json.dumps(names | facts, ensure_ascii=False) + "\n")
        count += 1
    target.write("metadata.jsonl", lines.getvalue().encode())
    return count


def _write_coco(core: Core, records: list[sqlite3.Row], target: _FolderTarget) -> int:
    document = coco.Document()
    written: set[str] = set()
    count = 0
    for row in _present(core, records):
        image = _image_name(row)
        if image not in written:
            target.write(image, row["image"])
            written.add(image)
        document.add(row, image)
        count += 1
    target.write(coco.FILE, document.text().encode())
    return count


def _image_name(row: dict[str, Any]) -> str:
    suffix = next((end for start, end in _SUFFIXES if row["image"].startswith(start)), "img")
    return f"images/{row['image_sha256']}.{suffix}"


def _write_dataset(core: Core, records: list[sqlite3.Row], unfinished: Path, output: Path) -> int:
    (unfinished / "data").mkdir(parents=True)
    count = 0
    for number, start in enumerate(range(0, max(len(records), 1), _ROWS_A_FILE)):
        path = unfinished / "data" / f"train-{number:05d}.parquet"
        chunk = records[start : start + _ROWS_A_FILE]
        count += shards.write_shard(path, _present(core, chunk), "").rows
    card = render(figures_of(records), str(output), copy=secrets.token_hex(8))
    (unfinished / "README.md").write_text(card, encoding="utf-8")
    return count


def figures_of(records: list[sqlite3.Row]) -> Figures:
    """Counts over some records, for a card that describes only those."""
    statuses: dict[str, int] = {}
    licences: dict[str, int] = {}
    for record in records:
        statuses[record["status"]] = statuses.get(record["status"], 0) + 1
        licences[record["licence"]] = licences.get(record["licence"], 0) + 1
    images = len({record["image_sha256"] for record in records})
    return Figures(len(records), images, statuses, licences)
