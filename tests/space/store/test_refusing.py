"""A disk that refuses in the middle of an operation: what is said then is what is so."""

import errno
import os
from pathlib import Path

import pytest

from space.store import Store, StoreError, deciding, removing
from tests.space.store.conftest import make_submission
from tests.space.store.test_crashes import ids_of


class Refusing:
    """An observer of steps at one of which the disk refuses, once."""

    def __init__(self) -> None:
        self.step = ""

    def __call__(self, name: str) -> None:
        if name == self.step:
            self.step = ""
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["directory made", "exchange committed", "link moved"])
def test_what_was_decided_is_not_said_to_have_failed(tmp_path: Path, step: str) -> None:
    refusing = Refusing()
    store = Store.open(tmp_path / "data", on_step=refusing)
    first, second, third = (store.save(make_submission(seed)) for seed in range(3))
    began = step == "directory made"

    def tried(action, *arguments):
        refusing.step = step
        if not began:
            return action(*arguments)
        with pytest.raises(StoreError, match=r"Could not .*: the disk is full"):
            action(*arguments)
        return None

    def status() -> str:
        return store.get(first.record_id).status

    tried(deciding.decide, store.core, first.record_id, "ann", "approved")
    assert status() == ("pending" if began else "approved")
    if began:
        deciding.decide(store.core, first.record_id, "ann", "approved")
    tried(deciding.undo, store.core, "ann")
    assert status() == ("approved" if began else "pending")
    gone = tried(store.delete, second.record_id, second.token)
    assert began or gone.id == second.record_id
    removed = tried(removing.remove, store.core, [third.record_id])
    assert began or [record.id for record in removed] == [third.record_id]
    left = [first, second, third] if began else [first]
    assert ids_of(store, tmp_path) == sorted(receipt.record_id for receipt in left)
    assert store.verify().problems == []
    store.close()
