"""Push the dataset to the Hugging Face Hub: new shards up, withdrawn ones away, nothing twice.

Shards never change and their names never repeat, so the repository's list of files says what has
arrived, whatever died in between. Each shard is marked before it is sent: if it is withdrawn
later, because a record in it was deleted or it was merged, its name is kept until it is gone from
the Hub too. Withdrawals travel in the first commit, together with what replaces them, so that no
revision holds a record twice. Records under the `private` licence lie in shards of their own and
are never sent.

On the Hub the split is the status: `train` holds approved records and nothing else. Whoever pushes
others as well finds them under `pending` and `rejected`.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import httpx, validate_repo_id

from space.store import compaction, copies, health, shards
from space.store.card import Figures, render
from space.store.core import Core, now_microseconds
from space.store.errors import HubError, IndexTroubleError, StoreError, SubmissionError
from space.store.files import locked
from space.store.hub_errors import explained
from space.store.schema import STATUSES

SHARDS_A_COMMIT = 50
SPLITS = {"approved": "train", "pending": "pending", "rejected": "rejected"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pushed:
    """What a push did."""

    shards: int  # sent
    records: int  # in them
    withdrawn: int  # shards deleted on the Hub
    on_hub: int  # records there now
    kept_back: int  # records that are not to be pushed: private, or of another status


def push(
    core: Core,
    hub: HfApi,
    repository: str,
    statuses: Sequence[str] = ("approved",),
    private: bool = True,
    *,
    again: bool = False,
) -> Pushed:
    """Bring the Hub's newest revision up to date.

    Args:
        core: The data directory.
        hub: From `space.store.connection.connect`.
        repository: `USER/NAME` of the dataset.
        statuses: Records of these go up.
        private: Whether the repository is made private when it is made now.
        again: Whether to send again what was withdrawn there while another copy of this data
            directory was in use; see `space.store.copies`.

    Raises:
        SubmissionError: The name cannot be a repository's, or another one was used before.
        HubError: The Hub refused or could not be reached; the next push goes on from there.
    """
    check(core, repository, statuses)
    with locked(core.data_dir / "push.lock", timeout=5.0):
        _pack(core, statuses)
        core.index.remember(last_try=str(now_microseconds()))
        try:
            hub.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
            core.index.remember(hub_dataset=repository, hub_statuses=" ".join(statuses))
            pushed = _push(core, hub, repository, statuses, again)
            if health.due(core, statuses):  # saved, deleted or merged while it was sent
                rest = _push(core, hub, repository, statuses)
                pushed = replace(
                    rest,
                    shards=pushed.shards + rest.shards,
                    records=pushed.records + rest.records,
                    withdrawn=pushed.withdrawn + rest.withdrawn,
                )
        except IndexTroubleError:
            raise  # nor could it be written down
        except HubError as error:
            core.index.remember(last_push_error=str(error))
            raise
        except (HfHubHTTPError, httpx.HTTPError, OSError, ValueError, RuntimeError) as error:
            failed = explained(error, f"The push to {repository} did not go through")
            core.index.remember(last_push_error=failed.reason)
            raise failed from error
        core.index.remember(last_push_error="", last_push=str(now_microseconds()))
    return pushed


def _pack(core: Core, statuses: Sequence[str]) -> None:
    """Merge small shards, which only saves files: what waits goes up without it just as well."""
    try:
        for shelf in shelves_of(statuses):
            compaction.pack(core, shelf)
    except IndexTroubleError:
        raise
    except (OSError, StoreError) as error:
        _log.warning("Small shards could not be merged before the push: %s", error)


def check_name(repository: str) -> None:
    """Refuse what cannot be the name of a dataset; nothing is looked up.

    Raises:
        SubmissionError: What is wrong.
    """
    try:
        validate_repo_id(repository)
    except ValueError as error:
        raise SubmissionError(f"{repository!r} cannot be a dataset on the Hub: {error}") from error
    if "/" not in repository:
        raise SubmissionError(f"A dataset on the Hub is USER/NAME; got {repository!r}.")


def check(core: Core, repository: str, statuses: Sequence[str] = ("approved",)) -> None:
    """Refuse what cannot be pushed, or not to there.

    Raises:
        SubmissionError: What is wrong.
    """
    check_name(repository)
    if set(statuses) - set(STATUSES) or not statuses:
        raise SubmissionError(f"The status is one of {', '.join(STATUSES)}.")
    before = core.index.meta("hub_dataset")
    if before and before != repository:
        raise SubmissionError(
            f"This data directory belongs to {before} on the Hub, where deletions have to arrive "
            f"too. Push there, or export a copy for {repository}."
        )


def shelves_of(statuses: Iterable[str]) -> tuple[str, ...]:
    """Where the records of these statuses lie that may be pushed."""
    return tuple(f"open/{status}" for status in statuses)


def marks(values: Sequence[object]) -> str:
    """Placeholders for some values in SQL."""
    return ", ".join("?" * len(values))


def remote_path(name: str, shelf: str) -> str:
    """Where a shard lies on the Hub."""
    return _path(SPLITS[shelf.split("/")[1]], name)


def _path(split: str, name: str) -> str:
    return f"data/{split}-{name.removeprefix('train-')}"


def local_name(path: str) -> str:
    """The name that a shard on the Hub has here."""
    return "train-" + path.removeprefix("data/").split("-", 1)[1]


def is_shard(path: str) -> bool:
    """Whether a path on the Hub is that of a shard with records."""
    ours = any(path.startswith(f"data/{split}-") for split in SPLITS.values())
    return ours and shards.is_name(local_name(path))


def statuses_of(paths: Iterable[str]) -> tuple[str, ...]:
    """The statuses that were pushed, as the paths of shards tell; approved records always are."""
    there = {path.removeprefix("data/").split("-", 1)[0] for path in paths}
    return tuple(one for one, split in SPLITS.items() if one == "approved" or split in there)


def strangers(core: Core, remote: Iterable[str]) -> list[str]:
    """Shards on the Hub that this data directory knows nothing of."""
    known = core.index.shard_names() | {r["name"] for r in core.index.all("SELECT * FROM retired")}
    return sorted(path for path in remote if is_shard(path) and local_name(path) not in known)


def _push(
    core: Core, hub: HfApi, repository: str, statuses: Sequence[str], again: bool = False
) -> Pushed:
    remote = set(hub.list_repo_files(repository, repo_type="dataset"))
    if unknown := strangers(core, remote):
        reason = (
            f"{repository} holds {len(unknown)} shards that this data directory does not know, "
            "for example of an earlier disk. Fetch them first: python -m space dataset restore"
        )
        raise HubError(f"The push did not go through: {reason}", reason)
    shelves = shelves_of(statuses)
    chosen = core.index.all(
        f"SELECT * FROM shards WHERE shelf IN ({marks(shelves)}) ORDER BY name", shelves
    )
    new = [row for row in chosen if remote_path(row["name"], row["shelf"]) not in remote]
    fresh = {row["name"] for row in new}
    _mark(core, [row for row in chosen if row["name"] not in fresh])
    gone = {row["name"] for row in core.index.all("SELECT name FROM retired")}
    # A record whose status was taken back lies in a shard that is no longer chosen.
    sent = core.index.all("SELECT name FROM shards WHERE pushed_at IS NOT NULL")
    gone |= {row["name"] for row in sent} - {row["name"] for row in chosen}
    # By name, not by `is_shard`: earlier versions sent what they had found under any name.
    withdrawn = sorted(remote & {_path(split, n) for split in SPLITS.values() for n in gone})
    if new or withdrawn or copies.CARD not in remote:
        if copies.CARD in remote:
            copies.guard(core, hub, repository, again=again)
        copy = copies.begin(core)
        changes: list[Any] = [CommitOperationDelete(path) for path in withdrawn]
        changes += _description(core, repository, shelves, remote, copy)
        for start in range(0, max(len(new), 1), SHARDS_A_COMMIT):
            _commit(core, hub, repository, new[start : start + SHARDS_A_COMMIT], changes)
            changes = []
        copies.arrived(core, copy)
    _forget(core, sorted(gone), shelves)
    on_hub = sum(row["rows"] for row in chosen)
    total = sum(core.index.counts("status").values())
    sent_rows = sum(row["rows"] for row in new)
    return Pushed(len(new), sent_rows, len(withdrawn), on_hub, total - on_hub)


def _commit(
    core: Core, hub: HfApi, repository: str, rows: list[sqlite3.Row], changes: list[Any]
) -> None:
    """Send some shards, and what else is to change, in one commit."""
    batch = _attempt(core, rows)
    operations = [
        *(
            CommitOperationAdd(
                remote_path(row["name"], row["shelf"]), core.published.data / row["name"]
            )
            for row in batch
        ),
        *changes,
    ]
    if operations:
        withdrawn = sum(isinstance(change, CommitOperationDelete) for change in changes)
        hub.create_commit(
            repository, operations, commit_message=_message(batch, withdrawn), repo_type="dataset"
        )
    _mark(core, batch)


def _description(
    core: Core, repository: str, shelves: tuple[str, ...], remote: set[str], copy: str
) -> list[CommitOperationAdd]:
    """The card with the figures of what is on the Hub, and the shard that holds the columns."""
    title = repository.split("/")[1]
    figures = _figures(core, shelves)
    # A split without a row cannot be loaded, and would keep the others from being loaded.
    named = [split for status, split in SPLITS.items() if figures.statuses.get(status)]
    card = render(figures, repository, title, copy, named or ["train"])
    operations = [CommitOperationAdd(copies.CARD, card.encode())]
    empty = f"data/{shards.EMPTY_NAME}"
    if empty not in remote:
        operations.append(CommitOperationAdd(empty, core.published.data / shards.EMPTY_NAME))
    return operations


def _figures(core: Core, shelves: tuple[str, ...]) -> Figures:
    """Counts over the records on some shelves, without taking them all into memory."""
    among = (
        f"FROM records WHERE shard IN (SELECT name FROM shards WHERE shelf IN ({marks(shelves)}))"
    )

    def by(column: str) -> dict[str, int]:
        rows = core.index.all(f"SELECT {column}, count(*) AS n {among} GROUP BY 1", shelves)
        return {row[column]: row["n"] for row in rows}

    images = core.index.get(f"SELECT count(DISTINCT image_sha256) AS n {among}", shelves)
    statuses = by("status")
    return Figures(sum(statuses.values()), images["n"] if images else 0, statuses, by("licence"))


def _message(batch: list[sqlite3.Row], withdrawn: int) -> str:
    parts = []
    if batch:
        parts.append(f"Add {sum(row['rows'] for row in batch)} records")
    if withdrawn:
        parts.append(f"withdraw {withdrawn} shards" if parts else "Withdraw shards")
    return ", ".join(parts) or "Describe the dataset"


def _each(core: Core, rows: Sequence[Any], statement: str, values: Callable[[Any], tuple]) -> None:
    if rows:
        with core.index.transaction() as run:
            run.executemany(statement, [values(row) for row in rows])


def _attempt(core: Core, batch: list[sqlite3.Row]) -> list[sqlite3.Row]:
    """Mark shards before they are sent: whatever happens next, they may be on the Hub.

    Returns:
        Those that are still part of the dataset, which are the ones to send. If one of them is
        withdrawn later, its mark makes the next push delete it on the Hub. One that was withdrawn
        before this has no mark: once sent, no push would ever delete it.
    """
    live = []
    with core.index.transaction() as run:
        for row in batch:
            update = "UPDATE shards SET pushed_at = coalesce(pushed_at, 0) WHERE name = ?"
            if run.execute(update, (row["name"],)).rowcount:
                run.execute("UPDATE records SET sent = 1 WHERE shard = ?", (row["name"],))
                live.append(row)
    return live


def _mark(core: Core, batch: list[sqlite3.Row]) -> None:
    """These are on the Hub."""
    now = now_microseconds()
    update = "UPDATE shards SET pushed_at = ? WHERE name = ? AND coalesce(pushed_at, 0) = 0"
    _each(core, batch, update, lambda row: (now, row["name"]))


def _forget(core: Core, names: list[str], shelves: tuple[str, ...]) -> None:
    """These shards are no longer on the Hub, nor are the records on other shelves than these."""
    _each(core, names, "DELETE FROM retired WHERE name = ?", lambda name: (name,))
    _each(core, names, "UPDATE shards SET pushed_at = NULL WHERE name = ?", lambda name: (name,))
    elsewhere = f"SELECT name FROM shards WHERE shelf NOT IN ({marks(shelves)})"
    if names:
        with core.index.transaction() as run:
            run.execute(
                f"UPDATE records SET sent = 0 WHERE sent AND shard IN ({elsewhere})", shelves
            )
