import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masks import ops


def blob(height=61, width=83, seed=0):
    rng = np.random.default_rng(seed)
    return cv2.GaussianBlur(rng.random((height, width)), (0, 0), 6) > 0.5


def brute_grow(mask, pixels):
    holes = np.argwhere(mask)
    spots = np.indices(mask.shape).reshape(2, -1).T
    nearest = ((spots[:, None] - holes[None]) ** 2).sum(2).min(1)
    return (nearest <= pixels**2).reshape(mask.shape)


@pytest.mark.parametrize("pixels", [1, 2.5, 7])
def test_grow_adds_what_lies_within_the_distance(pixels):
    mask = blob(31, 43)
    mask[:, 30:] = False
    assert np.array_equal(ops.grow(mask, pixels), brute_grow(mask, pixels))


@pytest.mark.parametrize("pixels", [1, 3])
def test_shrink_is_grow_of_the_rest(pixels):
    mask = blob(31, 43)
    assert np.array_equal(ops.shrink(mask, pixels), ~brute_grow(~mask, pixels))
    assert np.array_equal(ops.grow(mask, -pixels), ops.shrink(mask, pixels))


def test_a_hole_at_the_border_does_not_withdraw_from_it():
    mask = np.zeros((20, 30), bool)
    mask[:, :10] = True
    assert np.array_equal(np.flatnonzero(ops.shrink(mask, 3)[0]), np.arange(7))
    assert ops.shrink(np.ones((5, 9), bool), 4).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 9), st.floats(0, 12), st.integers(1, 40), st.integers(1, 40))
def test_growing_and_shrinking_are_ordered(seed, pixels, height, width):
    mask = np.random.default_rng(seed).random((height, width)) > 0.7
    before = mask.copy()
    assert (ops.grow(mask, pixels) >= mask).all()
    assert (ops.shrink(mask, pixels) <= mask).all()
    assert np.array_equal(mask, before)


def test_feather_is_one_inside_and_falls_to_nothing():
    mask = np.zeros((21, 41), bool)
    mask[:, :10] = True
    weights = ops.feather(mask, 4)
    assert weights.dtype == np.float32
    assert weights[3, :16] == pytest.approx([1] * 10 + [0.8, 0.6, 0.4, 0.2, 0, 0])
    assert np.array_equal(ops.feather(mask, 0) > 0, mask)
    assert not ops.feather(np.zeros((5, 5), bool), 3).any()


@pytest.mark.parametrize(
    "mask",
    [
        np.array([[0, 3], [255, 0]], np.uint8),
        np.array([[0.0, 0.01], [1, 0]]),
        np.array([[[0, 0, 0], [0, 9, 0]], [[1, 1, 1], [0, 0, 0]]], np.uint8),
        np.array([[[0, 0, 0, 255], [0, 9, 0, 255]], [[1, 1, 1, 0], [0, 0, 0, 255]]], np.uint8),
        np.array([[[0], [7]], [[1], [0]]], np.uint16),
        np.array([[False, True], [True, False]]),
    ],
)
def test_binarize_takes_any_nonzero_as_hole(mask):
    assert ops.binarize(mask).tolist() == [[False, True], [True, False]]


def test_binarize_has_a_threshold_and_refuses_other_shapes():
    assert ops.binarize(np.array([[100, 200]]), 127).tolist() == [[False, True]]
    with pytest.raises(ValueError, match="not"):
        ops.binarize(np.zeros((2, 3, 7)))


def test_bounding_box_is_tight_and_none_for_nothing():
    mask = np.zeros((50, 70), bool)
    mask[4, 60] = mask[30, 9] = True
    box = ops.bounding_box(mask)
    assert box == (9, 4, 61, 31)
    assert (box.width, box.height) == (52, 27)
    assert box.moved(-9, 2) == (0, 6, 52, 33)
    assert mask[box.slices].shape == (27, 52)
    assert ops.pad(box, 12, mask.shape) == (0, 0, 70, 43)
    assert ops.bounding_box(np.zeros((3, 4), bool)) is None


def test_groups_come_apart_and_together():
    mask = np.zeros((60, 90), bool)
    mask[5:25, 5:25] = mask[5:15, 31:41] = mask[50, 80] = True
    apart = ops.groups(mask)
    assert [int(g.sum()) for g in apart] == [400, 100, 1]
    assert np.array_equal(np.any(apart, 0), mask)
    joined = ops.groups(mask, gap=6)
    assert [int(g.sum()) for g in joined] == [500, 1]
    assert len(ops.groups(mask, gap=4)) == 3
    assert ops.groups(np.zeros((4, 5), bool)) == []


@pytest.mark.parametrize(
    ("shape", "size"), [((300, 200), (60, 40)), ((30, 900), (8, 60)), ((60, 7), (60, 7))]
)
def test_an_image_comes_within_a_side(shape, size):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    small, factor = ops.within(image, 60, least=8)
    assert (small.shape, small.dtype) == ((*size, 3), np.uint8)
    assert factor == min(1, 60 / max(shape))
    assert (small is image) == (shape == size)


@pytest.mark.parametrize(
    ("fraction", "bucket"),
    [(0, 0), (0.0999, 0), (0.5, 5), (0.95, 9), (1, 9), *((k / 10, k) for k in range(1, 10))],
)
def test_buckets_are_the_papers(fraction, bucket):
    assert ops.area_bucket(fraction) == bucket


def test_what_is_no_fraction_has_no_bucket():
    with pytest.raises(ValueError, match="between 0 and 1"):
        ops.area_bucket(1.2)


def test_invert_turns_it_round():
    mask = blob()
    assert np.array_equal(ops.invert(mask), np.logical_not(mask))
