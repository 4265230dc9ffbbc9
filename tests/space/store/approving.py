"""A reviewer's decision, as the tests of the store need it."""

from space.store import Store, SubmissionError, recovery
from space.store.core import prepare_shard
from space.store.records import shelf_of


def set_status(store: Store, record_id: str, status: str) -> None:
    """Give a record another status: out of its shard, into one of another shelf."""
    core = store.core
    with core.lock():
        recovery.settle(core)
        row = core.index.get("SELECT * FROM records WHERE id = ?", (record_id,))
        if row is None:
            raise SubmissionError(f"There is no record {record_id!r}.")
        if row["status"] == status:
            return
        old = row["shard"]
        others = [other for other in core.records_in(old) if other["id"] != record_id]
        shelf = shelf_of(row["licence"], row["status"])
        rest = [prepare_shard(core, core.rows(others), shelf)] if others else []
        [moved] = core.rows([row])
        new = prepare_shard(core, [{**moved, "status": status}], shelf_of(row["licence"], status))

        def change(run) -> None:
            for _, shard in rest:
                run.execute("UPDATE records SET shard = ? WHERE shard = ?", (shard.name, old))
            run.execute(
                "UPDATE records SET status = ?, shard = ? WHERE id = ?",
                (status, new[1].name, record_id),
            )

        core.exchange({old}, [*rest, new], change)
        core.published.write_card(core.card())
