"""A store that the growth benchmark has filled is one like any other."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import growth
from space.store import Store
from tests.space.store.conftest import make_submission


def test_a_store_filled_in_bulk_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "ROWS_A_SHARD", 40)
    store = Store.open(tmp_path)
    growth.grow(store, 90, np.random.default_rng(0))
    info = store.info()
    assert (info["records"], info["images"], info["shards"]) == (90, 23, 3)
    store.save(make_submission(1))
    assert store.verify().problems == []
    store.close()


def test_figures_of_a_small_run(tmp_path: Path) -> None:
    rows = growth.measure(tmp_path, [10, 30], 3)
    assert [row["records"] for row in rows] == [10, 30]
    assert all(row[what]["n"] == 3 for row in rows for what in ("save", "tab"))
    assert list(tmp_path.iterdir()) == []
