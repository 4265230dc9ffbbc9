"""How the dataset is doing: how much there is, what waits for the Hub, and what went wrong there.

The cost does not depend on the number of records: counts are kept by triggers, and shards are few.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from space.processes import at_work
from space.store.core import Core
from space.store.schema import STATUSES
from space.store.shards import made_at

_PUSHED = ("approved",)


def info(core: Core) -> dict[str, Any]:
    """Counts, sizes and the state of the Hub.

    Returns:
        `records`, `images`, one count for each status; `synced`: records whose shard is on the
        Hub; `bytes` of photos, masks and shards; `waiting`: records that are to go to the Hub and
        have not arrived; `failed`: waiting records that the last push failed to send; `shards`,
        `shards_synced`; `hub_dataset`, `last_push`, `next_push` (ISO, UTC) and `last_error`, each
        None where there is none.
    """
    index = core.index
    statuses = index.counts("status")
    shelves = {f"open/{status}" for status in _wanted(index.meta("hub_statuses"))}
    here = synced = waiting = failed = size = there = 0
    tried = bool(index.meta("last_push_error"))
    attempt = int(index.meta("last_try") or 0) // 1000
    for shard in index.all("SELECT name, shelf, rows, bytes, pushed_at FROM shards"):
        here += 1
        size += shard["bytes"]
        if (shard["pushed_at"] or 0) > 0:
            there += 1
            synced += shard["rows"]
        elif shard["shelf"] in shelves:
            waiting += shard["rows"]
            failed += shard["rows"] if tried and made_at(shard["name"]) <= attempt else 0
    return {
        "records": sum(statuses.values()),
        "images": index.counts("kind").get("originals", 0),
        **{status: statuses.get(status, 0) for status in STATUSES},
        "synced": synced,
        "bytes": size + sum(index.counts("bytes").values()),
        "waiting": waiting,
        "failed": failed,
        "shards": here,
        "shards_synced": there,
        "hub_dataset": index.meta("hub_dataset") or None,
        "last_push": _moment(index.meta("last_push")),
        "next_push": _next_push(core),
        "last_error": index.meta("last_push_error") or None,
    }


def _wanted(words: str) -> tuple[str, ...]:
    return tuple(words.split()) or _PUSHED


def _moment(microseconds: str) -> str | None:
    if not microseconds:
        return None
    return datetime.fromtimestamp(int(microseconds) / 1e6, UTC).isoformat(timespec="seconds")


def _next_push(core: Core) -> str | None:
    """When the next push is, if whoever announced it is still there to do it."""
    when, process = core.index.meta("next_push"), core.index.meta("syncer")
    return _moment(when) if when and at_work({"pid": process, "time": int(when) / 1e6}) else None


def due(core: Core, statuses: Sequence[str]) -> bool:
    """Whether a push would have something to do, told without asking the Hub."""
    wanted = {f"open/{status}" for status in statuses}
    if core.index.get("SELECT 1 FROM retired"):
        return True
    for row in core.index.all("SELECT shelf, pushed_at FROM shards"):
        if row["shelf"] in wanted and not row["pushed_at"]:
            return True  # never sent, or not confirmed
        if row["shelf"] not in wanted and row["pushed_at"] is not None:
            return True  # to be withdrawn
    return False
