"""The tables of the index, and the steps that brought them here from version 1.

A new index is made as version 1 and taken through every step, so a fresh data directory and an
old one end with the same tables. All steps that an old index needs run in one transaction: it has
the new version or it still has the old one. A step is never changed once it was released; what it
got wrong, a later one mends.

To add one: append it to `STEPS` with the next version, and to the test beside it what it must do
to records that are there already. A step may read, write and create what it likes, but not commit.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE records (
    id TEXT PRIMARY KEY,              -- begins with the time: sorting by it is sorting by age
    strategy TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    hole_fraction REAL NOT NULL,
    image_sha256 TEXT NOT NULL,
    licence TEXT NOT NULL,
    consent INTEGER NOT NULL,
    contributor TEXT NOT NULL,
    status TEXT NOT NULL,
    model TEXT NOT NULL,
    app_version TEXT NOT NULL,
    created_at INTEGER NOT NULL,      -- microseconds since 1970, UTC
    schema_version INTEGER NOT NULL,
    extra TEXT NOT NULL,
    mask_sha256 TEXT NOT NULL,
    receipt_sha256 TEXT NOT NULL,
    source_sha256 TEXT NOT NULL,      -- of the photo's file as it was sent; never published
    source_bytes INTEGER NOT NULL,
    shard TEXT NOT NULL
);
CREATE INDEX records_by_shard ON records (shard);
CREATE INDEX records_by_status ON records (status, id);
CREATE INDEX records_by_strategy ON records (strategy, id);
CREATE TABLE strokes (record_id TEXT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE objects (
    kind TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, uses INTEGER NOT NULL,
    PRIMARY KEY (kind, sha256)
) WITHOUT ROWID;
CREATE TABLE shards (
    name TEXT PRIMARY KEY,
    shelf TEXT NOT NULL,              -- records that may share a shard: 'open/pending', ...
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    pushed_at INTEGER                 -- NULL until it is on the Hub
);
-- Shards that were pushed and are no more: to be deleted on the Hub.
CREATE TABLE retired (name TEXT PRIMARY KEY);
CREATE TABLE tombstones (
    id TEXT PRIMARY KEY,
    deleted_at INTEGER NOT NULL,
    files TEXT                        -- JSON [[kind, sha256], ...] until all bytes are gone
);
CREATE INDEX unfinished_tombstones ON tombstones (id) WHERE files IS NOT NULL;
CREATE TABLE counters (
    name TEXT NOT NULL, value TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (name, value)
) WITHOUT ROWID;
"""

_COUNTED = {
    "records": ("status", "strategy", "licence"),
    "objects": ("kind",),
}


def _triggers() -> Iterator[str]:
    """Keep `counters` in step, inside the same transaction as what is counted."""
    up = "INSERT INTO counters VALUES ('{0}', NEW.{0}, 1) ON CONFLICT DO UPDATE SET n = n + 1;"
    down = "UPDATE counters SET n = n - 1 WHERE name = '{0}' AND value = OLD.{0};"
    for table, columns in _COUNTED.items():
        ups = " ".join(up.format(column) for column in columns)
        downs = " ".join(down.format(column) for column in columns)
        yield f"CREATE TRIGGER {table}_in AFTER INSERT ON {table} BEGIN {ups} END"
        yield f"CREATE TRIGGER {table}_out AFTER DELETE ON {table} BEGIN {downs} END"
        changed = ", ".join(columns)
        yield (
            f"CREATE TRIGGER {table}_turn AFTER UPDATE OF {changed} ON {table} "
            f"BEGIN {downs} {ups} END"
        )
    size = "INSERT INTO counters VALUES ('bytes', {0}.kind, {0}.bytes) "
    yield (
        "CREATE TRIGGER bytes_in AFTER INSERT ON objects BEGIN "
        + size.format("NEW")
        + "ON CONFLICT DO UPDATE SET n = n + NEW.bytes; END"
    )
    yield (
        "CREATE TRIGGER bytes_out AFTER DELETE ON objects BEGIN UPDATE counters "
        "SET n = n - OLD.bytes WHERE name = 'bytes' AND value = OLD.kind; END"
    )


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit on its own."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _run_version_1(run: sqlite3.Connection) -> None:
    for statement in (*statements(_VERSION_1), *_triggers()):
        run.execute(statement)
    run.execute("INSERT INTO meta VALUES ('index_version', '1')")


def _photo_hashes(run: sqlite3.Connection) -> None:
    """Version 2: the perceptual hash of each photo, in four bands that can be looked up."""
    for statement in statements(
        """
        CREATE TABLE looks (
            sha256 TEXT PRIMARY KEY,      -- of the photo, as in objects
            band0 INTEGER NOT NULL, band1 INTEGER NOT NULL,
            band2 INTEGER NOT NULL, band3 INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX looks_by_band0 ON looks (band0);
        CREATE INDEX looks_by_band1 ON looks (band1);
        CREATE INDEX looks_by_band2 ON looks (band2);
        CREATE INDEX looks_by_band3 ON looks (band3);
        CREATE TRIGGER looks_out AFTER DELETE ON objects WHEN OLD.kind = 'originals'
        BEGIN DELETE FROM looks WHERE sha256 = OLD.sha256; END;
        CREATE INDEX records_by_photo ON records (image_sha256);
        """
    ):
        run.execute(statement)


def _reviews(run: sqlite3.Connection) -> None:
    """Version 3: who reviews what, what was decided by whom, and files that are to be removed."""
    for statement in statements(
        """
        CREATE TABLE leases (
            record_id TEXT PRIMARY KEY,   -- one reviewer a record
            reviewer TEXT NOT NULL,
            since INTEGER NOT NULL,       -- microseconds since 1970, UTC, as everywhere
            until INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX leases_by_reviewer ON leases (reviewer);
        CREATE TABLE skips (
            record_id TEXT NOT NULL, reviewer TEXT NOT NULL, PRIMARY KEY (record_id, reviewer)
        ) WITHOUT ROWID;
        CREATE TABLE reviews (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            record_id TEXT NOT NULL,
            reviewer TEXT NOT NULL,
            decision TEXT NOT NULL,       -- approved or rejected
            fixed INTEGER NOT NULL,       -- whether the mask was mended with it
            status_before TEXT NOT NULL,
            decided_at INTEGER NOT NULL,
            seconds REAL NOT NULL,        -- from when the reviewer got the record
            UNIQUE (record_id, reviewer)
        );
        CREATE INDEX reviews_by_reviewer ON reviews (reviewer, id);
        CREATE TABLE litter (
            kind TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (kind, sha256)
        ) WITHOUT ROWID;
        CREATE TRIGGER reviews_out AFTER DELETE ON records BEGIN
            DELETE FROM leases WHERE record_id = OLD.id;
            DELETE FROM skips WHERE record_id = OLD.id;
            DELETE FROM reviews WHERE record_id = OLD.id;
        END;
        """
    ):
        run.execute(statement)


def _copies_to_forget(run: sqlite3.Connection) -> None:
    """Version 4: what copies of a deleted photo and mask look like, until they are gone as well."""
    run.execute("ALTER TABLE tombstones ADD COLUMN copies TEXT")  # JSON; see `space.store.traces`
    run.execute("CREATE INDEX unforgotten_tombstones ON tombstones (id) WHERE copies IS NOT NULL")


def _sent_records(run: sqlite3.Connection) -> None:
    """Version 5: which records were sent to the Hub, however often their shard was written anew."""
    run.execute("ALTER TABLE records ADD COLUMN sent INTEGER NOT NULL DEFAULT 0")
    run.execute(
        "UPDATE records SET sent = 1 "
        "WHERE shard IN (SELECT name FROM shards WHERE pushed_at IS NOT NULL)"
    )


@dataclass(frozen=True)
class Step:
    """One change of the tables."""

    version: int
    run: Callable[[sqlite3.Connection], None]


STEPS = (
    Step(2, _photo_hashes),
    Step(3, _reviews),
    Step(4, _copies_to_forget),
    Step(5, _sent_records),
)  # fmt: skip
INDEX_VERSION = STEPS[-1].version


def migrate(run: sqlite3.Connection, steps: tuple[Step, ...] = STEPS) -> list[int]:
    """Bring an index up to date, or make it, as part of a transaction.

    Args:
        run: From `Index.transaction`.
        steps: In ascending order of their versions.

    Returns:
        The versions that were reached on the way; empty if there was nothing to do.

    Raises:
        sqlite3.DatabaseError: The index was written by a later program.
    """
    reached = []
    if not run.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        _run_version_1(run)
        reached.append(1)
    found = version_of(run)
    known = steps[-1].version if steps else 1
    if found > known:
        raise sqlite3.DatabaseError(
            f"the index has version {found}, this program knows up to {known}: "
            "use the newer program that wrote it"
        )
    for step in steps:
        if step.version > found:
            step.run(run)
            reached.append(step.version)
    if reached:
        value = str(max(reached))
        run.execute("UPDATE meta SET value = ? WHERE key = 'index_version'", (value,))
    return reached


def version_of(run: sqlite3.Connection) -> int:
    """The version that an index has now."""
    row = run.execute("SELECT value FROM meta WHERE key = 'index_version'").fetchone()
    return int(row[0]) if row else 0
