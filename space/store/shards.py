"""Parquet shards: rows of the published columns in files that are written once and never changed.

A shard's name is new every time, so its content never changes under a reader, in a cache or on
the Hub. Pictures go in as bytes with no path: `datasets` would prefer a path that happens to
exist on this machine to the bytes beside it.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lama.files import sha256_file
from space.store.files import sync_file
from space.store.schema import FEATURES

ARROW_SCHEMA = FEATURES.arrow_schema
EMPTY_NAME = "train-00000000-empty.parquet"
_NAME = re.compile(r"train-([0-9a-f]{12})-[0-9a-f]{12}\.parquet")
_ROWS_A_GROUP = 16  # with the next line: how much a reader has to fetch for one record
_BYTES_A_GROUP = 64 * 2**20


@dataclass(frozen=True)
class Shard:
    """A shard as the index knows it."""

    name: str
    shelf: str
    rows: int
    bytes: int
    sha256: str


def new_name() -> str:
    """A file name that no shard has had: sorted by time, and unique without asking anyone."""
    return f"train-{int(time.time() * 1000):012x}-{secrets.token_hex(6)}.parquet"


def is_name(name: str) -> bool:
    """Whether `new_name` made a file name: others could not be told from strangers on the Hub."""
    return _NAME.fullmatch(name) is not None


def made_at(name: str) -> int:
    """When a shard was made, in milliseconds since 1970: its name begins with it. 0 if unknown."""
    found = _NAME.fullmatch(name)
    return int(found[1], 16) if found else 0


def write_shard(path: Path, rows: Iterable[dict[str, Any]], shelf: str) -> Shard:
    """Write a shard; its bytes are durable, its name is once its directory is flushed.

    Args:
        path: The new file.
        rows: One dict a record with every published column; `image` and `mask` are bytes,
            `created_at` microseconds since 1970 UTC. Taken a few at a time, so that a shard
            may be larger than the memory.
        shelf: Kept in the answer.
    """
    count = 0
    # Zero rows have to mean zero row groups: `datasets` stumbles over an empty one.
    with pq.ParquetWriter(path, ARROW_SCHEMA, compression="zstd") as writer:
        for group in _groups(rows):
            writer.write_table(_table(group))
            count += len(group)
    sync_file(path)
    return shard_at(path, shelf, count)


def _groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows in portions small enough to hold in memory."""
    group: list[dict[str, Any]] = []
    weight = 0
    for row in rows:
        group.append(row)
        weight += len(row["image"]) + len(row["mask"])
        if len(group) == _ROWS_A_GROUP or weight >= _BYTES_A_GROUP:
            yield group
            group, weight = [], 0
    if group:
        yield group


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    pictures = ("image", "mask")
    columns = {
        name: [{"bytes": row[name], "path": None} for row in rows]
        if name in pictures
        else [row[name] for row in rows]
        for name in FEATURES
    }
    return pa.Table.from_pydict(columns, schema=ARROW_SCHEMA)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a shard, in the form that `write_shard` takes.

    Raises:
        ValueError: The file is no Parquet, or damaged; its columns are not those of this schema
            version.
        OSError: The system could not read it.
    """
    with _told_apart(path), pq.ParquetFile(path) as source:
        if not source.schema_arrow.equals(ARROW_SCHEMA):
            raise ValueError(f"{path.name} has other columns than schema version 1")
        micros = source.schema_arrow.get_field_index("created_at")
        for batch in source.iter_batches(batch_size=_ROWS_A_GROUP):
            # As numbers from the start: others may have written a year that Python does not know.
            stamps = batch.column(micros).cast(pa.int64())
            for row in batch.set_column(micros, "created_at", stamps).to_pylist():
                for name in ("image", "mask"):  # which others may have left empty
                    row[name] = (row[name] or {}).get("bytes") or b""
                yield row


def read_ids(path: Path) -> set[str]:
    """The ids of the records in a shard.

    Raises:
        ValueError, OSError: As `read_rows`.
    """
    with _told_apart(path):
        return set(pq.read_table(path, columns=["id"]).column("id").to_pylist()) - {None}


@contextmanager
def _told_apart(path: Path) -> Iterator[None]:
    """Damage is a ValueError: pyarrow finds it in many ways, some of which look like the disk's."""
    try:
        yield
    except (pa.ArrowException, KeyError) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error
    except OSError as error:
        if error.errno is not None or type(error) is not OSError:  # the system's own
            raise
        raise ValueError(f"{path.name} is damaged: {error}") from error


def rewrite(path: Path, target: Path, keep: Callable[[str], bool]) -> None:
    """Write a copy of a shard with some of its records; the shard itself never changes.

    Args:
        path: The shard.
        target: The new file.
        keep: Whether the record with an id is in the copy.

    Raises:
        ValueError, OSError: As `read_rows`; OSError also if the copy cannot be written.
    """
    write_shard(target, (row for row in read_rows(path) if keep(row["id"])), "")


def shard_at(path: Path, shelf: str, rows: int) -> Shard:
    """What the index has to know of a finished file with so many rows."""
    return Shard(path.name, shelf, rows, path.stat().st_size, sha256_file(path))
