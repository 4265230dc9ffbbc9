"""Photos and masks from elsewhere: once, with receipts, and masks read as everywhere."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.store import Store, StoreError, SubmissionError
from space.store.importing import Answer, Imported, import_from
from tests.space.store.conftest import make_mask, make_photo, make_submission


def foreign_folder(root: Path, mask: bytes, seed: int = 2, suffix: str = "png") -> Path:
    root.mkdir(exist_ok=True)
    (root / f"{seed}.png").write_bytes(make_photo(seed, 17, 23))
    (root / f"m{seed}.{suffix}").write_bytes(mask)
    line = {"image_file_name": f"{seed}.png", "mask_file_name": f"m{seed}.{suffix}"}
    with (root / "metadata.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    return root


def picture_file(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def test_pictures_from_elsewhere_come_once(store: Store, tmp_path: Path) -> None:
    answer, receipts = Answer("cc0-1.0", True), []
    root = tmp_path / "folder"
    for seed in (2, 3, 2):  # one of them twice
        foreign_folder(root, picture_file(make_mask(seed, 17, 23) * np.uint8(255)), seed)

    def bring(target: Store) -> Imported:
        take = lambda *receipt: receipts.append(receipt)  # noqa: E731
        return import_from(target.core, root, answer, take=take)

    assert bring(store) == Imported(2, 1)
    assert bring(store) == Imported(0, 3)
    assert sorted(one for one, _ in receipts) == sorted(record.id for record in store.newest())
    store.delete(*receipts[0])
    assert bring(store) == Imported(0, 3), "what was deleted does not come back"
    assert len(store.newest()) == 1
    assert store.verify().problems == []
    other = Store.open(tmp_path / "other")
    assert bring(other) == Imported(2, 1)
    ids = {record.id[12:] for record in other.newest()}
    assert store.newest()[0].id[12:] not in ids, (
        "an id says nothing to who does not know the secret"
    )
    other.close()


def test_what_somebody_saved_here_is_known_too(store: Store, tmp_path: Path) -> None:
    hole = make_mask(2, 17, 23)
    store.save(make_submission(2, image_bytes=make_photo(2, 17, 23), mask=hole))
    root = foreign_folder(tmp_path / "folder", picture_file(hole * np.uint8(255)))
    assert import_from(store.core, root, Answer("cc0-1.0", True)) == Imported(0, 1)


def test_receipts_are_handed_out_before_anything_is_stored(store: Store, tmp_path: Path) -> None:
    root = foreign_folder(tmp_path / "folder", picture_file(make_mask(2, 17, 23) * np.uint8(255)))

    def full(*_: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError):
        import_from(store.core, root, Answer("cc0-1.0", True), take=full)
    assert store.info()["records"] == 0
    assert store.verify().problems == []


@pytest.mark.parametrize("how", ["0/1", "dark", "red", "clear", "palette", "jpeg", "turned"])
def test_masks_from_elsewhere_are_read_as_everywhere(
    store: Store, tmp_path: Path, how: str
) -> None:
    """Not black is hole, or with alpha not clear; black has noise in lossy files."""
    hole = np.zeros((17, 23), bool)
    hole[:8, :16] = True  # whole blocks of a JPEG
    suffix = "png"
    if how == "clear":
        layer = np.zeros((17, 23, 4), np.uint8)
        layer[hole] = (0, 0, 0, 255)
        data = picture_file(layer)
    elif how == "red":
        data = picture_file(np.stack([hole * np.uint8(255), *2 * [hole * np.uint8(0)]], axis=2))
    elif how == "palette":
        indexed = Image.fromarray(hole.astype(np.uint8)).convert("P")
        indexed.putpalette([0, 0, 0, 90, 0, 0])
        buffer = io.BytesIO()
        indexed.save(buffer, "PNG")
        data = buffer.getvalue()
    elif how == "jpeg":
        data, suffix = picture_file(np.where(hole, 250, 3).astype(np.uint8), "JPEG"), "jpg"
    elif how == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        data = picture_file(np.rot90(hole).astype(np.uint8) * 255, exif=exif)
    else:
        data = picture_file(hole * np.uint8(1 if how == "0/1" else 60))
    root = foreign_folder(tmp_path / "folder", data, suffix=suffix)
    import_from(store.core, root, Answer("cc0-1.0", True))
    np.testing.assert_array_equal(store.mask(store.newest()[0]), hole)


def test_a_mask_that_is_no_picture_is_refused(store: Store, tmp_path: Path) -> None:
    root = foreign_folder(tmp_path / "folder", b"no picture")
    with pytest.raises(
        SubmissionError, match=r"A mask cannot be read\. This file is not a picture"
    ):
        import_from(store.core, root, Answer("cc0-1.0", True))
