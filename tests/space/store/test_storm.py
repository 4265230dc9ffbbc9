"""Some rounds of the storm; a hundred are `python -m tests.space.store.raging --rounds 100`."""

import random
from pathlib import Path

import pytest

from tests.space.store.raging import storm


@pytest.mark.slow
def test_storm(tmp_path: Path) -> None:
    account = storm(tmp_path, 3, random.Random(4))
    assert account.sound(), account
    assert account.rounds == 3
    assert account.confirmed > 10
    assert account.readings > 0
    assert account.on_hub == account.approved > 0
