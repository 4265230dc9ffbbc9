"""Small shards become big ones, so that a hundred thousand saves are not as many files.

Shards of one record are merged when there are `DUE` of them, the results again when there are
`DUE` of those, up to a size that the Hub likes; each record is so copied two or three times in
its life, however many there are. The merged shard is written without holding anybody up: names
are never reused, so if all its sources are still part of the dataset at the end, it has exactly
their content, and if one is not (a record was deleted meanwhile), the work is thrown away.
"""

import contextlib
import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from space.store import files, recovery
from space.store.core import Core, move_all, prepare_shard
from space.store.errors import StoreError
from space.store.files import locked
from space.store.shards import Shard

DUE = 32
_TIERS = (8, 256)  # shards of up to so many records are merged with each other
MAX_BYTES = 256 * 2**20
UNREVIEWED_BYTES = (
    32 * 2**20
)  # a decision rewrites its shard, so those that wait for one stay small
MAX_ROWS = 4096
PAUSE_SECONDS = 600.0  # after a merge that failed
_log = logging.getLogger(__name__)


def due(core: Core) -> bool:
    """Whether there is enough to merge."""
    return bool(_batches(core))


def soon(core: Core) -> None:
    """Merge beside what comes next, if it is due: for after anything that makes or changes shards.

    What came before is done and said to be, so nothing that goes wrong here is raised.
    """
    try:
        if time.monotonic() < core.no_compaction_before or not due(core):
            return
    except StoreError as error:
        _log.warning("Whether small shards are to be merged could not be told: %s", error)
        return
    if not core.compacting.acquire(blocking=False):
        return

    def work() -> None:
        try:
            compact(core)
        except (OSError, StoreError) as error:
            # Most likely it will fail the same way, after the same work.
            core.no_compaction_before = time.monotonic() + PAUSE_SECONDS
            _log.warning("Small shards could not be merged now: %s", error)
        finally:
            core.compacting.release()

    try:
        threading.Thread(target=work, name="compact").start()
    except RuntimeError as error:  # the process ends, or has no more threads
        core.compacting.release()
        _log.warning("Small shards could not be merged now: %s", error)


def compact(core: Core) -> int:
    """Merge what is due; returns the number of shards that went into bigger ones."""
    merged = 0
    with _building(core) as building:
        while batches := _batches(core):
            done = sum(_merge(core, building, batch) for batch in batches)
            if not done:
                break
            merged += done
    return merged


def pack(core: Core, shelf: str) -> int:
    """Merge the small shards of a shelf that were never sent, so that a push is few files.

    Returns:
        The number of shards that went into bigger ones.
    """
    query = "SELECT * FROM shards WHERE shelf = ? AND pushed_at IS NULL AND rows <= ? ORDER BY name"
    packed = 0
    with _building(core) as building:
        rows = core.index.all(query, (shelf, _TIERS[-1]))
        rows = [row for row in rows if row["bytes"] <= _limit(shelf) // 2]
        while len(batch := _batch(rows)) > 1:
            packed += _merge(core, building, batch)
            rows = rows[len(batch) :]
    return packed


@contextlib.contextmanager
def _building(core: Core) -> Iterator[Path]:
    """The directory that shards are merged in, empty, by one process at a time."""
    building = core.data_dir / "building"
    with locked(core.data_dir / "compaction.lock", timeout=600.0):
        shutil.rmtree(building, ignore_errors=True)  # of one who died at it
        building.mkdir()
        yield building
        shutil.rmtree(building, ignore_errors=True)


def _batch(rows: list[sqlite3.Row]) -> list[sqlite3.Row]:
    """The first of some shards, as many as fit into one."""
    batch: list[sqlite3.Row] = []
    size = count = 0
    for row in rows:
        size, count = size + row["bytes"], count + row["rows"]
        if batch and (size > _limit(row["shelf"]) or count > MAX_ROWS):
            break
        batch.append(row)
    return batch


def _limit(shelf: str) -> int:
    """How large a shard of a shelf may become, in bytes."""
    return UNREVIEWED_BYTES if shelf.endswith("/pending") else MAX_BYTES


def _batches(core: Core) -> list[list[sqlite3.Row]]:
    """Groups of shards to be merged, each of one shelf and one tier, oldest first."""
    rows = core.index.all("SELECT * FROM shards WHERE rows <= ? ORDER BY name", (_TIERS[-1],))
    groups: dict[tuple[str, int], list[sqlite3.Row]] = {}
    for row in rows:
        if row["bytes"] > _limit(row["shelf"]) // 2:
            continue  # large enough; it would only keep the smaller ones behind it from merging
        tier = next(index for index, most in enumerate(_TIERS) if row["rows"] <= most)
        groups.setdefault((row["shelf"], tier), []).append(row)
    chosen = []
    for group in groups.values():
        if len(group) < DUE:
            continue
        batch = _batch(group)
        if len(batch) > 1:
            chosen.append(batch)
    return chosen


def _merge(core: Core, building: Path, batch: list[sqlite3.Row]) -> int:
    """Merge some shards into one; 0 when one was changed meanwhile, or the disk has no room."""
    names = {row["name"] for row in batch}
    size = sum(row["bytes"] for row in batch)
    if not files.has_room(core.data_dir, size + core.reserve(size)):
        core.no_compaction_before = time.monotonic() + PAUSE_SECONDS
        _log.warning("Small shards were not merged: there is no room on the disk.")
        return 0
    try:
        rows = (row for name in sorted(names) for row in core.rows(core.records_in(name)))
        path, shard = prepare_shard(core, rows, batch[0]["shelf"], building)
    except StoreError:
        if names <= core.index.shard_names():
            raise  # not a deletion in between, but damage
        return 0
    with core.lock():
        recovery.settle(core)
        if not names <= core.index.shard_names():
            path.unlink()
            return 0
        _exchange(core, names, path, shard)
    return len(names)


def _exchange(core: Core, names: set[str], path: Path, shard: Shard) -> None:
    def change(run: sqlite3.Connection) -> None:
        moved = sum(move_all(run, name, shard.name) for name in names)
        if moved != shard.rows:
            raise StoreError(
                f"Nothing was merged: {moved} records are in the index, {shard.rows} in the shard."
            )

    core.exchange(names, [(path, shard)], change)
