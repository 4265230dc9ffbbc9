import pytest
import torch
import torch.nn.functional as F

from lama.offsets import dominant_offsets


def wall(height: int, width: int, cell: tuple[int, int], seed: int = 0) -> torch.Tensor:
    """(1, 3, H, W): one soft random cell, side by side."""
    source = torch.Generator().manual_seed(seed)
    tile = torch.rand(1, 3, *cell, generator=source)
    tile = F.avg_pool2d(F.pad(tile, (1, 1, 1, 1), mode="circular"), 3, 1)
    across = (1, 1, -(-height // cell[0]), -(-width // cell[1]))
    return tile.repeat(across)[..., :height, :width]


def hole(height: int, width: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., height // 3 : height // 2, width // 3 : width // 2] = 1
    return mask


# The last one is searched at a quarter of its size: the offsets have to be made exact again.
@pytest.mark.parametrize(
    ("shape", "cell"), [((101, 133), (23, 31)), ((180, 201), (26, 33)), ((401, 457), (51, 63))]
)
def test_offsets_are_multiples_of_the_period(shape, cell):
    offsets = dominant_offsets(wall(*shape, cell), hole(*shape), 6)
    assert offsets
    for dy, dx in offsets:
        assert (dy % cell[0], dx % cell[1]) == (0, 0)
        assert (dy, dx) != (0, 0)


def test_they_are_each_once_and_no_more_than_asked_for():
    image, mask = wall(150, 131, (17, 19)), hole(150, 131)
    for count in (1, 3, 40):
        offsets = dominant_offsets(image, mask, count)
        assert 0 < len(offsets) <= count
        assert len(set(offsets)) == len(offsets)
    assert dominant_offsets(image, mask, 3) == dominant_offsets(image, mask, 40)[:3]


def test_the_holes_content_is_not_seen():
    image, mask = wall(121, 140, (23, 31)), hole(121, 140)
    assert dominant_offsets(1 - image * (1 - mask) - mask, mask, 9) == dominant_offsets(
        1 - image * (1 - mask), mask, 9
    )


def test_nearby_matches_do_not_count():
    offsets = dominant_offsets(wall(150, 131, (5, 7)), hole(150, 131), 12)
    assert offsets
    assert all(max(abs(dy), abs(dx)) > 150 / 15 for dy, dx in offsets)


@pytest.mark.parametrize("shape", [(8, 8), (7, 300), (64, 33), (3, 40000)])
def test_where_too_little_is_known_there_are_none(shape):
    image = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(1, 1, *shape)
    mask[..., :6, :6] = 0
    assert dominant_offsets(image, mask, 9) == []


def test_a_flat_picture_has_some_or_none_without_an_error():
    for shape in ((91, 133), (300, 259)):
        offsets = dominant_offsets(torch.full((1, 3, *shape), 0.5), hole(*shape), 5)
        assert len(offsets) <= 5


def test_a_pause_ends_it():
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dominant_offsets(wall(101, 133, (23, 31)), hole(101, 133), 6, stop)


def test_an_offset_that_was_found_in_a_small_copy_is_made_exact_both_ways():
    """The wall repeats once, by odd steps, and nothing else in it does."""
    source = torch.Generator().manual_seed(1)
    image = F.avg_pool2d(torch.rand(1, 3, 422, 502, generator=source), 3, 1)
    image = F.avg_pool2d(image, 5, 1, 2)  # soft enough to be found at a quarter of the size
    image[..., 150:350, 243:443] = image[..., 37:237, 20:220]
    mask = torch.zeros(1, 1, *image.shape[-2:])
    mask[..., 200:240, 300:340] = 1
    offsets = dominant_offsets(image, mask, 2)
    assert set(offsets) == {(113, 223), (-113, -223)}


def test_frequent_offsets_come_first_and_neighbours_of_a_peak_do_not_come():
    image = wall(160, 240, (160, 31))
    offsets = dominant_offsets(image, hole(160, 240), 8)
    assert offsets[0][0] == offsets[0][1] % 31 == 0
    apart = [
        max(abs(a - c), abs(b - d)) for a, b in offsets for c, d in offsets if (a, b) != (c, d)
    ]
    assert min(apart) > 3
