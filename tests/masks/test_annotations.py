"""A dataset's own masks, in every form that is read."""

import json

import cv2
import numpy as np
import pytest

from masks.annotations import NotAnnotatedError, annotated_photos, coco_mask, photos, read_labels
from masks.files import write_image, write_mask


def photo(path, height=37, width=53):
    write_image(path, np.full((height, width, 3), 90, np.uint8))


def one_object(height=37, width=53):
    mask = np.zeros((height, width), bool)
    mask[5:20, 8:31] = True
    mask[7, 9] = False
    return mask


def runs(mask):
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(np.r_[False, flat, False]))
    return np.diff(np.r_[0, edges, flat.size]).tolist() if flat.size else []


def as_text(counts):
    """COCO's text form, written from its description: five bits a character."""
    text = ""
    for k, count in enumerate(counts):
        value = count - (counts[k - 2] if k > 2 else 0)
        while True:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text += chr((bits | 0x20 if more else bits) + 48)
            if not more:
                break
    return text


@pytest.mark.parametrize("form", [lambda r: r, as_text])
def test_run_lengths_give_the_mask_back(form):
    mask = one_object()
    counts = runs(mask)
    assert (coco_mask({"counts": form(counts), "size": [37, 53]}, 37, 53) == mask).all()


def test_run_lengths_of_another_size_are_refused():
    with pytest.raises(ValueError, match="not those of a 53 x 37 mask"):
        coco_mask({"counts": [3, 4]}, 37, 53)


def test_polygons():
    mask = coco_mask([[2, 3, 10, 3, 10, 9, 2, 9]], 20, 30)
    assert mask[3:10, 2:11].all()
    assert mask.sum() == 7 * 9


def test_label_maps_beside_photos(tmp_path):
    (tmp_path / "labels").mkdir()
    for name, value in (("a", 1), ("b", 300)):
        photo(tmp_path / f"{name}.jpg")
        cv2.imwrite(
            str(tmp_path / "labels" / f"{name}.png"), one_object().astype(np.uint16) * value
        )
    photo(tmp_path / "without.jpg")
    found = annotated_photos(tmp_path)
    assert [entry.photo.name for entry in found] == ["a.jpg", "b.jpg"]
    assert set(np.unique(found[1].read())) == {0, 300}


def test_what_a_system_leaves_beside_photos_and_annotation_is_neither(tmp_path):
    photo(tmp_path / "a.jpg")
    for name in ("._a.jpg", "._instances.json"):
        (tmp_path / name).write_bytes(b"Mac OS X \xff")
    (tmp_path / "x.jpg").mkdir()
    assert photos(tmp_path) == [tmp_path / "a.jpg"]
    (tmp_path / "instances.json").write_text(json.dumps(coco(image={"file_name": "a.jpg"})))
    assert [entry.photo.name for entry in annotated_photos(tmp_path)] == ["a.jpg"]


def test_panoptic_keeps_things_and_leaves_stuff_and_crowds(tmp_path):
    photo(tmp_path / "images" / "p.jpg")
    (tmp_path / "panoptic").mkdir()
    ids = np.zeros((37, 53), np.int64)
    ids[:10], ids[10:20], ids[20:30] = 7, 300, 70_000
    colours = np.stack([ids // 65536, ids // 256 % 256, ids % 256], 2).astype(np.uint8)  # B G R
    cv2.imwrite(str(tmp_path / "panoptic" / "p.png"), colours)
    segments = [
        {"id": 7, "category_id": 2, "iscrowd": 0},
        {"id": 300, "category_id": 1, "iscrowd": 0},
        {"id": 70_000, "category_id": 1, "iscrowd": 1},
    ]
    data = {
        "images": [{"id": 1, "file_name": "p.jpg"}],
        "categories": [{"id": 1, "isthing": 1}, {"id": 2, "isthing": 0}],
        "annotations": [{"image_id": 1, "file_name": "p.png", "segments_info": segments}],
    }
    (tmp_path / "panoptic.json").write_text(json.dumps(data))
    (entry,) = annotated_photos(tmp_path)
    assert (entry.read() == np.where(ids == 300, 1, 0)).all()


def test_small_instances_stay_in_sight_on_large_ones(tmp_path):
    photo(tmp_path / "p.jpg")
    square = [[20, 10, 25, 10, 25, 15, 20, 15]]
    data = {
        "images": [{"id": 4, "file_name": "p.jpg", "width": 53, "height": 37}],
        "annotations": [
            {"image_id": 4, "segmentation": square},
            {"image_id": 4, "segmentation": {"counts": runs(one_object()), "size": [37, 53]}},
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(data))
    labels = annotated_photos(tmp_path)[0].read()
    assert set(np.unique(labels)) == {0, 1, 2}
    assert (labels == 2).sum() == 36


def test_a_folder_without_annotations_says_what_is_expected(tmp_path):
    write_mask(tmp_path / "m.png", one_object())
    with pytest.raises(ValueError, match="labels"):
        annotated_photos(tmp_path)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match="label map"):
        read_labels(tmp_path / "text.png")


def coco(**changes):
    """An instances file of one photo, with other values, or without those that are None."""
    image = {"id": 4, "file_name": "p.jpg"} | changes.get("image", {})
    entry = {"image_id": 4, "segmentation": [[2, 3, 10, 3, 10, 9]]} | changes.get("entry", {})
    parts = ({k: v for k, v in part.items() if v is not None} for part in (image, entry))
    return dict(zip(("images", "annotations"), ([part] for part in parts), strict=True))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (coco(image={"file_name": None}), "an entry has no 'file_name'"),
        (coco(image={"id": None}), "an entry has no 'id'"),
        (coco(image={"file_name": 7}), "not COCO as it should be"),
        (coco(entry={"image_id": None}), "an entry has no 'image_id'"),
        (coco(entry={"segments_info": []}), "an entry has no 'file_name'"),
        ({"images": [3], "annotations": [{"image_id": 4, "segmentation": [[1]]}]}, "not COCO"),
        ({"images": [], "annotations": [3]}, "not COCO"),
        ({"images": [], "annotations": ["segments_info"]}, "not COCO"),
    ],
)
def test_a_coco_file_that_lacks_something_is_named(tmp_path, data, words):
    photo(tmp_path / "p.jpg")
    (tmp_path / "instances.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=words) as found:
        annotated_photos(tmp_path)
    assert "instances.json" in str(found.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (coco(image={"file_name": "val2017/p.jpg"}), "the photo 'val2017/p.jpg' is not there"),
        (coco(entry={"image_id": 5}), "have no objects"),
        ({"images": [{"id": 4, "file_name": "p.jpg"}], "annotations": []}, "have no objects"),
        (coco(entry={"segments_info": [], "file_name": "q.png"}), r"instances/q\.png is not there"),
    ],
)
def test_an_annotation_that_fits_no_photo_says_which_is_missing(tmp_path, data, words):
    photo(tmp_path / "p.jpg")
    (tmp_path / "instances.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=words) as found:
        annotated_photos(tmp_path)
    assert not isinstance(found.value, NotAnnotatedError)
    assert "instances.json annotates no photo" in str(found.value)


def test_captions_are_no_annotation_of_objects(tmp_path):
    photo(tmp_path / "p.jpg")
    captions = coco(entry={"segmentation": None, "caption": "grey"})
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    with pytest.raises(NotAnnotatedError):
        annotated_photos(tmp_path)


def test_a_photo_that_is_annotated_twice_is_refused(tmp_path):
    photo(tmp_path / "p.jpg")
    for name in ("instances.json", "person_keypoints.json"):
        (tmp_path / name).write_text(json.dumps(coco()))
    with pytest.raises(
        ValueError, match=r"p\.jpg is annotated twice, in .*/instances\.json and .*_k"
    ):
        annotated_photos(tmp_path)


@pytest.mark.parametrize(
    "segmentation",
    [
        {}, {"counts": 3}, {"counts": [None]}, {"counts": [-3, 616]}, 7, [[1, 2, 3]], [["a", "b"]],
        [[]], [3], [[1, 2, float("nan"), 4]], [[1, 2, float("inf"), 4]], [[1, 1e9]], [[None, 2]],
        [[[1, 2], [3, 4]]], [{}],
    ],
)  # fmt: skip
def test_segmentations_that_are_none(segmentation):
    with pytest.raises(ValueError, match="segmentation|run lengths"):
        coco_mask(segmentation, 20, 30)
