"""After a crash: finish what was decided, undo what was not, lose nothing, repeat nothing.

`settle` runs each time somebody takes the lock, so the next save after a crash mends what the
crash left, in whichever process. It looks at three places that are empty between operations, and
costs next to nothing when they are. `reconcile` runs when a store is opened and compares index
and shards as a whole, which also brings back an index that was lost: the shards carry every
column, and the hashes of the receipts.
"""

import hashlib
import json
import logging
import shutil
import sqlite3
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from space.store import shards
from space.store.core import Core, add_whole_shard, move_all, prepare_shard
from space.store.errors import StoreError, SubmissionError
from space.store.files import try_lock
from space.store.index import add_record, set_meta
from space.store.objects import KINDS
from space.store.pictures import decode_mask, prepare_photo
from space.store.records import by_shelf, check_row

_log = logging.getLogger(__name__)


def settle(core: Core) -> None:
    """Bring an interrupted operation to one of its two ends. The lock has to be held."""
    number = int(core.index.meta("published", "0"))
    if number and number != core.published.number:
        core.published.switch(number)
    for path in sorted(core.incoming.iterdir()):
        if not shards.is_name(path.name):
            path.unlink()
        elif core.index.get("SELECT 1 FROM shards WHERE name = ?", (path.name,)):
            _publish(core, path)
        else:
            _discard(core, path)
    unfinished = core.index.all("SELECT id FROM tombstones WHERE files IS NOT NULL")
    if unfinished:
        core.published.sweep()  # what nobody reads any more need not be cleaned
    for row in unfinished:
        try:
            finish_deletion(core, row["id"])
        except (OSError, StoreError) as error:  # it must not keep everybody from everything else
            _log.warning("Bytes of the deleted record %s are still here: %s", row["id"], error)
    sweep_litter(core)


def committed(core: Core, done: Callable[[], bool]) -> bool:
    """After an error: undo what was prepared, or finish what was decided. The lock must be free.

    Args:
        core: The data directory.
        done: Whether the index has the change.

    Returns:
        Its answer; false if the index cannot be asked.
    """
    try:
        with core.lock():
            settle(core)
    except (OSError, StoreError) as error:
        _log.warning("What an error interrupted is cleared with the next change: %s", error)
    try:
        return done()
    except StoreError:
        return False


def sweep_litter(core: Core) -> None:
    """Remove files that a committed change left without use. The lock has to be held."""
    rows = core.index.all("SELECT kind, sha256 FROM litter")
    for row in rows:
        if not core.index.get("SELECT 1 FROM objects WHERE kind = ? AND sha256 = ?", tuple(row)):
            core.objects.remove(row["kind"], row["sha256"])
    if rows:
        with core.index.transaction() as run:
            run.execute("DELETE FROM litter")


def _publish(core: Core, path: Path) -> None:
    """The record was committed: show its shard."""
    if (core.published.data / path.name).exists():
        path.unlink()  # renaming one hard link onto another would leave both
    else:
        core.published.add(path)


def _discard(core: Core, path: Path) -> None:
    """The record was not committed: remove its files, but not those that others use."""
    for row in _readable_rows(path):
        for kind, data in (("originals", row["image"]), ("masks", row["mask"])):
            digest = hashlib.sha256(data).hexdigest()
            used = core.index.get(
                "SELECT 1 FROM objects WHERE kind = ? AND sha256 = ?", (kind, digest)
            )
            if not used:
                core.objects.remove(kind, digest)
    path.unlink()


def _readable_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a shard as far as it can be read."""
    try:
        yield from shards.read_rows(path)
    except (ValueError, OSError) as error:
        _log.warning("The shard %s cannot be read: %s", path, error)


def finish_deletion(core: Core, record_id: str) -> None:
    """Remove the bytes of a record that the index no longer has. The lock has to be held."""
    row = core.index.get("SELECT * FROM tombstones WHERE id = ?", (record_id,))
    if row is None or row["files"] is None:
        return
    core.published.purge(record_id)
    for kind, digest in json.loads(row["files"]):
        if not core.index.get(
            "SELECT 1 FROM objects WHERE kind = ? AND sha256 = ?", (kind, digest)
        ):
            core.objects.remove(kind, digest)
    for path in core.thumbnails.glob(f"{record_id}*"):
        path.unlink(missing_ok=True)
    clear_leftovers(core)
    with core.index.transaction() as run:
        run.execute("UPDATE tombstones SET files = NULL WHERE id = ?", (record_id,))
    core.index.forget_deleted()


def clear_leftovers(core: Core) -> None:
    """Remove what a process that died was making outside of `incoming`, if nobody is at it now.

    Records that have been deleted since may be in it: no tombstone names these files.
    """
    making = (
        (core.data_dir / "compaction.lock", [core.data_dir / "building"]),
        (core.data_dir / "push.lock", [core.data_dir / "restoring"]),
        (core.unfinished, list(core.thumbnails.glob("*.tmp"))),
    )
    for lock, leftovers in making:
        if not any(path.exists() for path in leftovers):
            continue
        try:
            with try_lock(lock) as mine:
                for path in leftovers if mine else ():
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        except OSError as error:  # whoever opens the store next tries again
            _log.warning("What a process left unfinished could not be removed: %s", error)


def reconcile(core: Core) -> None:
    """Make index and published shards agree when a store is opened. The lock has to be held."""
    known = int(core.index.meta("published", "0"))
    number = known or core.published.number or core.published.newest() or 1
    if not core.published.exists(number):
        core.published.begin(number, (), core.card())
    if not known:
        with core.index.transaction() as run:
            set_meta(run, "published", str(number))
    settle(core)
    clear_leftovers(core)
    indexed, present = core.index.shard_names(), core.published.shard_files()
    for name in sorted(present - indexed):
        try:
            _adopt(core, core.published.data / name)
        except (ValueError, KeyError) as error:
            _log.warning("The shard %s is not ours and was left alone: %s", name, error)
    _put_back(core)
    # Earlier versions took files in under whatever name they had.
    strange = {name for name in indexed if not shards.is_name(name)}
    for name in sorted((indexed - present) | strange):
        try:
            _make_again(core, name)
        except StoreError as error:
            _log.warning("The shard %s cannot be made again: %s", name, error)
    core.published.sweep()


def _put_back(core: Core) -> None:
    """Write photos and masks that are gone once more, from the shards that hold them too."""
    known = core.index.all("SELECT kind, sha256 FROM objects")
    there = {kind: core.objects.names(kind) for kind in KINDS}
    missing = {tuple(row) for row in known if row["sha256"] not in there[row["kind"]]}
    if not missing:
        return
    holders = {
        row["shard"]
        for row in core.index.all("SELECT shard, image_sha256, mask_sha256 FROM records")
        if {("originals", row["image_sha256"]), ("masks", row["mask_sha256"])} & missing
    }
    for name in sorted(holders & core.published.shard_files()):
        for row in _readable_rows(core.published.data / name):
            for kind, data in (("originals", row["image"]), ("masks", row["mask"])):
                digest = hashlib.sha256(data).hexdigest()
                if (kind, digest) in missing:
                    core.objects.put(kind, digest, data)
                    missing.remove((kind, digest))
    for kind, digest in sorted(missing):
        _log.warning(
            "%s is missing, and no shard has it. Restore it from a backup.",
            core.objects.path(kind, digest),
        )


def _adopt(core: Core, path: Path) -> None:
    """Take a shard that the index does not know into it, without doubling a record.

    Rows that cannot be records stay where readers found them, in a file of their own.

    Raises:
        ValueError: No row of it can be a record, or its columns are others.
    """
    seen: set[Any] = set()

    def unknown(_: int, row: dict[str, Any]) -> bool:
        again = row["id"] in seen
        seen.add(row["id"])
        return not again and not is_known(core, row["id"])

    found = entries_in(core, path, unknown)
    if found.rows and len(found.refused) == found.rows:
        raise ValueError("no row of it can be a record")
    shelves = by_shelf(found.entries)
    if shards.is_name(path.name) and len(found.entries) == found.rows and len(shelves) == 1:
        [shelf] = shelves
        shard = shards.shard_at(path, shelf, found.rows)
        with core.index.transaction() as run:
            add_whole_shard(run, shard, found.entries)
        return
    added = []
    for shelf, entries in shelves.items():
        numbers = {entry["row"] for entry in entries}
        added.append((*prepare_shard(core, rows_of(path, numbers), shelf), entries))
    refused = rows_of(path, found.refused)
    beside = [prepare_shard(core, refused, "")[0]] if found.refused else []

    def enter(run: sqlite3.Connection) -> None:
        for _, shard, entries in added:
            for entry in entries:
                add_record(run, {**entry, "shard": shard.name})

    core.exchange({path.name}, [(where, shard) for where, shard, _ in added], enter, beside)


@dataclass
class Entries:
    """What was found in a shard."""

    rows: int = 0
    entries: list[dict[str, Any]] = field(default_factory=list)
    """What the index needs of each row that was wanted, without pixels; `row` is its number."""
    refused: set[int] = field(default_factory=set)
    """The numbers of those that were wanted and cannot be records."""


def entries_in(core: Core, path: Path, wanted: Callable[[int, dict[str, Any]], bool]) -> Entries:
    """Store the files of some records of a shard.

    Args:
        core: The data directory.
        path: The shard.
        wanted: Asked about every row, by number, in order.
    """
    found = Entries()
    for number, row in enumerate(shards.read_rows(path)):
        found.rows += 1
        if not wanted(number, row):
            continue
        try:
            found.entries.append({**entry_of(core, row), "row": number})
        except SubmissionError as error:
            found.refused.add(number)
            _log.warning("Row %d of %s cannot be a record: %s", number, path.name, error)
    return found


def rows_of(path: Path, numbers: Collection[int]) -> Iterator[dict[str, Any]]:
    """Some rows of a shard, by their numbers."""
    return (row for number, row in enumerate(shards.read_rows(path)) if number in numbers)


def is_known(core: Core, record_id: str) -> bool:
    """Whether a record is here, or was deleted here."""
    query = "SELECT 1 FROM records WHERE id = ?1 UNION SELECT 1 FROM tombstones WHERE id = ?1"
    return core.index.get(query, (record_id,)) is not None


def is_gone(core: Core, record_id: str) -> bool:
    """Whether a record was deleted here."""
    return core.index.get("SELECT 1 FROM tombstones WHERE id = ?", (record_id,)) is not None


def entry_of(core: Core, row: dict[str, Any]) -> dict[str, Any]:
    """Store the files of a row read from a shard; what the index needs of it, without pixels.

    Raises:
        SubmissionError: It cannot be a record; nothing of it is stored.
    """
    check_row(row)
    image, mask = row.pop("image"), row.pop("mask")
    digest = hashlib.sha256(image).hexdigest()
    if digest != row["image_sha256"]:
        raise SubmissionError(f"The photo of record {row['id']} is not the one it names.")
    photo = prepare_photo(image, sys.maxsize)
    size = (row["width"], row["height"])
    if (photo.width, photo.height) != size or decode_mask(mask).shape != size[::-1]:
        raise SubmissionError(f"The record {row['id']} has another size than its photo or mask.")
    mask_digest = hashlib.sha256(mask).hexdigest()
    core.objects.put("originals", digest, image)
    core.objects.put("masks", mask_digest, mask)
    return {
        **row,
        "mask_sha256": mask_digest,
        "receipt_sha256": json.loads(row["extra"])["receipt_sha256"],
        "source_sha256": "",
        "source_bytes": 0,
        "look": photo.look,
        "image_bytes": len(image),
        "mask_bytes": len(mask),
    }


def _make_again(core: Core, name: str) -> None:
    """Write a shard once more under a new name, from index and files."""
    shelf = core.index.get("SELECT shelf FROM shards WHERE name = ?", (name,))
    records = core.records_in(name)
    added = [prepare_shard(core, core.rows(records), shelf["shelf"])] if shelf and records else []

    def move(run: sqlite3.Connection) -> None:
        for _, shard in added:
            move_all(run, name, shard.name)

    core.exchange({name}, added, move)
