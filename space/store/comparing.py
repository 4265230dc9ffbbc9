"""Which side is newer: a record as a shard on the Hub has it, or as it is here.

Each decision is one more entry of `reviews` in a record's `extra`, and nothing else changes a
record. So the side whose list begins with the other's whole list is the newer one. If neither does,
people decided on both sides, and no program can say who was right.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from space.store import shards
from space.store.core import Core
from space.store.recovery import is_known


@dataclass
class Comparison:
    """How the records of a shard stand to those that are here; deleted ones are left out."""

    rows: int = 0
    fresh: set[str] = field(default_factory=set)
    """Records that are not here."""
    newer: dict[str, sqlite3.Row] = field(default_factory=dict)
    """Rows of the index that the shard knows more of, by id."""
    contested: int = 0
    """Records that both sides decided on, differently."""

    @property
    def wanted(self) -> set[str]:
        """What is to be taken in."""
        return self.fresh | self.newer.keys()

    def kept(self, record_id: str) -> dict[str, Any]:
        """What the index alone knows of a record: it finds copies of the photo that was sent."""
        record = self.newer.get(record_id)
        if record is None:
            return {}
        return {name: record[name] for name in ("source_sha256", "source_bytes")}


def compare(core: Core, path: Path) -> Comparison:
    """Look at every record of a shard; nothing is changed.

    Raises:
        ValueError: A record's `extra` cannot be read.
    """
    found = Comparison()
    for row in shards.read_rows(path):
        found.rows += 1
        record = core.index.get("SELECT * FROM records WHERE id = ?", (row["id"],))
        if record is None:
            if not is_known(core, row["id"]):
                found.fresh.add(row["id"])
            continue
        there, here = (_extra(row["id"], one["extra"]) for one in (row, record))
        theirs, ours = there["reviews"], here["reviews"]
        if not _same_save(row, record, there, here):
            found.contested += 1
        elif len(theirs) > len(ours) and theirs[: len(ours)] == ours:
            found.newer[row["id"]] = record
        elif len(theirs) < len(ours) and ours[: len(theirs)] == theirs:
            continue
        elif (there, row["status"], _mask(row)) != (here, record["status"], record["mask_sha256"]):
            found.contested += 1
    return found


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


def _extra(record_id: str, text: str) -> dict[str, Any]:
    """A record's `extra`, with its list of reviews."""
    extra = json.loads(text)
    if not isinstance(extra, dict) or not isinstance(extra.get("reviews", []), list):
        raise ValueError(f"the extra of record {record_id} is not what it should be")
    return {"reviews": [], **extra}
