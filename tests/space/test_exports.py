"""Exports: unguessable places, gone after an hour."""

import os
import time
from pathlib import Path

from space.exports import Exports


def test_same_name_twice_is_two_files(tmp_path: Path) -> None:
    exports = Exports(tmp_path / "exports")
    one, two = exports.put(b"1", "a.png"), exports.put(b"2", "a.png")
    assert one.read_bytes() == b"1"
    assert two.read_bytes() == b"2"
    assert len(one.parent.name) > 20


def test_old_ones_go_and_young_ones_stay(tmp_path: Path) -> None:
    exports = Exports(tmp_path / "exports")
    old, young = exports.put(b"1", "a.png"), exports.put(b"2", "b.png")
    two_hours_ago = time.time() - 7200
    os.utime(old.parent, (two_hours_ago, two_hours_ago))
    address = exports.address(b"3", "c.png")
    assert not old.exists()
    assert young.exists()
    assert Path(address.removeprefix("gradio_api/file=")).read_bytes() == b"3"
