"""The parts of a data directory, and the one operation by which shards are exchanged.

- `dataset`: a link to the current directory below `published`; what `load_dataset` reads
- `published/NNN/`: `README.md` and `data/train-*.parquet`
- `originals/`, `masks/`: files named by their SHA-256
- `index.sqlite`: which records exist
- `incoming/`: shards and files in the making; empty between operations
- `secrets/`: keys of pseudonyms and of imported ids, which are in the index as well
- `thumbnails/`: small pictures for the gallery; can be deleted at any time
- `store.lock`: held while anything is changed
- `compaction.lock`, `push.lock`: held by who merges shards (in `building/`), and by who pushes or
  restores (in `restoring/`)
- `unfinished.lock`: shared by who writes a file elsewhere than in `incoming` that has no name yet
"""

import errno
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from space.store import files, shards
from space.store.card import Figures, render
from space.store.errors import StoreError
from space.store.files import locked, sync_directory
from space.store.index import Index, add_record, set_meta
from space.store.objects import KINDS, Objects
from space.store.published import SHORT_GRACE_SECONDS, Published
from space.store.schema import SCALARS
from space.store.shards import Shard


def silent(step: str) -> None:
    """The observer of steps when nobody observes."""


class Core:
    """What every part of the store works with."""

    def __init__(self, data_dir: Path, on_step: Callable[[str], None] = silent) -> None:
        self.data_dir = data_dir
        self.incoming = data_dir / "incoming"
        self.thumbnails = data_dir / "thumbnails"
        self.compacting = threading.Lock()  # one thread at a time; see `compaction.soon`
        self.no_compaction_before = 0.0  # of `time.monotonic`
        self.step = on_step  # called with each step's name once it is durable
        for directory in (self.incoming, self.thumbnails, data_dir / "published"):
            directory.mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            (data_dir / kind).mkdir(exist_ok=True)
        self.objects = Objects(data_dir, self.incoming)
        self.published = Published(data_dir, self.incoming)
        with self.lock():
            self.index = Index(data_dir / "index.sqlite")

    def lock(self) -> AbstractContextManager[None]:
        """Hold the right to change anything, against all threads and processes."""
        return locked(self.data_dir / "store.lock")

    @property
    def unfinished(self) -> Path:
        """The lock for `files.working`: what is written under it is not what a crash left."""
        return self.data_dir / "unfinished.lock"

    def card(self) -> bytes:
        """The README of the dataset as the index has it now."""
        figures = Figures(
            records=sum(self.index.counts("status").values()),
            images=self.index.counts("kind").get("originals", 0),
            statuses=self.index.counts("status"),
            licences=self.index.counts("licence"),
        )
        return render(figures, str(self.published.link)).encode()

    def rows(self, records: Iterable[sqlite3.Row]) -> Iterator[dict[str, Any]]:
        """Published rows, made from index and files, so that any shard can be made again.

        A file that is missing or damaged must not keep its neighbours from being reviewed or
        deleted: what lacks one comes last, with the pictures that its shard still holds.

        Raises:
            StoreError: A file is missing or damaged, and so is what the shard has of it.
        """
        lacking: dict[str, tuple[list[sqlite3.Row], StoreError]] = {}
        for record in records:
            try:
                image = self.objects.read("originals", record["image_sha256"])
                mask = self.objects.read("masks", record["mask_sha256"])
            except StoreError as error:
                lacking.setdefault(record["shard"], ([], error))[0].append(record)
                continue
            yield self._row(record, image, mask)
        for shard, (some, reason) in lacking.items():
            yield from self._rows_in(shard, some, reason)

    def _row(self, record: sqlite3.Row, image: bytes, mask: bytes) -> dict[str, Any]:
        strokes = self.index.get("SELECT json FROM strokes WHERE record_id = ?", (record["id"],))
        return {
            **{name: record[name] for name in SCALARS},
            "consent": bool(record["consent"]),
            "strokes": "" if strokes is None else strokes["json"],
            "image": image,
            "mask": mask,
        }

    def _rows_in(
        self, shard: str, records: list[sqlite3.Row], reason: StoreError
    ) -> Iterator[dict[str, Any]]:
        """Rows with the pictures that a shard holds; `reason` is raised if it lacks one."""
        wanted = {record["id"]: record for record in records}
        try:
            for row in shards.read_rows(self.published.data / shard):
                record = wanted.get(row["id"])
                if record is not None and holds(row, record):
                    del wanted[record["id"]]
                    yield self._row(record, row["image"], row["mask"])
        except (ValueError, OSError) as error:
            raise reason from error
        if wanted:
            raise reason

    def reserve(self, coming: int = 0) -> int:
        """Bytes of the disk that are left free, so that any record can still be deleted.

        That takes a copy of what else is in its shard.

        Args:
            coming: Bytes of the largest shard that is about to be made.
        """
        row = self.index.get("SELECT max(bytes) AS n FROM shards")
        largest = int(row["n"] or 0) if row else 0
        return files.RESERVE_BYTES + max(largest, coming)

    def make_room(self, size: int) -> None:
        """Refuse what the disk cannot hold; what only earlier readers have goes before that.

        Args:
            size: Bytes that will be written. The lock has to be held.

        Raises:
            OSError: There is too little room.
        """
        if not files.has_room(self.data_dir, size):
            self.published.sweep(SHORT_GRACE_SECONDS)
        if not files.has_room(self.data_dir, size):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def records_in(self, shard: str) -> list[sqlite3.Row]:
        """The index rows of a shard's records, oldest first."""
        return self.index.all("SELECT * FROM records WHERE shard = ? ORDER BY id", (shard,))

    def exchange(
        self,
        removed: set[str],
        added: list[tuple[Path, Shard]],
        change: Callable[[sqlite3.Connection], None],
        beside: Sequence[Path] = (),
    ) -> None:
        """Replace shards by others, at one moment for readers and for the index.

        The directory is complete before the transaction; the transaction decides; the link
        follows. A crash before it leaves a directory nobody knows, one after it a link that
        `space.store.recovery.settle` moves. The lock has to be held.

        Args:
            removed: Names of shards that are no longer part of the dataset.
            added: New shards, with where they lie now.
            change: What else belongs in the same transaction; the new shards are in it by then.
            beside: New files that readers find as well, though the index knows nothing of them.
        """
        number = self.published.number + 1
        # Whatever else lies there stays: a file that nobody can explain is not ours to remove.
        kept = [self.published.data / name for name in self.published.shard_files() - removed]
        made = [*(path for path, _ in added), *beside]
        self.published.begin(number, [*kept, *made], self.card())
        self.step("directory made")
        with self.index.transaction() as run:
            for name in removed:
                run.execute(
                    "INSERT OR IGNORE INTO retired "
                    "SELECT name FROM shards WHERE name = ? AND pushed_at IS NOT NULL",
                    (name,),
                )
                run.execute("DELETE FROM shards WHERE name = ?", (name,))
            for _, shard in added:
                add_shard(run, shard)
            change(run)
            set_meta(run, "published", str(number))
        self.step("exchange committed")
        self.published.switch(number)
        self.step("link moved")
        for path in made:
            path.unlink(missing_ok=True)
        self.published.sweep()


def holds(row: dict[str, Any], record: sqlite3.Row) -> bool:
    """Whether the pictures in a shard's row are those of a record."""
    image, mask = (hashlib.sha256(row[name]).hexdigest() for name in ("image", "mask"))
    return (image, mask) == (record["image_sha256"], record["mask_sha256"])


def add_shard(run: sqlite3.Connection, shard: Shard) -> None:
    """Enter a shard into the index, as part of a transaction."""
    run.execute(
        "INSERT INTO shards (name, shelf, rows, bytes, sha256) VALUES (?, ?, ?, ?, ?)",
        (shard.name, shard.shelf, shard.rows, shard.bytes, shard.sha256),
    )


def move_all(run: sqlite3.Connection, old: str, new: str) -> int:
    """Let all records of a shard be in another one, as part of a transaction; how many they are."""
    return run.execute("UPDATE records SET shard = ? WHERE shard = ?", (new, old)).rowcount


def add_whole_shard(
    run: sqlite3.Connection, shard: Shard, entries: Iterable[dict[str, Any]]
) -> None:
    """Enter a shard with all of its records, as part of a transaction.

    Args:
        run: From `Index.transaction`.
        shard: It lies in `incoming`, or where readers look already.
        entries: As `add_record` takes them, but for the shard; their files are stored.
    """
    add_shard(run, shard)
    for entry in entries:
        add_record(run, {**entry, "shard": shard.name})


def now_microseconds() -> int:
    """The moment, as the index writes it."""
    return time.time_ns() // 1000


def prepare_shard(
    core: Core, rows: Iterable[dict[str, Any]], shelf: str, directory: Path | None = None
) -> tuple[Path, Shard]:
    """Write a shard under a new name where no reader looks; a power cut leaves it there.

    Args:
        core: The data directory.
        rows: As `space.store.shards.write_shard` takes them.
        shelf: Which records may lie beside them.
        directory: Where; `incoming` if not said.
    """
    name = shards.new_name()
    unfinished = (directory or core.incoming) / f"{name}.tmp"
    finished = unfinished.with_suffix("")
    try:
        shard = shards.write_shard(unfinished, rows, shelf)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.replace(finished)
    sync_directory(finished.parent)
    return finished, replace(shard, name=name)
