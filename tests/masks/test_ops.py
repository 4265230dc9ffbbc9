import numpy as np
import pytest

from masks import ops


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_painted_is_what_is_not_black_or_with_a_clear_pixel_what_is_not_clear(kind):
    white = np.iinfo(kind).max
    grey = np.array([[[0], [1]], [[white], [0]]], kind)
    assert ops.painted(grey).tolist() == [[False, True], [True, False]]
    assert ops.painted(grey, noisy=True).tolist() == [[False, False], [True, False]]
    blue = np.concatenate([grey * 0, grey * 0, grey], axis=2)
    assert ops.painted(blue).tolist() == [[False, True], [True, False]]
    whole = np.full_like(grey, white)
    assert np.array_equal(ops.painted(np.concatenate([blue, whole], 2)), ops.painted(blue))
    clear = np.array([[[1], [white]], [[0], [white]]], kind)
    for picture in (np.concatenate([grey, clear], 2), np.concatenate([blue, clear], 2)):
        for noisy in (False, True):
            assert ops.painted(picture, noisy).tolist() == [[True, True], [False, True]]


def test_bounding_box_is_tight_and_none_for_nothing():
    mask = np.zeros((50, 70), bool)
    mask[4, 60] = mask[30, 9] = True
    box = ops.bounding_box(mask)
    assert box == (9, 4, 61, 31)
    assert (box.width, box.height) == (52, 27)
    assert box.moved(-9, 2) == (0, 6, 52, 33)
    assert mask[box.slices].shape == (27, 52)
    assert ops.bounding_box(np.zeros((3, 4), bool)) is None


def test_boxes_grow_within_the_picture_and_join():
    box = ops.Box(2, 10, 20, 30)
    assert box.grown(3, (31, 70)) == (0, 7, 23, 31)
    assert box.grown(3, (31, 70, 3)) == box.grown(3, (31, 70))
    assert box.union(ops.Box(5, 4, 33, 12)) == (2, 4, 33, 30)


@pytest.mark.parametrize("pixels", [0, 1, 3, 40])
def test_holes_grow_by_a_disc(pixels):
    mask = np.zeros((50, 70), bool)
    mask[4, 60] = mask[30:33, 9:12] = True
    before = mask.copy()
    y, x = np.nonzero(mask)
    rows, columns = np.mgrid[:50, :70]
    far = (rows[..., None] - y) ** 2 + (columns[..., None] - x) ** 2
    wanted = (far <= pixels**2).any(axis=2)
    found = ops.grown(mask, pixels)
    assert found.dtype == bool
    assert np.array_equal(found, wanted)
    assert np.array_equal(mask, before)
    assert not ops.grown(np.zeros((5, 6), bool), pixels).any()


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


@pytest.mark.parametrize("side", [8, 32])
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (67, 101), (320, 33)])
def test_cells_with_a_hole_are_counted_as_in_the_plainest_way(size, side):
    rng = np.random.default_rng(0)
    mask = rng.random(size) < 0.004
    cells = ops.hole_cells(mask, side)
    assert cells.shape == (-(-size[0] // side), -(-size[1] // side))
    for row, column in np.ndindex(*cells.shape):
        place = slice(row * side, row * side + side), slice(column * side, column * side + side)
        assert cells[row, column] == mask[place].any()


def test_holes_within_two_cells_lie_together():
    mask = np.zeros((70, 150), bool)
    mask[3, 3] = mask[12, 28] = True  # one cell between them
    mask[3, 60] = True  # three cells away
    mask[60, 140:150] = True
    numbers = ops.holes_together(mask, 8)
    assert numbers.shape == (9, 19)
    assert numbers[0, 0] == numbers[1, 3] > 0
    assert len({numbers[0, 0], numbers[0, 7], numbers[7, 18], 0}) == 4
    assert sorted(set(numbers.ravel())) == [0, 1, 2, 3]
    assert np.array_equal(numbers > 0, ops.hole_cells(mask, 8))
    assert not ops.holes_together(mask & False, 8).any()
