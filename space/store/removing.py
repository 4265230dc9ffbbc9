"""Take records out for good: one by its receipt, or any number by whoever runs the app.

The order of steps and what a crash in between leaves are told in `space.store.store`.
"""

import json
import sqlite3
from collections.abc import Sequence

from space.store import compaction, parting, recovery
from space.store.core import Core, now_microseconds
from space.store.errors import IndexTroubleError, explained
from space.store.index import drop_record
from space.store.records import Record, record_of
from space.store.traces import traces_of

_AT_ONCE = 256  # of one shard: nobody can save meanwhile


def remove(core: Core, ids: Sequence[str]) -> list[Record]:
    """Delete records without their receipts, a shard at a time; what they were.

    Their tombstones say what copies look like until `space.contributions.forget` has removed them.

    Args:
        core: The data directory.
        ids: Of the records; those that are not there are left out.

    Raises:
        StoreError: The disk or the index refused; the rest is still whole.
    """
    wanted = json.dumps(list(ids))
    removed: list[Record] = []
    while some := _remove_some(core, wanted):
        removed += some
    compaction.soon(core)
    return removed


def _remove_some(core: Core, wanted: str) -> list[Record]:
    """Delete those records of one shard whose ids are in a JSON list; none if there are none."""
    among = "id IN (SELECT value FROM json_each(?))"
    rows: list[sqlite3.Row] = []
    try:
        with core.lock():
            recovery.settle(core)
            row = core.index.get(f"SELECT shard FROM records WHERE {among} LIMIT 1", (wanted,))
            if row is None:
                return []
            query = f"SELECT * FROM records WHERE shard = ? AND {among} ORDER BY id LIMIT ?"
            rows = core.index.all(query, (row["shard"], wanted, _AT_ONCE))
            take_out(core, rows, copies=True)
    except (OSError, IndexTroubleError) as error:
        if not recovery.committed(
            core, lambda: bool(rows) and recovery.is_gone(core, rows[0]["id"])
        ):
            raise explained(error, "delete these records") from error
    return [record_of(row) for row in rows]


def take_out(core: Core, rows: Sequence[sqlite3.Row], *, copies: bool) -> None:
    """Delete records of one shard. The lock has to be held.

    Args:
        core: The data directory.
        rows: Of the index.
        copies: Whether their tombstones are to say what the app's own copies look like.
    """
    [old] = {row["shard"] for row in rows}
    gone = {row["id"] for row in rows}
    core.make_room(parting.bytes_of(core, old))
    rest = parting.rest_of(core, old, gone)

    def change(run: sqlite3.Connection) -> None:
        for row in rows:
            files = json.dumps([["originals", row["image_sha256"]], ["masks", row["mask_sha256"]]])
            # Here, not before: two of them may share a mask, and the second is its last use then.
            looks = traces_of(core, row) if copies else None
            drop_record(run, row)
            run.execute(
                "INSERT INTO tombstones (id, deleted_at, files, copies) VALUES (?, ?, ?, ?)",
                (row["id"], now_microseconds(), files, looks),
            )
        parting.move(run, rest)

    core.exchange({old}, [(part.path, part.shard) for part in rest], change)
    if len(rows) > 1:  # what earlier readers have open is written once, not once a record
        core.published.purge(*gone)
    for row in rows:
        recovery.finish_deletion(core, row["id"])
    core.step("bytes removed")
    core.published.write_card(core.card())
