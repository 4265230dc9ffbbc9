"""Decisions, mended masks, second opinions, and taking a decision back."""

import json
from pathlib import Path

import datasets
import numpy as np
import pytest

from space.store import Store, StoreError, SubmissionError, deciding, files, queue
from space.store.agreement import agreement, cohens_kappa
from space.store.deciding import Fix
from tests.space.store.conftest import make_mask, make_submission
from tests.space.store.test_crashes import Killed, dying_at


def saved(store: Store, count: int, **changes) -> list[str]:
    return [store.save(make_submission(i, **changes)).record_id for i in range(count)]


def sound(store: Store) -> None:
    assert store.verify().problems == []


def train_split(store: Store, tmp_path: Path) -> dict:
    table = datasets.load_dataset(
        str(store.dataset_dir), split="train", cache_dir=str(tmp_path / "cache")
    )
    return {row["id"]: row for row in table}


def test_decisions_are_in_the_dataset(store: Store, tmp_path: Path) -> None:
    first, second, third = saved(store, 3)
    assert deciding.decide(store.core, first, "ann", "approved", alias="user-1") == "approved"
    assert deciding.decide(store.core, second, "ann", "rejected") == "rejected"
    rows = train_split(store, tmp_path)
    assert {i: rows[i]["status"] for i in rows} == {
        first: "approved", second: "rejected", third: "pending"
    }  # fmt: skip
    [review] = json.loads(rows[first]["extra"])["reviews"]
    assert (review["by"], review["decision"], review["fixed"]) == ("user-1", "approved", False)
    with pytest.raises(SubmissionError, match="already"):
        deciding.decide(store.core, first, "ann", "rejected")
    with pytest.raises(SubmissionError, match="approved, rejected"):
        deciding.decide(store.core, third, "ann", "pending")
    sound(store)


def test_a_mended_mask_replaces_the_old_one_which_stays_in_the_history(
    store: Store, tmp_path: Path
) -> None:
    record_id, other = saved(store, 2)
    before = store.get(record_id)
    store.thumbnail(before)
    mended = make_mask(77)
    fix = Fix(mended, '[{"tool": "lasso"}]')
    assert deciding.decide(store.core, record_id, "ann", "approved", fix=fix) == "approved"
    record = store.get(record_id)
    assert (store.mask(record) == mended).all()
    assert record.hole_fraction == pytest.approx(mended.mean())
    assert not store.core.objects.path("masks", before.mask_sha256).exists()
    assert not list(store.core.thumbnails.glob(f"{record_id}*")), "it shows the old mask"
    row = train_split(store, tmp_path)[record_id]
    assert (np.asarray(row["mask"]) > 0).tolist() == mended.tolist()
    assert row["strokes"] == '[{"tool": "lasso"}]'
    [kept] = json.loads(row["extra"])["earlier_masks"]
    decoded = deciding.rle.decode(kept["counts"], record.height, record.width)
    assert (decoded == make_mask(0)).all()
    assert kept["strokes"] == '[{"tool": "brush", "seed": 0}]'
    assert (store.mask(store.get(other)) == make_mask(1)).all()
    sound(store)


def test_a_mask_that_another_record_uses_stays(store: Store) -> None:
    one, two = (store.save(make_submission(i, mask=make_mask(5))).record_id for i in (1, 2))
    deciding.decide(store.core, one, "ann", "approved", fix=Fix(make_mask(6)))
    assert (store.mask(store.get(two)) == make_mask(5)).all()
    sound(store)


def test_an_unchanged_mask_is_no_fix(store: Store) -> None:
    only, other = saved(store, 2)
    deciding.decide(store.core, only, "ann", "approved", fix=Fix(make_mask(0)))
    assert "earlier_masks" not in store.get(only).extra
    assert agreement(store.core).reviewers[0].fixed == 0
    with pytest.raises(SubmissionError, match="same size"):
        deciding.decide(store.core, other, "bob", "approved", fix=Fix(make_mask(0, 9, 9)))


@pytest.mark.parametrize("fix", [None, Fix(make_mask(7))])
def test_undo_brings_everything_back(store: Store, fix: Fix | None) -> None:
    first, second = saved(store, 2)
    before = store.get(first)
    deciding.decide(store.core, first, "ann", "approved", fix=fix)
    assert queue.take(store.core, "ann").id == second
    assert deciding.can_undo(store.core, "ann")
    assert not deciding.can_undo(store.core, "bob")
    assert deciding.undo(store.core, "ann") == first
    assert not deciding.can_undo(store.core, "ann")
    after = store.get(first)
    assert after == before
    assert queue.take(store.core, "ann").id == first, "it is the reviewer's again"
    assert queue.take(store.core, "bob").id == second
    sound(store)
    with pytest.raises(SubmissionError, match="no decision"):
        deciding.undo(store.core, "ann")


def test_two_who_disagree_need_a_third(store: Store) -> None:
    [only] = saved(store, 1)
    core = store.core
    deciding.decide(core, only, "ann", "approved")
    assert queue.take(core, "ann", second=True) is None, "nobody is a second to oneself"
    assert queue.take(core, "bob", second=True).id == only
    assert deciding.decide(core, only, "bob", "rejected") == "pending"
    with pytest.raises(SubmissionError, match="Somebody else has decided"):
        deciding.undo(core, "ann")
    assert not deciding.can_undo(core, "ann")
    assert queue.take(core, "ann") is None
    assert queue.take(core, "cyd").id == only
    assert deciding.decide(core, only, "cyd", "rejected") == "rejected"
    sound(store)


def test_figures_of_review(store: Store) -> None:
    ids = saved(store, 4)
    core = store.core
    for record_id, first, second in zip(ids, "aarr", "aara", strict=True):
        words = {"a": "approved", "r": "rejected"}
        queue.take(core, "ann")
        deciding.decide(core, record_id, "ann", words[first])
        assert queue.take(core, "bob", second=True).id == record_id
        deciding.decide(core, record_id, "bob", words[second])
    found = agreement(core)
    assert (found.reviewed, found.doubled, found.agreed) == (4, 4, 3)
    assert found.kappa == pytest.approx(0.5)
    assert [one.name for one in found.reviewers] == ["ann", "bob"]
    assert [one.approved for one in found.reviewers] == [2, 3]
    assert found.per_hour > 0


def test_kappa_is_none_where_it_says_nothing() -> None:
    assert cohens_kappa({}) is None
    assert cohens_kappa({(1, 1): 9}) is None
    assert cohens_kappa({(1, 1): 20, (1, 0): 5, (0, 1): 10, (0, 0): 15}) == pytest.approx(0.4)


def test_deleting_takes_the_reviews_along(store: Store) -> None:
    receipt = store.save(make_submission(3))
    queue.take(store.core, "ann")
    deciding.decide(store.core, receipt.record_id, "ann", "approved", fix=Fix(make_mask(8)))
    queue.skip(store.core, receipt.record_id, "bob")
    store.delete(receipt.record_id, receipt.token)
    for table in ("leases", "skips", "reviews", "litter"):
        assert store.core.index.all(f"SELECT * FROM {table}") == []
    with pytest.raises(SubmissionError, match="deleted"):
        deciding.decide(store.core, receipt.record_id, "bob", "approved")
    sound(store)


STEPS = ["decision prepared", "directory made", "exchange committed", "link moved"]


@pytest.mark.parametrize("at", STEPS)
def test_a_crash_leaves_the_decision_whole_or_none(tmp_path: Path, at: str) -> None:
    class Crash(BaseException):
        pass

    armed = []

    def crash(step: str) -> None:
        if armed and step == at:
            raise Crash

    store = Store.open(tmp_path / "data", on_step=crash)
    ids = saved(store, 2)
    armed.append(True)
    with pytest.raises(Crash):
        deciding.decide(store.core, ids[0], "ann", "approved", fix=Fix(make_mask(9)))
    store.close()
    again = Store.open(tmp_path / "data")
    sound(again)
    done = at in ("exchange committed", "link moved")
    record = again.get(ids[0])
    assert record.status == ("approved" if done else "pending")
    assert (again.mask(record) == make_mask(9 if done else 0)).all()
    again.close()


def test_a_full_disk_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    [only] = saved(store, 1)
    monkeypatch.setattr(files, "has_room", lambda *_: False)
    with pytest.raises(StoreError, match="disk is full"):
        deciding.decide(store.core, only, "ann", "approved")
    assert store.get(only).status == "pending"
    sound(store)


def test_two_who_agree_are_enough(store: Store) -> None:
    [only] = saved(store, 1)
    deciding.decide(store.core, only, "ann", "approved")
    assert queue.take(store.core, "bob", second=True).id == only
    deciding.decide(store.core, only, "bob", "approved")
    assert queue.take(store.core, "cyd", second=True) is None
    assert queue.left(store.core, "cyd", second=True) == queue.Queue(0, 0)


def test_undo_takes_the_record_from_whoever_was_to_give_a_second_opinion(store: Store) -> None:
    [only] = saved(store, 1)
    deciding.decide(store.core, only, "ann", "approved")
    assert queue.take(store.core, "bob", second=True).id == only
    assert deciding.undo(store.core, "ann") == only
    assert queue.take(store.core, "ann").id == only
    with pytest.raises(SubmissionError, match="Another reviewer has this record open"):
        deciding.decide(store.core, only, "bob", "rejected")


def test_a_decision_first_mends_what_another_process_left(store: Store) -> None:
    ids = saved(store, 3)
    dying = Store.open(store.core.data_dir, on_step=dying_at("exchange committed"))
    with pytest.raises(Killed):
        deciding.decide(dying.core, ids[0], "ann", "approved")
    dying.close()
    deciding.decide(store.core, ids[1], "bob", "rejected")
    assert [store.get(i).status for i in ids] == ["approved", "rejected", "pending"]
    sound(store)


def test_who_put_a_record_off_may_still_be_its_second(store: Store) -> None:
    [only] = saved(store, 1)
    queue.skip(store.core, only, "bob")
    deciding.decide(store.core, only, "ann", "approved")
    assert queue.take(store.core, "bob", second=True).id == only


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"strokes": "{not json"}, "not valid JSON"),
        ({"strategy": "two words"}, "one short word"),
    ],
)
def test_a_mended_mask_is_checked_like_a_new_one(store: Store, said: dict, words: str) -> None:
    [only] = saved(store, 1)
    queue.take(store.core, "ann")
    with pytest.raises(SubmissionError, match=words):
        deciding.decide(store.core, only, "ann", "approved", fix=Fix(make_mask(7), **said))
    assert store.get(only).status == "pending"
    deciding.decide(store.core, only, "ann", "approved", fix=Fix(make_mask(7), "[]"))
    sound(store)
