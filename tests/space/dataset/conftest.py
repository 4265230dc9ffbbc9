"""A data directory of three records, and the command line on it."""

from pathlib import Path

import pytest

from space.dataset.command import main
from space.store import Store
from tests.space.store.conftest import make_submission
from tests.space.store.test_hub import FakeHub


@pytest.fixture
def data(tmp_path: Path) -> Path:
    store = Store.open(tmp_path / "data")
    for seed in range(3):
        store.save(make_submission(seed, licence="private" if seed == 0 else "cc0-1.0"))
    store.close()
    return tmp_path / "data"


def run(*arguments: object, hub: FakeHub | None = None) -> tuple[int, str]:
    lines: list[str] = []
    code = main(["dataset", *map(str, arguments)], lines.append, hub)
    return code, "\n".join(lines)


def left(data: Path) -> set[str]:
    store = Store.open(data)
    found = {record.id for record in store.newest(99)}
    store.close()
    return found
