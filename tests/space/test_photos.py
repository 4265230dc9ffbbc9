"""The photo shelf: untouched bytes under their sha256, checked, bounded."""

import hashlib
import io
import json
import os
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.photos import LostPhotoError, PhotoHandle, PhotoShelf


def test_bytes_are_kept_untouched_under_their_hash(shelf: PhotoShelf, picture: Path) -> None:
    handle = shelf.put(picture)
    assert handle.id == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert handle.path.read_bytes() == picture.read_bytes()
    assert (handle.width, handle.height, handle.name) == (61, 43, "a photo.png")
    assert shelf.get(handle.id) == handle


def test_size_is_upright(shelf: PhotoShelf, tmp_path: Path, rgb: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    Image.fromarray(rgb).save(path, exif=exif)
    handle = shelf.put(path)
    assert (handle.width, handle.height) == (43, 61)
    assert shelf.decoded(handle).rgb.shape == (61, 43, 3)


def test_another_shelf_on_the_same_folder_finds_it(shelf: PhotoShelf, picture: Path) -> None:
    handle = shelf.put(picture)
    other = PhotoShelf(shelf.directory)
    assert other.get(handle.id) == handle
    assert np.array_equal(other.decoded(handle).rgb, shelf.decoded(handle).rgb)


@pytest.mark.parametrize("identity", ["", "../../etc/passwd", "g" * 64, "A" * 64])
def test_only_ids_are_looked_up(shelf: PhotoShelf, identity: str) -> None:
    with pytest.raises(ValueError, match="not the id"):
        shelf.get(identity)


def test_unknown_id_asks_to_open_it_again(shelf: PhotoShelf) -> None:
    with pytest.raises(ValueError, match="Open it once more"):
        shelf.get("0" * 64)


def test_no_picture_leaves_nothing_behind(shelf: PhotoShelf, tmp_path: Path) -> None:
    path = tmp_path / "letter.png"
    path.write_text("Dear reader")
    with pytest.raises(ValueError, match="not a picture"):
        shelf.put(path)
    assert not shelf.directory.exists()


def test_bomb_is_refused_by_its_header(shelf: PhotoShelf, tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_huge_png(30_000, 30_000))
    assert path.stat().st_size < 2_000_000
    with pytest.raises(ValueError, match="too large"):
        shelf.put(path)


def test_oldest_go_when_the_shelf_is_full(tmp_path: Path) -> None:
    shelf = PhotoShelf(tmp_path / "full", limit_mb=1)
    rng = np.random.default_rng(1)
    handles = []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (350, 350, 3), dtype=np.uint8)).save(path)
        handles.append(shelf.put(path))
    assert shelf.get(handles[-1].id) == handles[-1]
    with pytest.raises(ValueError, match="no longer"):
        shelf.get(handles[0].id)


def test_files_that_others_throw_away_meanwhile_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = PhotoShelf(tmp_path / "full", limit_mb=1)
    rng = np.random.default_rng(1)
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.png")
        pixels = rng.integers(0, 256, (350, 350, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(paths[-1])
    first, *_ = (shelf.put(path) for path in paths[:2])
    names = Path.iterdir

    def listed_before_it_went(folder: Path) -> list[Path]:
        found = list(names(folder))
        if folder == shelf.directory:
            found.append(folder / ("0" * 64))
        return found

    monkeypatch.setattr(Path, "iterdir", listed_before_it_went)
    last = [shelf.put(path) for path in paths[2:]][-1]
    assert shelf.get(last.id) == last
    with pytest.raises(ValueError, match="no longer"):
        shelf.get(first.id)


def test_a_size_is_told_without_a_copy_of_the_picture(
    shelf: PhotoShelf, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lama.photo.Photo.rgb", property(lambda _: pytest.fail("copied")))
    handle = shelf.put(picture)
    assert (handle.width, handle.height) == (61, 43)


def plain_pictures(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((9, 7, 3), number, np.uint8)).save(path)
    return paths


def one_after_another(shelf: PhotoShelf, paths: list[Path]) -> list[PhotoHandle]:
    """Each made from the one before."""
    handles: list[PhotoHandle] = []
    for path in paths:
        handles.append(shelf.put(path, origin=handles[-1] if handles else None))
    return handles


def test_results_know_what_they_were_made_from(shelf: PhotoShelf, tmp_path: Path) -> None:
    paths = plain_pictures(tmp_path, 4)
    first, second, third = one_after_another(shelf, paths[:3])
    other = shelf.put(paths[3])
    assert shelf.get(third.id) == third
    assert set(third.origins) == {first.id, second.id}
    shelf.forget(second.id)
    assert shelf.made_from([first.id]) == {third.id}
    assert shelf.made_from([other.id]) == set()
    shelf.put(paths[2])  # opened by somebody as a file of its own
    assert shelf.made_from([first.id]) == {third.id}


def test_the_first_photo_of_several_steps_is_found(shelf: PhotoShelf, tmp_path: Path) -> None:
    first, second, third = one_after_another(shelf, plain_pictures(tmp_path, 3))
    assert shelf.opened(first) == first
    assert shelf.opened(third) == shelf.opened(second) == first
    shelf.forget(second.id)
    assert shelf.opened(third) == first
    shelf.forget(first.id)
    with pytest.raises(ValueError, match="no longer has this photo as it was opened"):
        shelf.opened(third)


@pytest.mark.parametrize(("mode", "plain"), [("RGB", True), ("I;16", False), ("CMYK", False)])
def test_what_a_browser_would_show_otherwise_gets_a_preview(
    shelf: PhotoShelf, tmp_path: Path, mode: str, plain: bool
) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (19, 23, 3), dtype=np.uint8)
    path = tmp_path / ("odd.jpg" if mode == "CMYK" else "odd.png")
    image = Image.fromarray(pixels)
    if mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    elif mode == "CMYK":
        image = image.convert("CMYK")
    image.save(path)
    assert shelf.put(path).plain is plain


def test_a_turned_png_gets_a_preview_and_a_turned_jpeg_does_not(
    shelf: PhotoShelf, tmp_path: Path, rgb: np.ndarray
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    for name, plain in (("turned.png", False), ("turned.jpg", True)):
        Image.fromarray(rgb).save(tmp_path / name, exif=exif)
        assert shelf.put(tmp_path / name).plain is plain


def _huge_png(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height))
    stream = io.BytesIO()
    stream.write(b"\x89PNG\r\n\x1a\n")
    stream.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)))
    stream.write(chunk(b"IDAT", rows + packer.flush()))
    stream.write(chunk(b"IEND", b""))
    return stream.getvalue()


def test_a_photo_that_is_opened_again_is_in_use(shelf: PhotoShelf, picture: Path) -> None:
    kept = shelf.put(picture).path
    os.utime(kept, (1, 1))
    shelf.put(picture)
    assert kept.stat().st_mtime > time.time() - 60


def test_a_file_that_a_power_cut_left_empty_is_written_again(
    shelf: PhotoShelf, picture: Path
) -> None:
    kept = shelf.put(picture).path
    kept.write_bytes(b"")
    other = PhotoShelf(shelf.directory)
    handle = other.put(picture)
    assert handle.path.read_bytes() == picture.read_bytes()
    assert PhotoShelf(shelf.directory).decoded(handle).size == (61, 43)


@pytest.mark.parametrize("fault", ["emptied", "of another version", "no object"])
def test_what_a_power_cut_or_another_version_left_is_a_lost_photo(
    shelf: PhotoShelf, picture: Path, fault: str
) -> None:
    handle = shelf.put(picture)
    side = handle.path.with_suffix(".json")
    if fault == "emptied":
        handle.path.write_bytes(b"")
    elif fault == "of another version":
        side.write_text(json.dumps(json.loads(side.read_text()) | {"unheard": "of"}))
    else:
        side.write_text("[]")
    with pytest.raises(LostPhotoError):
        shelf.get(handle.id)
