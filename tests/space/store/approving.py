"""A reviewer's decision, as the tests of the store need it."""

from space.store import Store, deciding


def set_status(store: Store, record_id: str, status: str) -> None:
    """Give a record another status, whatever it had, as a reviewer who has said nothing yet."""
    reviews = "SELECT count(*) AS n FROM reviews WHERE record_id = ?"
    row = store.core.index.get(reviews, (record_id,))
    with store.core.index.transaction() as run:
        run.execute("DELETE FROM leases WHERE record_id = ?", (record_id,))
        run.execute("DELETE FROM reviews WHERE record_id = ?", (record_id,))
        run.execute("INSERT INTO leases SELECT id, ?, 0, ? FROM records WHERE id = ?",
                    (f"r{row['n']}", 2**62, record_id))  # fmt: skip
    deciding.decide(store.core, record_id, f"r{row['n']}", status)
