"""Exports: unguessable places, gone after an hour."""

import os
import time
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from space.exports import Exports, fitting


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


@pytest.mark.parametrize("name", ["IMG #1 50%.png", "what?.png", "50%25 off.jpg", "写真 1.webp"])
def test_an_address_leads_to_the_file_whatever_its_name(tmp_path: Path, name: str) -> None:
    address = Exports(tmp_path / "exports").address(b"3", name)
    parts = urlsplit(urljoin("http://here/", address))
    assert (parts.query, parts.fragment) == ("", "")
    path = Path(unquote(parts.path).removeprefix("/gradio_api/file="))
    assert path.read_bytes() == b"3"
    assert path.name == name


@pytest.mark.parametrize(
    "name", ["写" * 82 + ".png", "x" * 999 + ".jpg", "a." + "y" * 300, "🖌" * 60 + ".webp"]
)
def test_long_names_are_cut_and_keep_their_ending(tmp_path: Path, name: str) -> None:
    path = Exports(tmp_path / "exports").put(b"3", name)
    assert path.read_bytes() == b"3"
    assert 100 < len(path.name.encode()) <= 200
    assert name.startswith(path.stem)
    if len(Path(name).suffix) < 9:
        assert path.suffix == Path(name).suffix


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    assert fitting("a\0b\n\ud800.png") == "ab.png"
    assert fitting("../../etc/passwd") == "passwd"
    assert fitting("") == fitting("/") == fitting("..") == "file"
    assert fitting("写" * 82, "-inpainted.png").endswith("写-inpainted.png")


def test_clearing_takes_young_ones_too(tmp_path: Path) -> None:
    exports = Exports(tmp_path / "exports")
    exports.clear()
    exports.put(b"1", "a.png")
    (exports.folder / "stray").write_bytes(b"2")
    exports.clear()
    assert list(exports.folder.iterdir()) == []


def test_sweeping_needs_nobody_to_put_something_down(tmp_path: Path) -> None:
    exports = Exports(tmp_path / "exports")
    exports.sweep()
    old = exports.put(b"1", "a.png")
    os.utime(old.parent, (1, 1))
    exports.sweep()
    assert list(exports.folder.iterdir()) == []


def test_what_is_dated_in_the_future_goes_and_a_clock_may_be_a_little_off(tmp_path: Path) -> None:
    exports = Exports(tmp_path / "exports")
    far, near = exports.put(b"1", "a.png"), exports.put(b"2", "b.png")
    for path, ahead in ((far, 86400), (near, 20)):
        os.utime(path.parent, (time.time() + ahead,) * 2)
    exports.sweep()
    assert [path.exists() for path in (far, near)] == [False, True]
