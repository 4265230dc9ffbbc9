"""A reviewer's decision: durable before it is shown, and taken back as a whole.

A record's status is part of its row in a shard, and shards are never changed, so a decision takes
the record out of its shard into a new one of another shelf, by the same exchange as a deletion:
one transaction turns status, review, mask and shard together.

A mended mask replaces the old one in `mask`; the old one stays with the record, as run lengths in
`extra`, with whose it was, so that it travels, is exported and is deleted with the record.

The first decision counts. A second reviewer's opinion, where one is asked for, changes nothing if
it agrees; if it does not, the record waits again, and a third reviewer's decision settles it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from masks import rle
from space.store import compaction, parting
from space.store.core import Core, now_microseconds, prepare_shard
from space.store.errors import IndexTroubleError, SubmissionError, explained
from space.store.pictures import decode_mask, encode_mask, hole_fraction
from space.store.queue import lease
from space.store.records import check_drawing, shelf_of
from space.store.recovery import committed, settle, sweep_litter

DECISIONS = ("approved", "rejected")


@dataclass(frozen=True)
class Fix:
    """A mended mask."""

    mask: np.ndarray  # bool (H, W), True = hole, of the record's size
    strokes: str = ""  # JSON, or empty
    strategy: str = "drawn"


@dataclass(frozen=True)
class _Mask:
    """A mask as the index and a shard have it."""

    data: bytes
    sha256: str
    fraction: float
    strokes: str
    strategy: str


def decide(
    core: Core,
    record_id: str,
    reviewer: str,
    decision: str,
    *,
    alias: str = "reviewer",
    fix: Fix | None = None,
) -> str:
    """Enter a decision; when this returns, it survives a power cut.

    Args:
        core: The data directory.
        record_id: Of the record, which `queue.take` gave to this reviewer.
        reviewer: Who; stays in the index.
        decision: `approved` or `rejected`.
        alias: Who, as it is published in `extra`.
        fix: A mended mask, which becomes the record's mask.

    Returns:
        The record's status now: `pending` if two reviewers disagree.

    Raises:
        SubmissionError: The record is gone, another reviewer's, or decided on already.
        StoreError: The disk or the index refused; nothing has changed.
    """
    if decision not in DECISIONS:
        raise SubmissionError(f"A decision is one of {', '.join(DECISIONS)}, not {decision!r}.")
    now = 0
    try:
        with core.lock():
            settle(core)
            row = _row(core, record_id)
            since, status = _turn(core, row, reviewer, decision)
            mask = _mended(row, fix)
            now, fixed = now_microseconds(), int(mask is not None)
            seconds = (now - since) / 1e6
            values = (record_id, reviewer, decision, fixed, row["status"], now, seconds)

            def enter(run: sqlite3.Connection) -> None:
                run.execute(
                    "INSERT INTO reviews (record_id, reviewer, decision, fixed, status_before, "
                    "decided_at, seconds) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    values,
                )
                run.execute("DELETE FROM leases WHERE record_id = ?", (record_id,))
                run.execute("DELETE FROM skips WHERE record_id = ?", (record_id,))

            extra = _told(core, row, alias, decision, mask)
            _rewrite(core, row, status, extra, mask, enter)
    except (OSError, IndexTroubleError) as error:
        query = "SELECT 1 FROM reviews WHERE record_id = ? AND reviewer = ? AND decided_at = ?"
        mine = (record_id, reviewer, now)
        if not committed(core, lambda: core.index.get(query, mine) is not None):
            raise explained(error, "enter this decision") from error
    compaction.soon(core)  # each decision is a shard of its own
    return status


def undo(core: Core, reviewer: str) -> str:
    """Take a reviewer's last decision back; the record is the reviewer's again.

    Returns:
        The record's id.

    Raises:
        SubmissionError: There is none, or somebody else has decided on the record since.
        StoreError: The disk or the index refused; nothing has changed.
    """
    last = None
    try:
        with core.lock():
            settle(core)
            last = _last(core, reviewer)
            row = _row(core, last["record_id"])
            extra = json.loads(row["extra"])
            extra["reviews"] = extra.get("reviews", [])[:-1]
            mask = None
            if last["fixed"]:
                mask = _earlier(row, extra["earlier_masks"].pop())
            extra = {k: v for k, v in extra.items() if v or k not in ("reviews", "earlier_masks")}

            def enter(run: sqlite3.Connection) -> None:
                run.execute("DELETE FROM reviews WHERE id = ?", (last["id"],))
                run.execute("DELETE FROM leases WHERE record_id = ?", (row["id"],))
                lease(run, row["id"], reviewer, now_microseconds())

            _rewrite(core, row, last["status_before"], extra, mask, enter)
    except (OSError, IndexTroubleError) as error:
        if last is None or not committed(core, lambda: _is_taken_back(core, last["id"])):
            raise explained(error, "take this decision back") from error
    compaction.soon(core)
    return str(row["id"])


def _is_taken_back(core: Core, review: int) -> bool:
    return core.index.get("SELECT 1 FROM reviews WHERE id = ?", (review,)) is None


def can_undo(core: Core, reviewer: str) -> bool:
    """Whether there is a decision that `undo` would take back now."""
    try:
        _last(core, reviewer)
    except SubmissionError:
        return False
    return True


def _last(core: Core, reviewer: str) -> sqlite3.Row:
    """A reviewer's last decision, if it is the last on its record as well."""
    last = core.index.get(
        "SELECT * FROM reviews WHERE reviewer = ? ORDER BY id DESC LIMIT 1", (reviewer,)
    )
    if last is None:
        raise SubmissionError("There is no decision of yours to take back.")
    later = "SELECT 1 FROM reviews WHERE record_id = ? AND id > ?"
    if core.index.get(later, (last["record_id"], last["id"])):
        raise SubmissionError("Somebody else has decided on this record since.")
    return last


def _row(core: Core, record_id: str) -> sqlite3.Row:
    row = core.index.get("SELECT * FROM records WHERE id = ?", (record_id,))
    if row is None:
        raise SubmissionError("This record was deleted meanwhile.")
    return row


def _turn(core: Core, row: sqlite3.Row, reviewer: str, decision: str) -> tuple[int, str]:
    """Whether it is this reviewer's turn, and what comes of the decision.

    The first decision sets the status. A second one keeps it if it agrees, and lets the record wait
    again if not; the third settles it.

    Args:
        core: The data directory.
        row: The record, as the index has it.
        reviewer: Who decides.
        decision: `approved` or `rejected`.

    Returns:
        Since when the reviewer has had the record, in microseconds, and its status from now on.

    Raises:
        SubmissionError: The reviewer has decided on it before, or it is another's turn.
    """
    opinions = core.index.all(
        "SELECT reviewer, decision FROM reviews WHERE record_id = ? ORDER BY id", (row["id"],)
    )
    if any(opinion["reviewer"] == reviewer for opinion in opinions):
        raise SubmissionError("You have decided on this record already. Undo that first.")
    held = core.index.get("SELECT * FROM leases WHERE record_id = ?", (row["id"],))
    now = now_microseconds()
    mine = held is not None and held["reviewer"] == reviewer
    if held is not None and not mine and held["until"] > now:
        raise SubmissionError("Another reviewer has this record open now.")
    if not mine and row["status"] != "pending":
        raise SubmissionError("Somebody else has decided on this record meanwhile.")
    since = held["since"] if held is not None and mine else now
    if len(opinions) != 1:
        return since, decision
    return since, row["status"] if opinions[0]["decision"] == decision else "pending"


def _mended(row: sqlite3.Row, fix: Fix | None) -> _Mask | None:
    """The new mask; None if it is the old one.

    Raises:
        SubmissionError: It cannot be a record's mask, or what is said of it cannot be stored.
    """
    if fix is None:
        return None
    check_drawing(fix.strategy, fix.strokes)
    data = encode_mask(fix.mask, row["width"], row["height"])
    digest = hashlib.sha256(data).hexdigest()
    if digest == row["mask_sha256"]:
        return None
    return _Mask(data, digest, hole_fraction(fix.mask), fix.strokes, fix.strategy)


def _told(
    core: Core, row: sqlite3.Row, alias: str, decision: str, mask: _Mask | None
) -> dict[str, Any]:
    """The record's `extra` with the decision in it, and what stays of a mask that is replaced."""
    extra: dict[str, Any] = json.loads(row["extra"])
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    extra.setdefault("reviews", []).append(
        {"by": alias, "decision": decision, "at": stamp, "fixed": mask is not None}
    )
    if mask is not None:
        [whole] = core.rows([row])
        extra.setdefault("earlier_masks", []).append(
            {
                "replaced_at": stamp,
                "replaced_by": alias,
                "strategy": row["strategy"],
                "strokes": whole["strokes"],
                "counts": rle.encode(decode_mask(whole["mask"])),
            }
        )
    return extra


def _earlier(row: sqlite3.Row, kept: dict[str, Any]) -> _Mask:
    """A replaced mask, as it was."""
    try:
        pixels = rle.decode(kept["counts"], row["height"], row["width"])
    except ValueError as error:
        raise SubmissionError(f"The replaced mask cannot be read: {error}.") from error
    data = encode_mask(pixels, row["width"], row["height"])
    digest = hashlib.sha256(data).hexdigest()
    return _Mask(data, digest, hole_fraction(pixels), kept["strokes"], kept["strategy"])


def _rewrite(
    core: Core,
    row: sqlite3.Row,
    status: str,
    extra: dict[str, Any],
    mask: _Mask | None,
    enter: Callable[[sqlite3.Connection], None],
) -> None:
    """Move a record into a shard of its own with new values. The lock has to be held."""
    old, record_id = row["shard"], row["id"]
    values: dict[str, Any] = {
        "status": status,
        "extra": json.dumps(extra, ensure_ascii=False),
    }
    [whole] = core.rows([row])
    size = len(whole["image"]) + len(whole["mask"] if mask is None else mask.data)
    core.make_room(2 * size + parting.bytes_of(core, old) + core.reserve(size))
    if mask is not None:
        values |= {"hole_fraction": mask.fraction, "strategy": mask.strategy}
        whole |= {"mask": mask.data, "strokes": mask.strokes}
    rest = parting.rest_of(core, old, {record_id})
    alone = prepare_shard(core, [{**whole, **values}], shelf_of(row["licence"], status))
    if mask is not None:
        core.objects.put("masks", mask.sha256, mask.data)
    core.step("decision prepared")

    def change(run: sqlite3.Connection) -> None:
        parting.move(run, rest)
        columns = ", ".join(f"{name} = ?" for name in values)
        run.execute(
            f"UPDATE records SET {columns}, shard = ? WHERE id = ?",
            (*values.values(), alone[1].name, record_id),
        )
        if mask is not None:
            _replace_mask(run, row, mask)
        enter(run)

    core.exchange({old}, [*((part.path, part.shard) for part in rest), alone], change)
    sweep_litter(core)
    if mask is not None:
        (core.thumbnails / f"{record_id}.jpg").unlink(missing_ok=True)
    core.published.write_card(core.card())


def _replace_mask(run: sqlite3.Connection, row: sqlite3.Row, mask: _Mask) -> None:
    """Count the uses of both masks anew, as part of a transaction."""
    old = ("masks", row["mask_sha256"])
    run.execute("UPDATE records SET mask_sha256 = ? WHERE id = ?", (mask.sha256, row["id"]))
    run.execute(
        "INSERT INTO objects VALUES ('masks', ?, ?, 1) ON CONFLICT DO UPDATE SET uses = uses + 1",
        (mask.sha256, len(mask.data)),
    )
    run.execute("UPDATE objects SET uses = uses - 1 WHERE kind = ? AND sha256 = ?", old)
    run.execute("DELETE FROM objects WHERE kind = ? AND sha256 = ? AND uses <= 0", old)
    run.execute("INSERT OR IGNORE INTO litter VALUES (?, ?)", old)
    run.execute("DELETE FROM strokes WHERE record_id = ?", (row["id"],))
    if mask.strokes:
        run.execute("INSERT INTO strokes VALUES (?, ?)", (row["id"], mask.strokes))
