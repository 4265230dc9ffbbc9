"""Which record a reviewer gets next: a lease, so that nobody else gets the same one meanwhile.

A lease is a row of the index with an end. Whoever dies, or goes home, loses it by time; whoever
reloads the page gets the record back that was open. Everything is one transaction of SQLite, which
lets one writer in at a time, so two processes cannot take the same record.
"""

import sqlite3
from dataclasses import dataclass

from space.store.core import Core, now_microseconds
from space.store.records import Record, record_of
from space.store.schema import PRIVATE

LEASE_SECONDS = 600.0
_SECOND = 1_000_000

_FIRST = "r.status = 'pending'"
# One decision, by somebody else. Records that were imported with their status have none here.
_SECOND_OPINION = (
    "r.status != 'pending' AND (SELECT count(*) FROM reviews v WHERE v.record_id = r.id) = 1"
)
_NOT_MINE = "NOT EXISTS (SELECT 1 FROM reviews v WHERE v.record_id = r.id AND v.reviewer = :who)"


@dataclass(frozen=True)
class Queue:
    """What is left for one reviewer."""

    waiting: int
    """Records without a decision that holds, or those that lack a second opinion, whichever was
    asked for. Records that other reviewers have open are among them."""
    skipped: int
    """Those of them that this reviewer has put off."""


def take(
    core: Core,
    reviewer: str,
    *,
    second: bool = False,
    private: bool = True,
) -> Record | None:
    """The record that a reviewer looks at next, oldest first, held for some time.

    Args:
        core: The data directory.
        reviewer: Who.
        second: Whether records that one other reviewer has decided on are wanted instead.
        private: Whether records that are not to leave this machine may be shown.

    Returns:
        The one that the reviewer has already if there is such, else a new one; None if there is
        nothing left that this reviewer has neither decided on nor skipped.

    Raises:
        StoreError: The index cannot be written to.
    """
    now = now_microseconds()
    wanted, shown = _conditions(second, private)
    held = (
        f"SELECT r.* FROM leases l JOIN records r ON r.id = l.record_id WHERE l.reviewer = :who "
        f"AND {wanted} AND {shown} AND {_NOT_MINE} LIMIT 1"
    )
    fresh = (
        f"SELECT r.* FROM records r WHERE {wanted} AND {shown} AND {_NOT_MINE} "
        "AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.record_id = r.id) "
        "AND NOT EXISTS (SELECT 1 FROM skips s WHERE s.record_id = r.id AND s.reviewer = :who) "
        "ORDER BY r.id LIMIT 1"
    )
    with core.index.transaction() as run:
        run.execute("DELETE FROM leases WHERE until <= ?", (now,))
        row = run.execute(held, {"who": reviewer}).fetchone()
        if row is None:
            row = run.execute(fresh, {"who": reviewer}).fetchone()
        if row is None:
            return None
        lease(run, row["id"], reviewer, now)
        return record_of(row)


def renew(core: Core, record_id: str, reviewer: str) -> bool:
    """Hold a record for longer, before something that takes time.

    Returns:
        False if somebody else has it, or has decided on it since this reviewer's time ran out: the
        lease would let the reviewer overrule that decision.

    Raises:
        StoreError: The index cannot be written to.
    """
    now = now_microseconds()
    with core.index.transaction() as run:
        run.execute("DELETE FROM leases WHERE until <= ?", (now,))
        row = run.execute(
            "SELECT l.reviewer, r.status FROM records r LEFT JOIN leases l "
            "ON l.record_id = r.id WHERE r.id = ?",
            (record_id,),
        ).fetchone()
        held = row is not None and row["reviewer"] == reviewer
        free = row is not None and row["reviewer"] is None and row["status"] == "pending"
        if not (held or free):
            return False
        lease(run, record_id, reviewer, now)
        return True


def lease(run: sqlite3.Connection, record_id: str, reviewer: str, now: int) -> None:
    """Hold a record for a reviewer, and no other with it, as part of a transaction."""
    run.execute("DELETE FROM leases WHERE reviewer = ? AND record_id != ?", (reviewer, record_id))
    until = now + round(LEASE_SECONDS * _SECOND)
    run.execute(
        "INSERT INTO leases VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET until = excluded.until",
        (record_id, reviewer, now, until),
    )


def skip(core: Core, record_id: str, reviewer: str) -> None:
    """Put a record off: this reviewer does not get it again before `unskip`, others may.

    Raises:
        StoreError: The index cannot be written to.
    """
    with core.index.transaction() as run:
        # Not for a record that was deleted meanwhile: nothing would ever clear it away.
        run.execute(
            "INSERT OR IGNORE INTO skips SELECT id, ? FROM records WHERE id = ?",
            (reviewer, record_id),
        )
        run.execute(
            "DELETE FROM leases WHERE record_id = ? AND reviewer = ?", (record_id, reviewer)
        )


def unskip(core: Core, reviewer: str) -> None:
    """Let a reviewer get again what was skipped."""
    with core.index.transaction() as run:
        run.execute("DELETE FROM skips WHERE reviewer = ?", (reviewer,))


def left(core: Core, reviewer: str, *, second: bool = False, private: bool = True) -> Queue:
    """How much is left to do, of what `take` would hand out with the same arguments."""
    wanted, shown = _conditions(second, private)
    mine = f"{wanted} AND {shown} AND {_NOT_MINE if second else '1'}"

    def count(query: str) -> int:
        row = core.index.get(f"SELECT count(*) AS n {query}", {"who": reviewer})
        return int(row["n"]) if row else 0

    skipped = count(
        f"FROM skips s JOIN records r ON r.id = s.record_id WHERE s.reviewer = :who AND {mine}"
    )
    if private and not second:  # a running count, which takes no longer the more there is
        return Queue(core.index.counts("status").get("pending", 0), skipped)
    return Queue(count(f"FROM records r WHERE {mine}"), skipped)


def _conditions(second: bool, private: bool) -> tuple[str, str]:
    """What records a reviewer wants, and which of them may be shown; SQL about `records r`."""
    wanted = _SECOND_OPINION if second else _FIRST
    return wanted, "1" if private else f"r.licence != '{PRIVATE}'"
