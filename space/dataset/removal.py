"""Deleting without a receipt, by whoever runs the app: what is meant, shown, and removed.

Somebody has to be able to take out what is illegal, or all that one person saved, whoever has
the receipts. It needs the data directory itself, so there is no way to it over the network.
"""

from collections.abc import Callable, Sequence

from space import contributions
from space.store import Record, Store, SubmissionError, removing
from space.store.records import record_of
from space.words import counted

_NOBODY = "anonymous"


def one(store: Store, record_id: str) -> list[Record]:
    """The record of an id; none if it was deleted already, which may be to be brought to its end.

    Raises:
        SubmissionError: There never was one.
    """
    if store.core.index.get("SELECT 1 FROM tombstones WHERE id = ?", (record_id,)):
        return []
    return [store.get(record_id)]


def of_contributor(store: Store, contributor: str) -> list[Record]:
    """Everything that somebody saved, oldest first.

    Raises:
        SubmissionError: It is no pseudonym of one person.
    """
    if contributor == _NOBODY:
        raise SubmissionError(
            f"{_NOBODY} is everybody without a name, not one contributor. Name the records: "
            "delete RECORD_ID --operator."
        )
    query = "SELECT * FROM records WHERE contributor = ? ORDER BY id"
    return [record_of(row) for row in store.core.index.all(query, (contributor,))]


def say_nobody(
    store: Store, contributor: str | None, user: str | None, say: Callable[[str], None]
) -> None:
    """Say that nothing was found of somebody, and why that may be."""
    say(f"No record is by {contributor or store.pseudonym(user or '')}.")
    if user:
        say(
            f"Records from before a restore on another disk carry another pseudonym of {user}: "
            "find it in the column contributor, and give it with --contributor. Records saved "
            "without signing in carry none."
        )


def delete(
    store: Store, records: Sequence[Record], say: Callable[[str], None], *, dry_run: bool
) -> int:
    """List records and delete them, with all copies that the app keeps; how many went.

    Args:
        store: Whose records.
        records: Those that are meant.
        say: Takes each line of output.
        dry_run: Only list them.

    Raises:
        StoreError: The disk or the index refused; to call again goes on.
    """
    for record in records:
        say(
            f"{record.id}  {record.created_at:%Y-%m-%d %H:%M}  {record.status}  {record.licence}  "
            f"{record.contributor}  {record.width} x {record.height}  {record.strategy}"
        )
    others = _others_with(store, records)
    if dry_run:
        say(f"{counted(len(records), 'record')} would be deleted. Nothing was changed.")
        count = 0
    else:
        count = len(removing.remove(store.core, [record.id for record in records]))
        contributions.forget(store)  # also what an earlier attempt was cut off from
        say(f"{counted(count, 'record')} deleted.")
    if others:
        say(f"Other records have the same photos, which stay with them: {', '.join(others)}")
    return count


def _others_with(store: Store, records: Sequence[Record]) -> list[str]:
    """The records that are not meant and have a photo of those that are."""
    meant = {record.id for record in records}
    query = "SELECT id FROM records WHERE image_sha256 = ? ORDER BY id"
    photos = sorted({record.image_sha256 for record in records})
    found = [row["id"] for sha in photos for row in store.core.index.all(query, (sha,))]
    return [record_id for record_id in found if record_id not in meant]
