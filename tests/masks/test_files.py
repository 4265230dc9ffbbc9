import zlib

import cv2
import numpy as np
import pytest

import masks
from masks import files
from tests.masks.scenes import desk


def test_a_picture_comes_back_as_it_was_written(tmp_path):
    image, _ = desk(50, 70)
    files.write_image(tmp_path / "new" / "ein Bild.png", image)
    assert np.array_equal(masks.read_image(tmp_path / "new" / "ein Bild.png"), image)


def test_a_mask_is_written_as_black_and_white(tmp_path):
    mask = np.eye(20, 30, dtype=bool)
    files.write_mask(tmp_path / "mask.png", mask)
    read = cv2.imread(str(tmp_path / "mask.png"), cv2.IMREAD_UNCHANGED)
    assert read.dtype == np.uint8
    assert np.array_equal(read, mask * 255)
    assert np.array_equal(cv2.imdecode(np.frombuffer(files.encode_mask(mask), np.uint8), -1), read)


def test_a_mask_is_read_as_it_was_written(tmp_path):
    for mask in (np.eye(20, 30, dtype=bool), np.zeros((7, 5), bool), np.ones((7, 5), bool)):
        files.write_mask(tmp_path / "mask.png", mask)
        assert np.array_equal(files.read_mask(tmp_path / "mask.png"), mask)


def test_an_orientation_tag_is_followed(tmp_path):
    image, _ = desk(60, 90)
    data = cv2.imencode(".jpg", image)[1].tobytes()
    # A minimal EXIF block right after the JPEG's first marker: orientation 6, turn right.
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    block = b"Exif\0\0" + tiff
    path = tmp_path / "turned.jpg"
    path.write_bytes(
        data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + data[2:]
    )
    assert masks.read_image(path).shape == (90, 60, 3)


def test_a_grey_mask_is_decoded_once_and_a_turned_one_stays_turned(tmp_path, monkeypatch):
    calls = []
    decode = files._decode
    monkeypatch.setattr(files, "_decode", lambda *given: calls.append(given) or decode(*given))
    mask, path = np.eye(20, 31, dtype=bool), tmp_path / "mask.png"
    for kind, white in ((np.uint8, 1), (np.uint16, 300)):
        cv2.imwrite(str(path), mask.astype(kind) * white)
        assert np.array_equal(files.read_mask(path), mask)
    assert len(calls) == 2
    data = path.read_bytes()
    chunk = b"eXIfMM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    length, check = (len(chunk) - 4).to_bytes(4, "big"), zlib.crc32(chunk).to_bytes(4, "big")
    path.write_bytes(data[:33] + length + chunk + check + data[33:])  # after the header
    assert np.array_equal(files.read_mask(path), np.rot90(mask, -1))


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n half of it"])
def test_what_is_no_picture_is_refused(tmp_path, data):
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="not a picture that can be read: PNG, JPEG"):
        masks.read_image(path)
    with pytest.raises(ValueError, match="not a picture that can be read: PNG, JPEG"):
        files.read_mask(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.png cannot be read: No such file"):
        masks.read_image(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"gone\.png cannot be read: No such file"):
        files.read_mask(tmp_path / "gone.png")


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"use \.png"):
        files.write_mask(tmp_path / "mask.xyz", np.eye(20, dtype=bool))


def test_photos_are_found_and_what_only_looks_like_one_is_not(tmp_path):
    (tmp_path / "x.jpg").mkdir()
    (tmp_path / ".Trash-1000" / "files").mkdir(parents=True)
    gone = ".Trash-1000/files/d.jpg"
    for name in ("b.JPG", "a.png", "._a.jpg", "notes.txt", "x.jpg/c.webp", "x.jpg/._c.webp", gone):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    direct = [tmp_path / name for name in ("a.png", "b.JPG", "gone.png")]
    below = tmp_path / "x.jpg" / "c.webp"
    assert files.find_files(tmp_path) == direct
    assert files.find_files(tmp_path, recursive=True) == [*direct, below]
    assert files.find_files(tmp_path, (".txt",)) == [tmp_path / "notes.txt"]
    assert files.find_files(tmp_path / "gone") == []
    asked_for = tmp_path / ".Trash-1000"
    assert files.find_files(asked_for, recursive=True) == [tmp_path / gone]


def test_links_to_folders_are_followed_and_no_photo_comes_twice(tmp_path):
    photos, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    for folder in (photos / "own", elsewhere / ".hidden" / "deep", elsewhere / "more"):
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(b"")
    (photos / "all").symlink_to(elsewhere)
    (photos / "also").symlink_to(elsewhere / "more")
    (photos / "again").symlink_to(photos / "own")  # sorted before what it leads to
    (photos / "kept").symlink_to(elsewhere / ".hidden")
    (photos / "own" / "round").symlink_to(photos)
    (elsewhere / "more" / "up").symlink_to(tmp_path)
    (photos / "self").symlink_to(photos / "self")
    found = files.find_files(photos, recursive=True)
    assert found == [photos / n for n in ("all/more/a.png", "kept/deep/a.png", "own/a.png")]
    (tmp_path / "link").symlink_to(photos)
    assert len(files.find_files(tmp_path / "link", recursive=True)) == 3


@pytest.mark.parametrize(("height", "width"), [(30, 40), (200, 50), (64, 64)])
def test_fit_covers_exactly_and_keeps_the_middle(height, width):
    image = np.zeros((100, 150, 3), np.uint8)
    image[40:60, 65:85] = 255
    fitted = files.fit(image, height, width)
    assert fitted.shape == (height, width, 3)
    assert fitted[height // 2, width // 2].tolist() == [255, 255, 255]


@pytest.mark.parametrize("size", [(50, 50), (130, 130), (70, 60)])
def test_the_middle_of_an_image_is_fitted_and_not_squeezed(size):
    image = np.zeros((101, 301, 3), np.uint8)
    image[:, 100:201] = 255  # the square in the middle
    fitted = files.fit(image, *size)
    assert fitted.shape == (*size, 3)
    assert (fitted[:, 2:-2] == 255).all()
