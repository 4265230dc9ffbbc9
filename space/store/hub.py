"""Push the dataset to the Hugging Face Hub: new shards up, withdrawn ones away, nothing twice.

Shards never change and their names never repeat, so the repository's list of files says what has
arrived, whatever died in between. Each shard is marked before it is sent: if it is withdrawn
later, because a record in it was deleted or it was merged, its name is kept until it is gone from
the Hub too. Records under the `private` licence lie in shards of their own and are never sent.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import httpx, validate_repo_id

from space.store import shards
from space.store.card import render
from space.store.core import Core, now_microseconds
from space.store.errors import StoreError, SubmissionError
from space.store.exporting import figures_of
from space.store.files import locked
from space.store.index import set_meta
from space.store.schema import STATUSES

SHARDS_A_COMMIT = 50


class Hub(Protocol):
    """The part of `huggingface_hub.HfApi` that is used."""

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool, exist_ok: bool) -> Any:  # noqa: ANN401
        """Make the repository if it is not there."""

    def list_repo_files(self, repo_id: str, *, repo_type: str) -> list[str]:
        """Every path in the newest revision."""

    def create_commit(
        self, repo_id: str, operations: list[Any], *, commit_message: str, repo_type: str
    ) -> Any:  # noqa: ANN401
        """Carry all operations out at once."""


@dataclass(frozen=True)
class Pushed:
    """What a push did."""

    shards: int  # sent
    records: int  # in them
    withdrawn: int  # shards deleted on the Hub
    on_hub: int  # records there now
    kept_back: int  # records that are not to be pushed: private, or of another status


def push(
    core: Core, hub: Hub, repository: str, statuses: Sequence[str], private: bool = True
) -> Pushed:
    """Bring the Hub's newest revision up to date.

    Args:
        core: The data directory.
        hub: A `huggingface_hub.HfApi`.
        repository: `USER/NAME` of the dataset.
        statuses: Records of these go up.
        private: Whether the repository is made private when it is made now.

    Raises:
        SubmissionError: The name cannot be a repository's, or another one was used before.
        StoreError: The Hub refused or could not be reached; the next push goes on from there.
    """
    _check(core, repository, statuses)
    with locked(core.data_dir / "push.lock", timeout=5.0):
        try:
            hub.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
            with core.index.transaction() as run:
                set_meta(run, "hub_dataset", repository)
            pushed = _push(core, hub, repository, statuses)
            if core.index.get("SELECT 1 FROM retired"):  # deleted or merged while it was sent
                again = _push(core, hub, repository, statuses)
                pushed = replace(again, shards=pushed.shards, records=pushed.records)
        except (HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            _remember(core, "last_push_error", reason)
            raise StoreError(f"The push to {repository} did not go through: {reason}") from error
        _remember(core, "last_push_error", "")
        _remember(core, "last_push", str(now_microseconds()))
    return pushed


def _check(core: Core, repository: str, statuses: Sequence[str]) -> None:
    try:
        validate_repo_id(repository)
    except ValueError as error:
        raise SubmissionError(f"{repository!r} cannot be a dataset on the Hub: {error}") from error
    if "/" not in repository:
        raise SubmissionError(f"A dataset on the Hub is USER/NAME; got {repository!r}.")
    unknown = set(statuses) - set(STATUSES)
    if unknown or not statuses:
        raise SubmissionError(f"The status is one of {', '.join(STATUSES)}.")
    before = core.index.meta("hub_dataset")
    if before and before != repository:
        raise SubmissionError(
            f"This data directory belongs to {before} on the Hub, where deletions have to arrive "
            f"too. Push there, or export a copy for {repository}."
        )


def _remember(core: Core, key: str, value: str) -> None:
    with core.index.transaction() as run:
        set_meta(run, key, value)


def _push(core: Core, hub: Hub, repository: str, statuses: Sequence[str]) -> Pushed:
    remote = set(hub.list_repo_files(repository, repo_type="dataset"))
    shelves = [f"open/{status}" for status in statuses]
    chosen = core.index.all(
        f"SELECT * FROM shards WHERE shelf IN ({', '.join('?' * len(shelves))}) ORDER BY name",
        tuple(shelves),
    )
    new = [row for row in chosen if f"data/{row['name']}" not in remote]
    _mark(core, [row for row in chosen if row not in new])
    retired = [row["name"] for row in core.index.all("SELECT name FROM retired")]
    # A record whose status was taken back lies in a shard that is no longer chosen.
    unwanted = core.index.all("SELECT name FROM shards WHERE pushed_at IS NOT NULL")
    names = {row["name"] for row in chosen}
    retired += [row["name"] for row in unwanted if row["name"] not in names]
    withdrawn = [name for name in retired if f"data/{name}" in remote]
    if new or withdrawn or "README.md" not in remote:
        batches = [new[i : i + SHARDS_A_COMMIT] for i in range(0, len(new), SHARDS_A_COMMIT)]
        for number, batch in enumerate(batches or [[]], start=1):
            last = number == max(len(batches), 1)
            batch = _attempt(core, batch)
            operations: list[Any] = [*_additions(core, batch)]
            if last:
                operations += [CommitOperationDelete(f"data/{name}") for name in withdrawn]
                operations += _description(core, repository, chosen, remote)
            if operations:
                hub.create_commit(
                    repository,
                    operations,
                    commit_message=_message(batch, withdrawn if last else []),
                    repo_type="dataset",
                )
            _mark(core, batch)
    _forget(core, retired)
    on_hub = sum(row["rows"] for row in chosen)
    total = sum(core.index.counts("status").values())
    return Pushed(len(new), sum(row["rows"] for row in new), len(withdrawn), on_hub, total - on_hub)


def _additions(core: Core, batch: list[sqlite3.Row]) -> list[CommitOperationAdd]:
    return [
        CommitOperationAdd(f"data/{row['name']}", core.published.data / row["name"])
        for row in batch
    ]


def _description(
    core: Core, repository: str, chosen: list[sqlite3.Row], remote: set[str]
) -> list[CommitOperationAdd]:
    """The card with the figures of what is on the Hub, and the shard that holds the columns."""
    records = [record for row in chosen for record in core.records_in(row["name"])]
    title, copy = repository.split("/")[1], f"{now_microseconds():x}"
    card = render(figures_of(records), repository, title, copy)
    operations = [CommitOperationAdd("README.md", card.encode())]
    empty = f"data/{shards.EMPTY_NAME}"
    if empty not in remote:
        operations.append(CommitOperationAdd(empty, core.published.data / shards.EMPTY_NAME))
    return operations


def _message(batch: list[sqlite3.Row], withdrawn: list[str]) -> str:
    parts = []
    if batch:
        parts.append(f"Add {sum(row['rows'] for row in batch)} records")
    if withdrawn:
        parts.append(f"withdraw {len(withdrawn)} shards" if parts else "Withdraw shards")
    return ", ".join(parts) or "Describe the dataset"


def _each(core: Core, rows: Sequence[Any], statement: str, values: Callable[[Any], tuple]) -> None:
    if rows:
        with core.index.transaction() as run:
            run.executemany(statement, [values(row) for row in rows])


def _attempt(core: Core, batch: list[sqlite3.Row]) -> list[sqlite3.Row]:
    """From now on these may be on the Hub, whatever happens next.

    Returns:
        Those that are still part of the dataset. What is withdrawn from now on is remembered,
        since it is marked; what was withdrawn before must not be sent, since nobody would.
    """
    live = []
    with core.index.transaction() as run:
        for row in batch:
            update = "UPDATE shards SET pushed_at = coalesce(pushed_at, 0) WHERE name = ?"
            if run.execute(update, (row["name"],)).rowcount:
                live.append(row)
    return live


def _mark(core: Core, batch: list[sqlite3.Row]) -> None:
    """These are on the Hub."""
    now = now_microseconds()
    update = "UPDATE shards SET pushed_at = ? WHERE name = ? AND coalesce(pushed_at, 0) = 0"
    _each(core, batch, update, lambda row: (now, row["name"]))


def _forget(core: Core, names: list[str]) -> None:
    """These are no longer on the Hub."""
    _each(core, names, "DELETE FROM retired WHERE name = ?", lambda name: (name,))
    _each(core, names, "UPDATE shards SET pushed_at = NULL WHERE name = ?", lambda name: (name,))
