"""An old copy of a data directory does not send again what was withdrawn on the Hub since."""

from collections.abc import Callable
from pathlib import Path

import pytest

from space.store import Store, SubmissionError, card, copies, deciding, hub, recovery
from space.store.errors import HubError
from space.store.index import Index
from tests.space.store.conftest import make_submission
from tests.space.store.test_restoring import NAME, Scene, scene  # noqa: F401

REFUSED = "has pushed to ann/masks since"


@pytest.fixture
def pushed(scene: Scene) -> Scene:  # noqa: F811
    """Three approved records are on the Hub, in one file, and a copy was made after that."""
    for number in range(3):
        scene.review(scene.live, number)
    scene.push(scene.live)
    scene.copy()
    return scene


def delete(scene: Scene, number: int, store: Store) -> None:  # noqa: F811
    store.delete(scene.ids[number], scene.receipts[number].token)


def withdraw(scene: Scene, *numbers: int) -> None:  # noqa: F811
    for number in numbers:
        delete(scene, number, scene.live)
    scene.push(scene.live)


def nothing(_: Scene) -> None:
    """The copy is as it was."""


def rewritten(scene: Scene) -> None:  # noqa: F811
    """The copy has written its shard anew, as merging and decisions do: that was never sent."""
    core = scene.back.core
    with core.lock():
        for name in core.index.shard_names():
            recovery._make_again(core, name)


@pytest.mark.parametrize("numbers", [(0,), (0, 1, 2)])
@pytest.mark.parametrize("before", [nothing, rewritten])
def test_what_was_deleted_since_is_not_sent_again(
    pushed: Scene, numbers: tuple[int, ...], before: Callable[[Scene], None]
) -> None:
    withdraw(pushed, *numbers)
    there, gone = dict(pushed.remote.files), [pushed.ids[number] for number in numbers]
    back = pushed.open_copy()
    before(pushed)
    for _ in range(2):
        with pytest.raises(HubError, match=f"{REFUSED}|does not know"):
            pushed.push(back)
        assert pushed.remote.files == there
        with pytest.raises(SubmissionError, match="withdrawn since") as caught:
            pushed.restore(back)
        assert all((one in str(caught.value)) == (one in gone) for one in pushed.ids)
        with pytest.raises(HubError, match=REFUSED):
            pushed.push(back)
        assert pushed.remote.files == there
        assert len(back.newest()) == 3, "nothing is deleted by itself"
    for number in numbers:
        delete(pushed, number, back)
    assert pushed.restore(back) == 0
    pushed.push(back)
    assert set(pushed.on_hub()) == set(pushed.ids) - set(gone)


def test_then_the_first_directory_is_the_one_that_is_behind(pushed: Scene) -> None:
    withdraw(pushed, 0)
    back = pushed.open_copy()
    delete(pushed, 0, back)
    delete(pushed, 1, back)
    pushed.restore(back)
    pushed.push(back)
    late = pushed.live.save(make_submission(9)).record_id
    deciding.decide(pushed.live.core, late, "ann", "approved")
    with pytest.raises(HubError, match=f"{REFUSED}|does not know"):
        pushed.push(pushed.live)
    with pytest.raises(SubmissionError, match=f"withdrawn since: {pushed.ids[1]}. Delete"):
        pushed.restore(pushed.live)


def test_whoever_wants_to_sends_it_again(pushed: Scene) -> None:
    withdraw(pushed, 0)
    back = pushed.open_copy()
    with pytest.raises(SubmissionError, match="push --again"):
        pushed.restore(back)
    hub.push(back.core, pushed.remote, NAME, again=True)
    assert set(pushed.on_hub()) == set(pushed.ids)
    pushed.push(back)


def test_again_does_not_overwrite_what_is_not_known_here(pushed: Scene) -> None:
    withdraw(pushed, 0)
    back = pushed.open_copy()
    with pytest.raises(HubError, match="does not know"):
        hub.push(back.core, pushed.remote, NAME, again=True)


def test_a_copy_that_lacks_nothing_but_news_goes_on(pushed: Scene) -> None:
    extra = pushed.live.save(make_submission(9)).record_id
    deciding.decide(pushed.live.core, extra, "ann", "approved")
    pushed.push(pushed.live)
    back = pushed.open_copy()
    late = back.save(make_submission(10)).record_id
    deciding.decide(back.core, late, "ann", "approved")
    with pytest.raises(HubError):
        pushed.push(back)
    assert pushed.restore(back) == 1
    pushed.push(back)
    assert set(pushed.on_hub()) == {*pushed.ids, extra, late}


def test_what_was_never_sent_from_here_is_not_taken_for_withdrawn(scene: Scene) -> None:  # noqa: F811
    scene.review(scene.live, 0)
    scene.push(scene.live)
    scene.copy()
    scene.review(scene.live, 1)
    scene.push(scene.live)
    back = scene.open_copy()
    scene.review(back, 2)
    scene.restore(back)
    scene.push(back)
    assert set(scene.on_hub()) == set(scene.ids)


def test_what_was_taken_back_here_and_there_may_come_again(scene: Scene) -> None:  # noqa: F811
    scene.review(scene.live, 0)
    scene.push(scene.live)
    deciding.undo(scene.live.core, "ann")
    scene.push(scene.live)
    assert scene.on_hub() == {}
    scene.copy()
    scene.review(scene.live, 1)
    scene.push(scene.live)
    back = scene.open_copy()
    scene.review(back, 0)
    assert scene.restore(back) == 1
    scene.push(back)
    assert set(scene.on_hub()) == set(scene.ids[:2])


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_push_that_arrived_and_was_not_answered_is_ones_own(scene: Scene, times: int) -> None:  # noqa: F811
    for number in range(times):
        scene.review(scene.live, number)
        scene.remote.fail = "after"
        with pytest.raises(HubError, match="connection lost"):
            scene.push(scene.live)
    scene.remote.fail = "before"
    delete(scene, 0, scene.live)
    with pytest.raises(HubError, match="connection refused"):
        scene.push(scene.live)
    scene.remote.fail = ""
    scene.push(scene.live)
    assert set(scene.on_hub()) == set(scene.ids[1:times])


def test_a_push_that_was_killed_before_it_was_written_down_is_ones_own(
    pushed: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(copies, "arrived", die)
        delete(pushed, 0, pushed.live)
        with pytest.raises(KeyboardInterrupt):
            pushed.push(pushed.live)
    delete(pushed, 1, pushed.live)
    pushed.push(pushed.live)
    assert set(pushed.on_hub()) == {pushed.ids[2]}


def test_a_directory_of_an_earlier_version_goes_on(pushed: Scene) -> None:
    pushed.live.core.index.remember(hub_copy="", hub_copies_tried="")
    delete(pushed, 0, pushed.live)
    pushed.push(pushed.live)
    assert set(pushed.on_hub()) == set(pushed.ids[1:])
    assert pushed.live.core.index.meta("hub_copy")


def test_an_old_copy_of_an_earlier_version_is_stopped_by_its_restoration(pushed: Scene) -> None:
    withdraw(pushed, 0)
    back = pushed.open_copy()
    back.core.index.remember(hub_copy="", hub_copies_tried="")
    with pytest.raises(SubmissionError, match=f"withdrawn since.*{pushed.ids[0]}"):
        pushed.restore(back)
    with pytest.raises(HubError, match=REFUSED):
        pushed.push(back)


def test_a_card_that_somebody_wrote_by_hand_stops_nothing(pushed: Scene) -> None:
    pushed.remote.files["README.md"] = b"# Mine"
    delete(pushed, 0, pushed.live)
    pushed.push(pushed.live)
    assert set(pushed.on_hub()) == set(pushed.ids[1:])


def test_an_empty_disk_that_was_restored_pushes_on(pushed: Scene, tmp_path: Path) -> None:
    fresh = pushed.back = Store.open(tmp_path / "fresh")
    assert pushed.restore(fresh) == 3
    delete(pushed, 0, fresh)
    pushed.push(fresh)
    assert set(pushed.on_hub()) == set(pushed.ids[1:])
    assert not (fresh.core.data_dir / "restoring").exists()


def test_the_word_of_a_copy_is_found_in_its_card() -> None:
    figures = card.Figures(1, 1, {}, {})
    text = card.render(figures, NAME, copy="5f3a0b")
    assert card.copy_of(text) == "5f3a0b"
    assert card.copy_of(card.render(figures, NAME)) is None
    assert card.copy_of("# Mine\n\nCopy 12") is None


def test_records_of_pushed_shards_count_as_sent_after_the_migration(
    pushed: Scene, tmp_path: Path
) -> None:
    back = pushed.open_copy()
    back.save(make_submission(9))
    with back.core.index.transaction() as run:
        run.execute("ALTER TABLE records DROP COLUMN sent")
        run.execute("UPDATE meta SET value = '4' WHERE key = 'index_version'")
    back.close()
    pushed.back = Store.open(back.core.data_dir)
    assert isinstance(pushed.back.core.index, Index)
    rows = pushed.back.core.index.all("SELECT id FROM records WHERE sent = 1 ORDER BY id")
    assert [row["id"] for row in rows] == sorted(pushed.ids)
