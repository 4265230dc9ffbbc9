"""What stays of a shard when records leave it: written anew, and in parts.

Shards are never changed, so a record that is decided on or deleted costs a copy of its neighbours.
The copy is cut into parts, so that the next decision, mostly about one of those neighbours, copies
a part alone. A shard becomes at most `PARTS` of them at a time: that is fewer than `compaction`
merges, so what is cut here is not glued together there and cut again.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from space.store.core import Core, prepare_shard
from space.store.shards import Shard

PARTS = 8
PART_BYTES = 4 * 2**20  # smaller ones would not be quicker: flushing and linking cost the same


@dataclass(frozen=True)
class Part:
    """A new shard with some of the records that stay."""

    path: Path
    shard: Shard
    ids: tuple[str, ...]


def bytes_of(core: Core, name: str) -> int:
    """The size of a shard, which is about what `rest_of` writes."""
    row = core.index.get("SELECT bytes FROM shards WHERE name = ?", (name,))
    return 0 if row is None else int(row["bytes"])


def rest_of(core: Core, name: str, gone: Collection[str]) -> list[Part]:
    """Write what stays of a shard where no reader looks. The lock has to be held.

    Args:
        core: The data directory.
        name: Of the shard.
        gone: The ids of the records that leave it.

    Returns:
        The parts, for `Core.exchange` and `move`; none if nothing stays.

    Raises:
        StoreError: The pictures of a record that stays are nowhere.
    """
    shard = core.index.get("SELECT shelf, bytes FROM shards WHERE name = ?", (name,))
    records = [record for record in core.records_in(name) if record["id"] not in gone]
    if shard is None or not records:
        return []
    size = max(PART_BYTES, shard["bytes"] // PARTS)
    parts = []
    for rows in _portions(core.rows(records), size):
        path, made = prepare_shard(core, rows, shard["shelf"])
        parts.append(Part(path, made, tuple(row["id"] for row in rows)))
    return parts


def _portions(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Rows with at least so many bytes of pictures each time, but for the last."""
    portion: list[dict[str, Any]] = []
    weight = 0
    for row in rows:
        portion.append(row)
        weight += len(row["image"]) + len(row["mask"])
        if weight >= size:
            yield portion
            portion, weight = [], 0
    if portion:
        yield portion


def move(run: sqlite3.Connection, parts: Iterable[Part]) -> None:
    """Let the records that stay be in their new shards, as part of a transaction."""
    for part in parts:
        run.executemany(
            "UPDATE records SET shard = ? WHERE id = ?",
            [(part.shard.name, record_id) for record_id in part.ids],
        )
