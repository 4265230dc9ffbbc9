"""Few work at once, few wait, in their order; and every way to the engine passes there."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from space.api import inpaint as api_inpaint
from space.canvas.protocol import encode_mask
from space.canvas.server import CanvasServer
from space.engine import InpaintResult
from space.mask_lab.server import LabServer
from space.review.desk import Desk
from space.services import Services
from space.store import Store
from space.train.trainer import Trainer
from space.turns import BUSY, BusyError, CancelledError, WorkQueue
from tests.space.fakes import TeleaEngine
from tests.space.store.conftest import make_submission


class Held:
    """Threads that take a turn and keep it until they are let go."""

    def __init__(self, turns: WorkQueue) -> None:
        self.turns, self.go = turns, threading.Event()
        self.order: list[str] = []
        self.threads: list[threading.Thread] = []

    def start(self, name: str, cancelled: Callable[[], bool] | None = None) -> None:
        before = len(self.turns._working) + len(self.turns._waiting)

        def work() -> None:
            try:
                with self.turns.taken(cancelled):
                    self.order.append(name)
                    assert self.go.wait(10)
            except CancelledError:
                self.order.append(f"{name} gave up")

        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()
        wait_for(lambda: len(self.turns._working) + len(self.turns._waiting) > before)

    def end(self) -> None:
        self.go.set()
        for thread in self.threads:
            thread.join(10)


def wait_for(what: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


@pytest.fixture
def held() -> Iterator[Held]:
    made = Held(WorkQueue(at_once=1, most_waiting=2))
    yield made
    made.end()


def test_first_come_first_served_and_no_more_than_fit(held: Held) -> None:
    for name in "abc":
        held.start(name)
    with pytest.raises(BusyError, match="Try again in a moment"), held.turns.taken():
        pass
    assert held.order == ["a"]
    held.end()
    assert held.order == ["a", "b", "c"]
    with held.turns.taken(), held.turns.taken():  # one's own turn goes on
        pass


def test_whoever_gives_up_leaves_a_place_at_once(held: Held) -> None:
    gone = threading.Event()
    held.start("a")
    held.start("b", gone.is_set)
    held.start("c")
    gone.set()
    held.start("d")  # does not count b, whether it has noticed or not
    wait_for(lambda: "b gave up" in held.order)
    held.end()
    assert held.order == ["a", "b gave up", "c", "d"]


def test_a_turn_that_fails_is_given_back() -> None:
    turns = WorkQueue(most_waiting=0)
    for _ in range(3):
        with pytest.raises(KeyError), turns.taken():
            raise KeyError
    with pytest.raises(CancelledError), turns.taken(lambda: True):
        pass
    with turns.taken():
        pass


def test_several_at_once() -> None:
    held = Held(WorkQueue(at_once=2, most_waiting=0))
    held.start("a")
    held.start("b")
    with pytest.raises(BusyError), held.turns.taken():
        pass
    held.end()
    assert sorted(held.order) == ["a", "b"]


class Counting(TeleaEngine):
    """Notes how many are in it together."""

    def __init__(self) -> None:
        super().__init__()
        self.inside_now = self.most = 0
        self.lock = threading.Lock()

    def _inpaint(self, *given: object) -> InpaintResult:
        with self.lock:
            self.inside_now += 1
            self.most = max(self.most, self.inside_now)
        try:
            time.sleep(0.05)
            return super()._inpaint(*given)  # type: ignore[arg-type]
        finally:
            with self.lock:
                self.inside_now -= 1


def question(services: Services, picture: Path, page: str = "p", request: int = 1) -> dict:
    handle = services.photos.put(picture)
    mask = np.zeros((handle.height, handle.width), dtype=bool)
    mask[10:20, 15:30] = True
    value = {"photo": handle.id, "mask": encode_mask(mask), "request": request, "model": "telea"}
    return {"page": page, "value": value}


def test_every_way_to_the_engine_waits_for_its_turn(services: Services, picture: Path) -> None:
    engine = Counting()
    store = Store.open(services.settings.data_dir)
    record = store.save(make_submission(1)).record_id
    parts = replace(services, engine=engine, store=store)
    ask = question(parts, picture)
    hole = picture.parent / "hole.png"
    Image.fromarray(np.eye(43, 61, dtype=np.uint8) * 255).save(hole)
    rgb, mask = np.zeros((20, 20, 3), np.uint8), np.eye(20, dtype=bool)
    ways: list[Callable[[], object]] = [
        lambda: CanvasServer(parts).run(ask),
        lambda: api_inpaint.run(parts, str(picture), str(hole), None),
        lambda: Trainer(parts).compare(ask["value"], "telea", "lama-tiny"),
        lambda: Desk(parts).filled(record),
        lambda: parts.engine.inside("telea", rgb, mask),
    ]
    threads = [threading.Thread(target=way) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    store.close()
    assert engine.calls == len(ways) + 1  # two models are compared
    assert engine.most == 1


def test_the_canvas_uses_the_apps_queue_and_is_refused_when_it_is_full(
    services: Services, picture: Path, engine: TeleaEngine
) -> None:
    turns = engine.turns = WorkQueue(most_waiting=2)
    server = CanvasServer(services)
    engine.gate.clear()
    answers: dict[str, dict] = {}

    def ask(page: str) -> None:
        answers[page] = server.run(question(services, picture, page))

    threads = []
    for number in range(3):
        threads.append(threading.Thread(target=ask, args=(f"p{number}",)))
        threads[-1].start()
        wait_for(lambda: len(turns._working) + len(turns._waiting) == len(threads))
    ask("late")
    assert answers == {"late": {"ok": False, "busy": True, "message": BUSY}}
    assert server.cancel({"page": "p1", "request": 1})["ok"]
    wait_for(lambda: "p1" in answers)
    assert answers["p1"] == {"ok": False, "cancelled": True}
    engine.gate.set()
    for thread in threads:
        thread.join(10)
    assert answers["p0"]["ok"]
    assert answers["p2"]["ok"]
    assert engine.calls == 2


def test_photos_are_opened_a_few_at_a_time(
    services: Services, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(get_upload_folder()) / f"{'0' * 64}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "turns-test.png"
    path.write_bytes(picture.read_bytes())
    now, most, lock, real = [0], [0], threading.Lock(), services.photos.put

    def slow(*given: object, **named: object) -> object:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.1)
        with lock:
            now[0] -= 1
        return real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(services.photos, "put", slow)
    for server in (CanvasServer(services), LabServer(services)):
        answers: list[dict] = []
        threads = [
            threading.Thread(
                target=lambda: answers.append(server.open_photo({"path": str(path)}))  # noqa: B023
            )
            for _ in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert most[0] <= 2
        assert 8 <= sum(answer["ok"] for answer in answers) < 40
        assert {answer.get("message") for answer in answers if not answer["ok"]} == {BUSY}
    path.unlink()


def test_measuring_does_not_hold_up_drawing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = LabServer(services)
    data = {"strategy": "box", "width": 64, "height": 64, "count": 1}
    held = Held(server.measuring)
    for name in "abc":
        held.start(name)
    assert server.measure(data) == {"ok": False, "busy": True, "message": BUSY}
    assert server.draw(data)["ok"]
    held.end()
    assert server.measure(data)["ok"]
