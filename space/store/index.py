"""The index: an SQLite file that says which records exist, and in which shard each one is.

It holds every column but the pixels, the receipts' hashes, who refers to which file, and running
counts kept by triggers, so that figures cost the same at a hundred records and at a hundred
thousand. Its tables are in `space.store.migrations`. WAL mode lets the app read while others
write; `synchronous=FULL` makes a commit survive a power cut; `secure_delete` overwrites what is
deleted.
"""

import contextlib
import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from space.store.errors import IndexTroubleError, StoreError, explained
from space.store.files import sync_directory, write_atomically
from space.store.looks import bands
from space.store.migrations import INDEX_VERSION, migrate, version_of
from space.store.schema import SCALARS

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Let what SQLite refuses be raised as the store's own error, as everything else is."""
    try:
        yield
    except sqlite3.Error as error:
        raise IndexTroubleError(error) from error


class Index:
    """One connection to the index of a data directory, safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open it, and make or migrate it if need be.

        Raises:
            IndexTroubleError: It cannot be read or written, or a later program wrote it.
        """
        self._secrets = path.parent / "secrets"
        self._lock = threading.RLock()
        with _in_words():
            self._connection = self._open(path)
            version = self._version()
        if version != INDEX_VERSION:
            with self.transaction() as run:  # another process may have been quicker
                reached = migrate(run)
            if reached and reached[0] > 1:
                _log.info("The index was brought to version %d.", reached[-1])

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        if not path.exists():  # for its owner alone: it has sign-in names, and keys of pseudonyms
            path.touch(mode=0o600)
        connection = sqlite3.connect(
            path, timeout=30.0, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "foreign_keys = ON",
            "journal_size_limit = 16777216",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _version(self) -> int:
        if self.get("SELECT 1 FROM sqlite_master WHERE name = 'meta'") is None:
            return 0
        return version_of(self._connection)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything run inside is committed together, or not at all if anything is raised.

        Raises:
            IndexTroubleError: SQLite refused any of it.
        """
        with self._lock, _in_words():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends some of them by itself
                    self._connection.execute("ROLLBACK")
                raise

    def all(self, query: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Every row of a query.

        Raises:
            IndexTroubleError: SQLite refused it.
        """
        with self._lock, _in_words():
            return self._connection.execute(query, values).fetchall()

    def get(self, query: str, values: tuple[Any, ...] | dict[str, Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None.

        Raises:
            IndexTroubleError: SQLite refused it.
        """
        with self._lock, _in_words():
            return self._connection.execute(query, values).fetchone()

    def meta(self, key: str, default: str = "") -> str:
        """A fact about the data directory as a whole."""
        row = self.get("SELECT value FROM meta WHERE key = ?", (key,))
        return default if row is None else str(row["value"])

    def remember(self, **facts: str) -> None:
        """Keep facts about the data directory where every process finds them, all at once."""
        with self.transaction() as run:
            for key, value in facts.items():
                set_meta(run, key, value)

    def secret(self, name: str) -> bytes:
        """A key that is made once and never changes.

        It is in a file beside the index as well, for its owner alone: pseudonyms are made with one,
        and could not be told from a name any more if it went with a lost index.

        Raises:
            StoreError: There is none yet, and it cannot be kept; or its file is damaged.
        """
        path = self._secrets / name
        if key := self.meta(name):
            try:
                self._write_down(path, key)
            except OSError as error:
                _log.warning("The key %s is in the index alone: %s", name, error)
            return key.encode()
        try:
            with self.transaction() as run:
                key = self.meta(name) or _key_in(path) or secrets.token_hex(32)
                self._write_down(path, key)
                set_meta(run, name, key)
        except OSError as error:
            raise explained(error, "keep a secret key") from error
        return key.encode()

    def _write_down(self, path: Path, key: str) -> None:
        if not path.is_file():
            self._secrets.mkdir(mode=0o700, exist_ok=True)
            sync_directory(self._secrets.parent)
            write_atomically(path, key.encode(), self._secrets, mode=0o600)

    def counts(self, name: str) -> dict[str, int]:
        """How many there are of each value, e.g. `counts("status")`."""
        rows = self.all("SELECT value, n FROM counters WHERE name = ? AND n > 0", (name,))
        return {row["value"]: row["n"] for row in rows}

    def shard_names(self) -> set[str]:
        """The shards that make up the dataset now."""
        return {row["name"] for row in self.all("SELECT name FROM shards")}

    def forget_deleted(self) -> None:
        """Empty the write-ahead log: deleted values would lie in it until it is overwritten."""
        with self._lock, _in_words():
            for _ in range(20):
                busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return
                threading.Event().wait(0.05)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()


def _key_in(path: Path) -> str:
    """The key that a file holds; empty if there is no file."""
    try:
        key = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except ValueError:
        key = ""
    if not key:
        raise StoreError(
            f"The file {path} is damaged. Restore it from a backup. Or delete it: contributors get "
            "new pseudonyms then."
        )
    return key


# What the index knows of a record beside the published columns.
_PRIVATE = ("mask_sha256", "receipt_sha256", "source_sha256", "source_bytes", "shard")


def set_meta(run: sqlite3.Connection, key: str, value: str) -> None:
    """Write a fact about the data directory, as part of a transaction."""
    run.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def add_record(run: sqlite3.Connection, record: dict[str, Any]) -> None:
    """Insert a record, as part of a transaction, and count its use of photo and mask.

    Args:
        run: From `Index.transaction`.
        record: The scalar columns, strokes, those of `_PRIVATE`, the photo's `look`, and the sizes
            image_bytes and mask_bytes.
    """
    columns = (*SCALARS, *_PRIVATE)
    places = ", ".join("?" * len(columns))
    run.execute(
        f"INSERT INTO records ({', '.join(columns)}) VALUES ({places})",
        tuple(record[column] for column in columns),
    )
    if record["strokes"]:
        run.execute("INSERT INTO strokes VALUES (?, ?)", (record["id"], record["strokes"]))
    for kind, key, size in (
        ("originals", "image_sha256", "image_bytes"),
        ("masks", "mask_sha256", "mask_bytes"),
    ):
        run.execute(
            "INSERT INTO objects VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET uses = uses + 1",
            (kind, record[key], record[size]),
        )
    run.execute(
        "INSERT OR IGNORE INTO looks VALUES (?, ?, ?, ?, ?)",
        (record["image_sha256"], *bands(record["look"])),
    )


def drop_record(run: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Delete a record, as part of a transaction; files that nothing uses any more lose their row.

    Args:
        run: From `Index.transaction`.
        row: The record's row.
    """
    run.execute("DELETE FROM records WHERE id = ?", (row["id"],))
    run.execute("DELETE FROM strokes WHERE record_id = ?", (row["id"],))
    for kind, key in (("originals", "image_sha256"), ("masks", "mask_sha256")):
        run.execute(
            "UPDATE objects SET uses = uses - 1 WHERE kind = ? AND sha256 = ?", (kind, row[key])
        )
        run.execute(
            "DELETE FROM objects WHERE kind = ? AND sha256 = ? AND uses <= 0", (kind, row[key])
        )
