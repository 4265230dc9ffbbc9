"""Check every byte of a data directory, and say what is wrong. Nothing is repaired here."""

import hashlib
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from lama.files import sha256_file
from space.store import shards
from space.store.core import Core
from space.store.errors import StoreError, SubmissionError
from space.store.objects import KINDS
from space.store.pictures import decode_mask
from space.store.schema import SCALARS


@dataclass
class Report:
    """What was checked, and what was found."""

    records: int = 0
    files: int = 0
    shards: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(core: Core) -> Report:
    """Compare index, files and shards with each other, byte by byte.

    The lock is held for one piece at a time, so that saving goes on meanwhile.

    Raises:
        StoreError: The index itself cannot be read.
    """
    report = Report()
    with core.lock():
        _check_index(core, report)
    _check_files(core, report)
    with core.lock():
        _check_strangers(core, report)
    _check_shards(core, report)
    return report


def _check_index(core: Core, report: Report) -> None:
    for row in core.index.all("PRAGMA integrity_check"):
        if row[0] != "ok":
            report.problems.append(f"index: {row[0]}")
    for column in ("status", "strategy", "licence"):
        rows = core.index.all(f"SELECT {column} AS value, count(*) AS n FROM records GROUP BY 1")
        if {row["value"]: row["n"] for row in rows} != core.index.counts(column):
            report.problems.append(f"index: the running count of {column} is wrong")
    uses: Counter[tuple[str, str]] = Counter()
    for row in core.index.all("SELECT image_sha256, mask_sha256 FROM records"):
        uses["originals", row["image_sha256"]] += 1
        uses["masks", row["mask_sha256"]] += 1
        report.records += 1
    counted = {
        (row["kind"], row["sha256"]): row["uses"] for row in core.index.all("SELECT * FROM objects")
    }
    astray = "SELECT count(*) AS n FROM records WHERE shard NOT IN (SELECT name FROM shards)"
    found = core.index.get(astray)
    if found is not None and found["n"]:
        report.problems.append(f"index: {found['n']} records are in no shard")
    if dict(uses) != counted:
        report.problems.append("index: the uses of photos and masks are miscounted")


def _check_files(core: Core, report: Report) -> None:
    known = "SELECT 1 FROM objects WHERE kind = ? AND sha256 = ?"
    for row in core.index.all("SELECT kind, sha256 FROM objects"):
        report.files += 1
        try:
            data = core.objects.read(*row)
            if row["kind"] == "masks":
                decode_mask(data)
        except SubmissionError as error:
            report.problems.append(f"{core.objects.path(*row)}: {error}")
        except (StoreError, OSError) as error:
            if core.index.get(known, tuple(row)):  # else it was deleted a moment ago
                report.problems.append(str(error))


def _check_strangers(core: Core, report: Report) -> None:
    known = {core.objects.path(*row) for row in core.index.all("SELECT kind, sha256 FROM objects")}
    for kind in KINDS:
        for path in (core.data_dir / kind).rglob("*"):
            if path.is_file() and path not in known:
                report.problems.append(f"{path} belongs to no record")
    for path in core.incoming.iterdir():
        report.problems.append(f"{path} is left over from an interrupted save")
    for name in sorted(core.published.shard_files() - core.index.shard_names()):
        report.problems.append(f"the shard {name} is not in the index")


def _check_shards(core: Core, report: Report) -> None:
    for name in sorted(core.index.shard_names()):
        with core.lock():
            row = core.index.get("SELECT * FROM shards WHERE name = ?", (name,))
            if row is not None:  # else it was merged or rewritten a moment ago
                report.shards += 1
                _check_shard(core, row, report)


def _check_shard(core: Core, row: sqlite3.Row, report: Report) -> None:
    name = row["name"]
    path = core.published.data / name
    try:
        if (sha256_file(path), path.stat().st_size) != (row["sha256"], row["bytes"]):
            report.problems.append(f"the shard {name} has been changed or is damaged")
        _check_rows(core, name, report)
    except FileNotFoundError:
        report.problems.append(f"the shard {name} is missing")
    except (ValueError, OSError) as error:
        report.problems.append(f"the shard {name} cannot be read: {error}")


def _check_rows(core: Core, name: str, report: Report) -> None:
    wanted = {row["id"]: row for row in core.records_in(name)}
    for row in shards.read_rows(core.published.data / name):
        record = wanted.pop(row["id"], None)
        if record is None:
            report.problems.append(f"the shard {name} has a record {row['id']} too many")
        elif _differs(row, record):
            report.problems.append(f"the record {row['id']} differs between index and shard")
    for missing in wanted:
        report.problems.append(f"the shard {name} lacks the record {missing}")


def _differs(row: dict[str, Any], record: sqlite3.Row) -> bool:
    image, mask = (hashlib.sha256(row[name]).hexdigest() for name in ("image", "mask"))
    return (
        image != record["image_sha256"]
        or mask != record["mask_sha256"]
        or any(row[name] != record[name] for name in SCALARS)
    )
