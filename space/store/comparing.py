"""Which side is newer: a record as a shard on the Hub has it, or as it is here.

Each decision is one more entry of `reviews` in a record's `extra`, and nothing else changes a
record. So the side whose list begins with the other's whole list is the newer one. If neither does,
people decided on both sides, and no program can say who was right.
"""

import hashlib
import json
import logging
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from space.store import shards
from space.store.core import Core
from space.store.errors import SubmissionError
from space.store.records import check_row
from space.store.recovery import is_known

_log = logging.getLogger(__name__)


@dataclass
class Comparison:
    """How the records of a shard stand to those that are here; deleted ones are left out."""

    rows: int = 0
    wanted: set[int] = field(default_factory=set)
    """Rows, by number, that are not here or know more than what is here."""
    newer: dict[str, sqlite3.Row] = field(default_factory=dict)
    """What is here and will be replaced: rows of the index, by id."""
    contested: int = 0
    """Records that both sides decided on, differently."""
    refused: set[int] = field(default_factory=set)
    """Rows that cannot be records."""

    @property
    def settled(self) -> bool:
        """Whether nothing is in the shard that stays different from what is here."""
        return not self.contested and not self.refused

    def kept(self, record_id: str) -> dict[str, Any]:
        """The digest of the photo as it was sent, which no shard has; empty for a new record."""
        record = self.newer.get(record_id)
        if record is None:
            return {}
        return {name: record[name] for name in ("source_sha256", "source_bytes")}


def compare(core: Core, path: Path) -> Comparison:
    """Look at every record of a shard; nothing is changed. What cannot be one is logged."""
    found = Comparison()
    seen: set[str] = set()
    for number, row in enumerate(shards.read_rows(path)):
        found.rows += 1
        try:
            check_row(row)
            if row["id"] in seen:
                raise SubmissionError(f"The record {row['id']} is there twice.")
        except SubmissionError as error:
            found.refused.add(number)
            _log.warning("Row %d of %s is left out: %s", number, path.name, error)
            continue
        seen.add(row["id"])
        _compare(core, number, row, found)
    return found


def _compare(core: Core, number: int, row: dict[str, Any], found: Comparison) -> None:
    record = core.index.get("SELECT * FROM records WHERE id = ?", (row["id"],))
    if record is None:
        if not is_known(core, row["id"]):
            found.wanted.add(number)
        return
    there, here = ({"reviews": [], **json.loads(one["extra"])} for one in (row, record))
    theirs, ours = there["reviews"], here["reviews"]
    if not _same_save(row, record, there, here):
        found.contested += 1
    elif len(theirs) > len(ours) and theirs[: len(ours)] == ours:
        found.wanted.add(number)
        found.newer[row["id"]] = record
    elif len(theirs) < len(ours) and ours[: len(theirs)] == theirs:
        return
    elif (there, row["status"], _mask(row)) != (here, record["status"], record["mask_sha256"]):
        found.contested += 1


def _same_save(
    row: dict[str, Any], record: sqlite3.Row, there: dict[str, Any], here: dict[str, Any]
) -> bool:
    """Whether it is the same photo of the same person: only that person's receipt deletes it."""
    return (
        row["image_sha256"] == record["image_sha256"]
        and row["licence"] == record["licence"]
        and there.get("receipt_sha256") == here.get("receipt_sha256")
    )


def _mask(row: dict[str, Any]) -> str:
    return hashlib.sha256(row["mask"]).hexdigest()
