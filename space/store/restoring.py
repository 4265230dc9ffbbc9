"""Bring a dataset back from the Hub onto an empty disk.

A shard comes back under its own name with its own bytes, so it counts as pushed from the start and
nothing travels twice. Receipts go on working: their hashes are in the shards. Each shard is taken
in as a save is, so an interruption leaves whole shards or nothing of them, and the next attempt
goes on with those that are missing. Records that were deleted here do not come back.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import httpx

from space.store import recovery, shards
from space.store.core import Core, add_whole_shard, now_microseconds, prepare_shard
from space.store.errors import SubmissionError
from space.store.files import locked, sync_directory, sync_file
from space.store.hub import Hub, check, is_shard, local_name, remember
from space.store.hub_errors import explained
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
    core: Core, hub: Hub, repository: str, progress: Callable[[int, int], None] | None = None
) -> int:
    """Take in every record of a dataset on the Hub that is not here.

    Args:
        core: The data directory; what it holds already stays.
        hub: A `huggingface_hub.HfApi`.
        repository: `USER/NAME` of the dataset.
        progress: Called with the number of shards that are done, and of all.

    Returns:
        How many records came.

    Raises:
        SubmissionError: The name cannot be a repository's, or another one was used before.
        HubError: The Hub refused or could not be reached; nothing is lost, try again.
    """
    check(core, repository)
    folder = core.data_dir / "restoring"
    with locked(core.data_dir / "push.lock", timeout=5.0):
        if is_empty(core):
            remember(core, restoring=repository)
        try:
            count = _fetch_all(core, hub, repository, folder, progress)
        except RepositoryNotFoundError:
            # The first push makes it. Or the token is missing or wrong: the Hub answers alike, so
            # it is looked for again.
            return 0
        except (*_FAILURES, pa.ArrowException) as error:
            if isinstance(error, SubmissionError):
                raise
            failed = explained(error, f"{repository} could not be restored")
            remember(core, last_push_error=failed.reason)
            raise failed from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        remember(core, restoring="", hub_dataset=repository, last_push_error="")
    with core.lock():
        core.published.write_card(core.card())
    return count


def _fetch_all(
    core: Core,
    hub: Hub,
    repository: str,
    folder: Path,
    progress: Callable[[int, int], None] | None,
) -> int:
    revision = hub.repo_info(repository, repo_type="dataset").sha
    paths = hub.list_repo_files(repository, repo_type="dataset", revision=revision)
    wanted = [path for path in paths if is_shard(path)]
    count = 0
    for number, path in enumerate(wanted, start=1):
        if local_name(path) not in core.index.shard_names():
            fetched = hub.hf_hub_download(
                repository, path, repo_type="dataset", revision=revision, local_dir=str(folder)
            )
            with core.lock():
                recovery.settle(core)
                count += _take_in(core, Path(fetched), local_name(path))
        if progress is not None:
            progress(number, len(wanted))
    return count


def _take_in(core: Core, fetched: Path, name: str) -> int:
    """Enter a fetched shard; returns how many of its records were new. The lock has to be held."""
    prepared = core.incoming / name
    fetched.replace(prepared)
    sync_file(prepared)
    sync_directory(core.incoming)
    fresh, total = recovery.unknown_entries(core, prepared)
    shelves = by_shelf(fresh)
    if len(fresh) == total and len(shelves) == 1:
        [shelf] = shelves
        shard = shards.shard_at(prepared, shelf, total)
        with core.index.transaction() as run:
            add_whole_shard(run, shard, fresh)
            run.execute(
                "UPDATE shards SET pushed_at = ? WHERE name = ?", (now_microseconds(), name)
            )
        core.published.add(prepared)
        return total
    # Some of it is here or was deleted: what is new goes into shards of our own, and the shard
    # on the Hub is withdrawn with the next push, which sends those instead.
    for shelf, entries in shelves.items():
        _take_in_part(core, prepared, shelf, entries)
    with core.index.transaction() as run:
        run.execute("INSERT OR IGNORE INTO retired VALUES (?)", (name,))
    prepared.unlink()
    return len(fresh)


def _take_in_part(core: Core, source: Path, shelf: str, entries: list[dict[str, Any]]) -> None:
    path, shard = prepare_shard(core, recovery.rows_of(source, entries), shelf)
    with core.index.transaction() as run:
        add_whole_shard(run, shard, entries)
    core.published.add(path)
