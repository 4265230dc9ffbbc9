"""Bring a dataset back from the Hub onto an empty disk.

A shard comes back under its own name with its own bytes, so it counts as pushed from the start and
nothing travels twice. Receipts go on working: their hashes are in the shards. Each shard is taken
in as a save is, so an interruption leaves whole shards or nothing of them, and the next attempt
goes on with those that are missing. Records that were deleted here do not come back.

A directory that holds something, mostly an old copy, gets what is missing, and the decisions that
were made since: whichever side has more of them is the newer one. Only then may a shard on the Hub
be withdrawn, because nothing is in it any more that is not here.
"""

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import httpx

from space.store import compaction, copies, parting, recovery, shards
from space.store.comparing import Comparison, compare
from space.store.core import Core, add_whole_shard, now_microseconds, prepare_shard
from space.store.errors import IndexTroubleError, NoRepositoryError, SubmissionError
from space.store.files import locked, sync_directory, sync_file
from space.store.hub import check, is_shard, local_name, shelves_of, statuses_of, strangers
from space.store.hub_errors import explained
from space.store.index import add_record, drop_record
from space.store.records import by_shelf

# The Hub's client raises all of these; rows that somebody else wrote the last two.
_FAILURES = (HfHubHTTPError, httpx.HTTPError, OSError, RuntimeError, ValueError, TypeError)


def is_empty(core: Core) -> bool:
    """Whether nothing was ever stored here, or a restoration has begun and not ended."""
    if core.index.meta("restoring"):
        return True
    used = "SELECT 1 FROM records UNION ALL SELECT 1 FROM tombstones LIMIT 1"
    return not core.index.meta("hub_dataset") and core.index.get(used) is None


def restore(
    core: Core, hub: HfApi, repository: str, progress: Callable[[int, int], None] | None = None
) -> int:
    """Take in every record of a dataset on the Hub that is not here, or is older here.

    Args:
        core: The data directory; what is newer here stays.
        hub: From `space.store.connection.connect`.
        repository: `USER/NAME` of the dataset.
        progress: Called with the number of shards that are done, and of all.

    Returns:
        How many records came.

    Raises:
        SubmissionError: The name cannot be a repository's, or another one was used before; or
            records were decided on differently here and there, cannot be any, or were withdrawn
            there while another copy of this directory was in use, and all others have come.
        NoRepositoryError: There is no such repository, or the token may not see it.
        HubError: The Hub refused or could not be reached; nothing is lost, try again.
    """
    check(core, repository)
    folder = core.data_dir / "restoring"
    with locked(core.data_dir / "push.lock", timeout=5.0):
        if is_empty(core):
            core.index.remember(restoring=repository)
        try:
            found = _fetch_all(core, hub, repository, folder, progress)
        except RepositoryNotFoundError as error:
            reason = (
                f"There is no dataset {repository} on the Hub, or the token may not see it. Check "
                "the name, and the token: HF_TOKEN, or `hf auth login`."
            )
            raise NoRepositoryError(reason, reason) from error
        except (*_FAILURES, pa.ArrowException) as error:
            if isinstance(error, SubmissionError | IndexTroubleError):
                raise
            failed = explained(error, f"{repository} could not be restored")
            core.index.remember(last_push_error=failed.reason)
            raise failed from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        with core.lock():
            core.published.write_card(core.card())
        _conclude(core, repository, found)
    compaction.soon(core)
    return found.came


@dataclass
class _Found:
    """What the Hub has, and what came of it."""

    copy: str | None = None
    """The word of the card; see `space.store.copies`."""
    statuses: tuple[str, ...] = ()
    """Of the records there."""
    came: int = 0
    """Records that were taken in."""
    left: dict[str, Comparison] = field(default_factory=dict)
    """Files with something that was not, by path."""
    ids: set[str] = field(default_factory=set)
    """All records there. Only if somebody else pushed last, those of every file."""


def _fetch_all(
    core: Core,
    hub: HfApi,
    repository: str,
    folder: Path,
    progress: Callable[[int, int], None] | None,
) -> _Found:
    revision = str(hub.repo_info(repository, repo_type="dataset").sha)
    paths = hub.list_repo_files(repository, repo_type="dataset", revision=revision)
    found = _Found()
    if copies.CARD in paths:
        found.copy = copies.read(core, hub, repository, revision)
    own = copies.is_own(core, found.copy)
    wanted = [path for path in paths if is_shard(path)]
    found.statuses = statuses_of(wanted)
    for number, path in enumerate(wanted, start=1):
        unknown = strangers(core, [path])  # neither here nor replaced here since it was sent
        if unknown or not (own or local_name(path) in core.index.shard_names()):
            fetched = Path(
                hub.hf_hub_download(
                    repository, path, repo_type="dataset", revision=revision, local_dir=str(folder)
                )
            )
            found.ids |= shards.read_ids(fetched)
            if unknown:
                _enter(core, fetched, path, found)
            fetched.unlink(missing_ok=True)
        if progress is not None:
            progress(number, len(wanted))
    there = {local_name(path) for path in wanted} & core.index.shard_names()
    found.ids |= {row["id"] for name in there for row in core.records_in(name)}
    return found


def _enter(core: Core, fetched: Path, path: str, found: _Found) -> None:
    with core.lock():
        recovery.settle(core)
        came, compared = _take_in(core, fetched, local_name(path))
    found.came += came
    if not compared.settled:
        found.left[path] = compared


def _conclude(core: Core, repository: str, found: _Found) -> None:
    """Say what was not taken in, and what was withdrawn; or note that the two sides agree.

    Raises:
        SubmissionError: There is something of either.
    """
    gone: list[str] = []
    if not copies.is_own(core, found.copy):
        statuses = core.index.meta("hub_statuses").split() or ("approved",)
        gone = copies.withdrawn(core, found.ids, shelves_of(statuses))
    words = _left_out(found.left, repository, found.came)
    if gone:
        copies.stop_pushes(core)
        words.append(copies.said(gone, repository))
    if words:
        raise SubmissionError(" ".join(words))
    # Not before: whoever deletes a file there that was left out does not withdraw the rest of it.
    copies.note_sent(core, found.ids)
    if not core.index.meta("hub_statuses"):  # else the next push would take the others back
        core.index.remember(hub_statuses=" ".join(found.statuses))
    core.index.remember(restoring="", hub_dataset=repository, last_push_error="")
    if found.copy is not None:
        copies.arrived(core, found.copy)


def _left_out(left: Mapping[str, Comparison], repository: str, came: int) -> list[str]:
    """What was not taken in, and what can be done about it, in sentences."""
    disputed = {path: found.contested for path, found in left.items() if found.contested}
    refused = {path: len(found.refused) for path, found in left.items() if found.refused}
    words = []
    if disputed:
        words.append(
            f"{sum(disputed.values())} records were decided on differently here and on "
            f"{repository}. They were left as they are, here and there; {came} others came. To "
            "keep what the Hub has, restore into an empty data directory. To keep what is here, "
            f"delete these files on the Hub and restore again: {', '.join(disputed)}."
        )
    if refused:
        words.append(
            f"{sum(refused.values())} rows on {repository} cannot be records (the log says why) "
            f"and were left there; {came} others came. Mend or delete these files on the Hub, and "
            f"restore again: {', '.join(refused)}."
        )
    return words


def _take_in(core: Core, fetched: Path, name: str) -> tuple[int, Comparison]:
    """Enter a fetched shard. The lock has to be held.

    Returns:
        How many of its records were new, or had been decided on since; and what was left out.
    """
    size = fetched.stat().st_size
    core.make_room(size + core.reserve(size))  # for its files; the shard itself is there
    prepared = core.incoming / name
    fetched.replace(prepared)
    sync_file(prepared)
    sync_directory(core.incoming)
    found = compare(core, prepared)
    taken = recovery.entries_in(core, prepared, lambda number, _: number in found.wanted)
    found.refused |= taken.refused
    entries = [entry | found.kept(entry["id"]) for entry in taken.entries]
    ids = {entry["id"] for entry in entries}
    found.newer = {key: row for key, row in found.newer.items() if key in ids}
    shelves = by_shelf(entries)
    whole = len(entries) == found.rows and len(shelves) == 1
    if whole and not found.newer:
        [shelf] = shelves
        shard = shards.shard_at(prepared, shelf, found.rows)
        with core.index.transaction() as run:
            add_whole_shard(run, shard, entries)
            _mark_pushed(run, name)
        core.published.add(prepared)
        return len(entries), found
    if entries:
        _exchange(core, prepared, found, shelves, whole)
    elif found.settled:
        with core.index.transaction() as run:
            _retire(run, name)
    prepared.unlink(missing_ok=True)
    return len(entries), found


def _exchange(
    core: Core,
    prepared: Path,
    found: Comparison,
    shelves: dict[str, list[dict[str, Any]]],
    whole: bool,
) -> None:
    """Put a shard's records in the place of older ones.

    If not all of it is wanted, that goes into shards of our own, and the one on the Hub is
    withdrawn with the next push, which sends those instead.
    """
    old = {record["shard"] for record in found.newer.values()}
    size = prepared.stat().st_size
    core.make_room(size + sum(parting.bytes_of(core, name) for name in old) + core.reserve(size))
    if whole:
        added = [(prepared, shards.shard_at(prepared, next(iter(shelves)), found.rows))]
    else:
        added = [
            prepare_shard(core, recovery.rows_of(prepared, {e["row"] for e in entries}), shelf)
            for shelf, entries in shelves.items()
        ]
    rest = [part for name in sorted(old) for part in parting.rest_of(core, name, found.newer)]

    def change(run: sqlite3.Connection) -> None:
        for record in found.newer.values():
            drop_record(run, record)
            run.execute(
                "INSERT OR IGNORE INTO litter VALUES ('masks', ?)", (record["mask_sha256"],)
            )
        for (_, shard), entries in zip(added, shelves.values(), strict=True):
            for entry in entries:
                add_record(run, {**entry, "shard": shard.name})
        parting.move(run, rest)
        if whole:
            _mark_pushed(run, prepared.name)
        elif found.settled:
            _retire(run, prepared.name)

    core.exchange(old, [*added, *((part.path, part.shard) for part in rest)], change)
    recovery.sweep_litter(core)
    for record_id in found.newer:
        (core.thumbnails / f"{record_id}.jpg").unlink(missing_ok=True)


def _mark_pushed(run: sqlite3.Connection, name: str) -> None:
    run.execute("UPDATE shards SET pushed_at = ? WHERE name = ?", (now_microseconds(), name))


def _retire(run: sqlite3.Connection, name: str) -> None:
    """Nothing is in it that is not here: the next push may delete it on the Hub."""
    run.execute("INSERT OR IGNORE INTO retired VALUES (?)", (name,))
