"""The published rule, limit by limit, on label maps whose objects are known."""

import cv2
import numpy as np
import pytest

import masks
from masks import objects
from masks.presets import FALLBACK, recipe
from masks.segmentation_limits import Hole, breaches
from tests.masks.scenes import desk, noise

BLANK = np.full((256, 320, 3), 128, np.uint8)


def one_disc(height=256, width=320, radius=40, centre=(100, 128)):
    labels = np.zeros((height, width), np.int32)
    cv2.circle(labels, centre, radius, 1, -1)
    return labels


def large_and_small():
    labels = one_disc(radius=9)
    labels[:, 160:] = 2
    return labels


def draw(labels, count=60, seed=0, image=BLANK, **values):
    return masks.generate("segmentation", image, count, seed, labels=labels, **values)


def test_a_disc_stays_a_disc():
    for item in draw(one_disc(), max_hidden_area=0, scale_change=0):
        assert item.strategy_used == "segmentation"
        assert item.note == ""
        assert item.mask.sum() == pytest.approx(np.pi * 40**2, rel=0.03)
        box = masks.describe(item.mask).bounding_box
        assert abs(box.width - box.height) <= 2


def test_scale_stays_within_its_limit():
    areas = [item.mask.sum() / (np.pi * 40**2) for item in draw(one_disc(), 150, max_hidden_area=0)]
    assert 0.74**2 < min(areas) < 0.65
    assert 1.45 < max(areas) < 1.27**2


def test_an_object_at_the_border_never_grows_and_often_keeps_its_size():
    scales = [
        masks.describe(item.mask).bounding_box.height / 81
        for item in draw(one_disc(centre=(40, 128)), 200, max_hidden_area=0)
    ]
    assert max(scales) <= 1.02
    # Published: drawn from 0.75 to 1.25, then cut off at 1, which half of the draws exceed.
    assert np.mean(np.array(scales) > 0.98) == pytest.approx(0.54, abs=0.1)
    assert min(scales) < 0.8


def test_an_object_near_the_border_grows_by_its_room_at_most():
    labels = one_disc(centre=(56, 128))  # 16 of 320 pixels are free at its left: twice 5 %
    scales = [
        masks.describe(item.mask).bounding_box.height / 81
        for item in draw(labels, 100, max_hidden_area=0)
    ]
    assert 1.07 < max(scales) < 1.13


def test_of_the_hole_what_is_hidden_counts_as_shared():
    hole = np.zeros((64, 64), np.bool_)
    hole[:8, :10] = True  # and two rows above the picture
    labels = np.zeros((64, 64), np.int32)
    labels[:4, :10] = 1  # half of what is seen; with the hidden rows six of ten
    placed = Hole(hole, 1, 100, 1.0, False)
    limits = {p.name: p.default for p in recipe("segmentation").parameters} | {
        "min_mask_area": 0.0, "max_foreground_coverage": 1.0, "max_mask_intersection": 0.5
    }  # fmt: skip
    whole = labels.copy()
    whole[20:40, :10] = 1  # more of the object elsewhere: its own share is small
    assert "max_mask_intersection" in breaches(placed, whole, [], limits)
    assert not breaches(placed, whole, [], limits | {"max_mask_intersection": 0.6})


def test_vertical_shift_stays_within_its_limit():
    tops = [
        masks.describe(item.mask).bounding_box.top + 40
        for item in draw(one_disc(), 150, scale_change=0, max_hidden_area=0)
    ]
    assert min(tops) >= 128 - 26 - 4  # 0.1 of 256, and one cell of the search map
    assert max(tops) <= 128 + 26 + 4
    assert np.ptp(tops) > 30


def test_horizontal_places_reach_everywhere_that_is_allowed():
    lefts = [masks.describe(item.mask).bounding_box.left for item in draw(one_disc(), 200)]
    assert min(lefts) == 0
    assert max(lefts) > 230


def test_no_more_is_hidden_than_allowed():
    for item in draw(one_disc(), 100, scale_change=0, max_hidden_area=0.2):
        assert item.mask.sum() > 0.77 * np.pi * 40**2


def test_the_hole_leaves_its_own_object():
    labels = one_disc()
    for item in draw(labels, 100, max_mask_intersection=0.2):
        assert (item.mask & (labels == 1)).sum() <= 0.25 * np.pi * 40**2


def test_no_object_is_hidden_more_than_allowed():
    labels = one_disc()
    cv2.rectangle(labels, (180, 100), (215, 160), 2, -1)
    shares = [
        (item.mask & (labels == 2)).sum() / (labels == 2).sum()
        for item in draw(labels, 150, max_foreground_coverage=0.3, max_object_area=0.3)
    ]
    assert max(shares) < 0.38
    soft = [
        (item.mask & (labels == 2)).sum() / (labels == 2).sum()
        for item in draw(labels, 150, max_foreground_coverage=0.3, rigid=0)
    ]
    assert max(soft) > 0.9


def test_large_objects_are_left_out_and_small_holes_thrown_away():
    labels = np.zeros((256, 320), np.int32)
    labels[:, :160] = 1  # half of the picture
    cv2.circle(labels, (240, 128), 50, 2, -1)  # about 10 %
    labels[10:20, 200:210] = 3  # 0.1 %
    for item in draw(labels, 40):
        assert 0.02 < item.mask.mean() < 0.16


def test_an_asymmetric_object_is_mirrored_every_other_time():
    labels = np.zeros((256, 320), np.int32)
    cv2.fillPoly(labels, [np.array([(60, 80), (60, 170), (150, 170)])], 1)

    def leans(items):
        boxes = [masks.describe(item.mask).bounding_box for item in items]
        return [
            np.argwhere(item.mask)[:, 1].mean() - box.left < box.width / 2
            for item, box in zip(items, boxes, strict=True)
        ]

    assert 0.35 < np.mean(leans(draw(labels, 150, max_hidden_area=0))) < 0.65
    assert all(leans(draw(labels, 40, flip=0, max_hidden_area=0)))


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (np.zeros((256, 320), int), "No object was found,"),
        (np.ones((256, 320), int), "Every object covers 30.0% of the picture or more,"),
        (one_disc(radius=9), "Every object is too small for a hole of 2.0% of the picture,"),
        (one_disc(radius=1), "Every object is too small for a hole of 2.0% of the picture,"),
        (large_and_small(), "Every object is too large or too small,"),
        (one_disc(radius=70, centre=(160, 128)), "No free place was found for any object,"),
    ],
)
def test_without_holes_another_strategy_draws_and_says_why(labels, why):
    items = draw(labels, 3, vertical_shift=0, max_hidden_area=0, max_mask_intersection=0)
    assert all(item.strategy_used == FALLBACK for item in items)
    assert all(item.note.startswith(why) and FALLBACK in item.note for item in items)
    for item in items:
        masks.check_mask(item.mask)


def test_small_objects_do_not_use_up_the_tries_of_one_that_can_be_moved():
    labels = one_disc()
    for k in range(20):
        labels[4:12, 8 + 15 * k : 16 + 15 * k] = k + 2
    items = draw(labels, 40)
    assert {item.strategy_used for item in items} == {"segmentation"}
    assert min(item.mask.mean() for item in items) > 0.02


def test_a_picture_without_objects_falls_back_too():
    items = masks.generate("segmentation", noise(200, 300), 2, 0)
    assert {item.strategy_used for item in items} == {FALLBACK}


def test_given_labels_stand_in_for_the_search(monkeypatch):
    monkeypatch.setattr(objects, "cut", lambda *_: pytest.fail("looked for objects"))
    image, labels = desk()
    assert draw(labels, 2, image=image)[0].strategy_used == "segmentation"


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 400), (400, 17), (1201, 37)])
def test_odd_sizes_work(height, width):
    labels = np.zeros((height, width), np.int32)
    labels[height // 4 : height // 2, width // 4 : width // 2] = 7
    image = np.zeros((height, width, 3), np.uint8)
    for item in draw(labels, 4, image=image, min_mask_area=0):
        assert masks.check_mask(item.mask) == (height, width)
