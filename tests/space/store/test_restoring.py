"""An old copy of a data directory meets the Hub: the newer side of each record holds."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from space.store import Store, SubmissionError, deciding, files, hub, queue
from space.store.deciding import Fix
from space.store.errors import HubError
from space.store.restoring import restore
from tests.space.store.conftest import make_mask, make_submission
from tests.space.store.test_crashes import Killed, dying_at
from tests.space.store.test_hub import FakeHub
from tests.space.store.test_store import load

NAME = "ann/masks"
ALL = ("approved", "pending", "rejected")
MENDED = make_mask(77)


class Scene:
    """A directory that went on and was pushed, and the copy that was made of it before."""

    def __init__(self, tmp_path: Path) -> None:
        self.remote = FakeHub()
        self._place = tmp_path
        self.live = Store.open(tmp_path / "live")
        self.receipts = [self.live.save(make_submission(seed)) for seed in range(3)]
        self.ids = [receipt.record_id for receipt in self.receipts]

    def copy(self) -> None:
        self.live.close()
        shutil.copytree(self._place / "live", self._place / "copy", symlinks=True)
        self.live = Store.open(self._place / "live")

    def open_copy(self, **options) -> Store:
        self.back = Store.open(self._place / "copy", **options)
        return self.back

    def review(self, store: Store, number: int, decision: str = "approved", **options) -> None:
        deciding.decide(store.core, self.ids[number], "ann", decision, **options)

    def push(self, store: Store, statuses: tuple[str, ...] = ("approved",)) -> None:
        hub.push(store.core, self.remote, NAME, statuses)

    def restore(self, store: Store) -> int:
        return restore(store.core, self.remote, NAME)

    def on_hub(self) -> dict[str, dict]:
        rows: dict[str, dict] = {}
        for path, data in self.remote.files.items():
            if path.endswith(".parquet"):
                found = pq.read_table(io.BytesIO(data)).to_pylist()
                assert not rows.keys() & {row["id"] for row in found}
                rows |= {row["id"]: row for row in found}
        return rows


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.live.close()
    if hasattr(made, "back"):
        made.back.close()


def test_decisions_survive_an_old_copy_that_is_restored_and_pushed(
    scene: Scene, tmp_path: Path
) -> None:
    scene.copy()
    for number in range(3):
        scene.review(scene.live, number, fix=Fix(MENDED) if number == 1 else None)
    scene.push(scene.live)
    there = scene.on_hub()
    back = scene.open_copy()
    before = back.get(scene.ids[1])
    back.thumbnail(before)
    with pytest.raises(HubError, match="python -m space dataset restore"):
        scene.push(back)
    uploads = list(scene.remote.uploads)
    assert scene.restore(back) == 3
    assert back.verify().problems == []
    assert {record.status for record in back.newest()} == {"approved"}
    assert (back.mask(back.get(scene.ids[1])) == MENDED).all()
    assert back.get(scene.ids[1]).extra["earlier_masks"]
    assert back.get(scene.ids[1]).source_sha256 == before.source_sha256 != ""
    assert not back.core.objects.path("masks", before.mask_sha256).exists()
    assert not list(back.core.thumbnails.glob(f"{scene.ids[1]}*")), "it shows the old mask"
    assert {row["status"] for row in load(back, tmp_path)} == {"approved"}
    scene.push(back)
    assert scene.on_hub() == there
    assert [path for path in scene.remote.uploads[len(uploads) :] if "parquet" in path] == []
    assert back.info()["synced"] == 3
    back.delete(scene.ids[1], scene.receipts[1].token)
    scene.push(back)
    assert set(scene.on_hub()) == {scene.ids[0], scene.ids[2]}
    assert back.verify().problems == []


def test_a_second_opinion_on_what_is_approved_in_the_copy_holds(scene: Scene) -> None:
    scene.review(scene.live, 0)
    scene.push(scene.live, ALL)
    scene.copy()
    assert queue.take(scene.live.core, "cyd", second=True).id == scene.ids[0]
    deciding.decide(scene.live.core, scene.ids[0], "cyd", "approved")
    scene.push(scene.live, ALL)
    there = scene.on_hub()
    back = scene.open_copy()
    scene.restore(back)
    assert len(back.get(scene.ids[0]).extra["reviews"]) == 2
    assert not deciding.can_undo(back.core, "ann"), "it would take away what cyd said"
    scene.push(back, ALL)
    assert scene.on_hub() == there
    assert back.verify().problems == []


def test_what_is_newer_here_stays_and_goes_up(scene: Scene) -> None:
    scene.copy()
    scene.push(scene.live, ALL)  # pending on the Hub
    back = scene.open_copy()
    scene.review(back, 0, fix=Fix(MENDED))
    scene.review(back, 1, "rejected")
    scene.restore(back)
    assert [back.get(i).status for i in scene.ids] == ["approved", "rejected", "pending"]
    scene.push(back, ALL)
    rows = scene.on_hub()
    assert [rows[i]["status"] for i in scene.ids] == ["approved", "rejected", "pending"]
    assert back.verify().problems == []


@pytest.mark.parametrize("same_words", [True, False])
def test_what_both_sides_decided_on_is_counted_and_left_alone(
    scene: Scene, same_words: bool
) -> None:
    scene.copy()
    for number in range(3):
        scene.review(scene.live, number)
    extra = scene.live.save(make_submission(9)).record_id
    deciding.decide(scene.live.core, extra, "ann", "approved")
    scene.push(scene.live)
    there = scene.on_hub()
    back = scene.open_copy()
    scene.review(back, 2, "approved" if same_words else "rejected", alias="bob")
    mine = back.get(scene.ids[2])
    with pytest.raises(SubmissionError, match="1 records were decided on differently") as caught:
        scene.restore(back)
    [path] = [p for p in scene.remote.files if hub.is_shard(p)]
    assert path in str(caught.value)
    assert back.get(scene.ids[2]) == mine
    assert [back.get(i).status for i in (*scene.ids[:2], extra)] == ["approved"] * 3
    assert back.verify().problems == []
    with pytest.raises(HubError, match="holds 1 shards that this data directory does not know"):
        scene.push(back)
    assert scene.on_hub() == there
    # As the message says: without the file, what is here goes up.
    del scene.remote.files[path]
    scene.restore(back)
    scene.push(back)
    assert extra in scene.on_hub()
    assert (scene.ids[2] in scene.on_hub()) == same_words


def test_a_decision_that_was_undone_here_does_not_come_back(scene: Scene) -> None:
    scene.review(scene.live, 0)
    scene.push(scene.live)
    deciding.undo(scene.live.core, "ann")
    assert scene.restore(scene.live) == 0
    assert scene.live.get(scene.ids[0]).status == "pending"
    scene.push(scene.live)
    assert scene.on_hub() == {}


def test_what_was_deleted_here_stays_deleted_beside_newer_rows(scene: Scene) -> None:
    scene.copy()
    for number in range(3):
        scene.review(scene.live, number)
    scene.push(scene.live)
    back = scene.open_copy()
    back.delete(scene.ids[0], scene.receipts[0].token)
    assert scene.restore(back) == 2
    scene.push(back)
    assert {i: row["status"] for i, row in scene.on_hub().items()} == {
        scene.ids[1]: "approved",
        scene.ids[2]: "approved",
    }
    assert back.verify().problems == []


@pytest.mark.parametrize("step", ["directory made", "exchange committed", "link moved"])
def test_a_restoration_killed_at_any_step_goes_on(scene: Scene, step: str) -> None:
    scene.copy()
    for number in range(2):
        scene.review(scene.live, number, fix=Fix(MENDED))
    scene.push(scene.live)
    dying = scene.open_copy(on_step=dying_at(step))
    with pytest.raises(Killed):
        scene.restore(dying)
    dying.close()
    back = scene.open_copy()
    assert back.verify().problems == []
    done = step != "directory made"
    assert scene.restore(back) == (0 if done else 2)
    assert [back.get(i).status for i in scene.ids] == ["approved", "approved", "pending"]
    assert back.verify().problems == []


def tampered(scene: Scene, change: Callable[[dict], dict]) -> None:
    """Change `extra` of every record on the Hub, by hand."""
    for path, data in scene.remote.files.items():
        if hub.is_shard(path):
            table = pq.read_table(io.BytesIO(data))
            place = table.schema.get_field_index("extra")
            texts = [json.dumps(change(json.loads(t.as_py()))) for t in table.column(place)]
            table = table.set_column(place, table.schema.field(place), [texts])
            buffer = io.BytesIO()
            pq.write_table(table, buffer)
            scene.remote.files[path] = buffer.getvalue()


def test_another_receipt_does_not_get_in(scene: Scene) -> None:
    scene.copy()
    scene.review(scene.live, 0)
    scene.push(scene.live)
    tampered(scene, lambda extra: extra | {"receipt_sha256": "0" * 64})
    back = scene.open_copy()
    with pytest.raises(SubmissionError, match="1 records were decided on differently"):
        scene.restore(back)
    back.delete(scene.ids[0], scene.receipts[0].token)


def test_nonsense_on_the_hub_is_refused(scene: Scene) -> None:
    scene.copy()
    scene.review(scene.live, 0)
    scene.push(scene.live)
    there = dict(scene.remote.files)
    tampered(scene, lambda extra: extra | {"reviews": "many"})
    back = scene.open_copy()
    with pytest.raises(SubmissionError, match="1 rows on ann/masks cannot be records"):
        scene.restore(back)
    assert back.get(scene.ids[0]).status == "pending"
    with pytest.raises(HubError, match="does not know"):
        scene.push(back)
    assert scene.remote.files.keys() == there.keys(), "nobody but the operator takes it away"


@pytest.mark.parametrize("known", [False, True])
def test_a_restoration_leaves_room_to_delete(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    scene.copy()
    for number in range(3):
        scene.review(scene.live, number)
    scene.push(scene.live)
    [size] = [len(data) for path, data in scene.remote.files.items() if hub.is_shard(path)]
    back = scene.open_copy() if known else Store.open(tmp_path / "fresh")
    scene.back = back
    usage = shutil.disk_usage(tmp_path)

    def free(size: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=size))

    free(files.RESERVE_BYTES + 2 * size - 1)  # its files, and its copy less one record
    with pytest.raises(HubError, match="could not be restored: the disk is full. Free some space"):
        scene.restore(back)
    assert {record.status for record in back.newest()} <= {"pending"}
    assert back.verify().problems == []
    free(files.RESERVE_BYTES + 4 * size)
    assert scene.restore(back) == 3
    assert back.verify().problems == []
