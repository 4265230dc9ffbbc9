import numpy as np
import pytest

from lama.groups import batches, hole_groups


@pytest.mark.parametrize("size", [(16, 16), (67, 101), (500, 333)])
@pytest.mark.parametrize("density", [0.0005, 0.05, 0.9])
def test_every_hole_pixel_is_in_exactly_one_group(size, density, rng):
    mask = rng.random(size) < density
    mask[size[0] // 2, size[1] // 3] = True
    times = np.zeros(size, int)
    for group in hole_groups(mask):
        assert group.hole.any()
        assert group.hole.shape == (group.crop.height, group.crop.width)
        times[group.crop.slices] += group.hole
    assert np.array_equal(times, mask.astype(int))


def test_far_holes_get_crops_of_their_own_and_context():
    mask = np.zeros((2000, 3000), bool)
    mask[100:150, 100:180] = True
    mask[1500:1700, 2500:2600] = True
    crops = [g.crop for g in hole_groups(mask, context=1.0, least=64)]
    assert len(crops) == 2
    # At least the margins, up to a multiple of 64.
    assert (crops[0].height, crops[0].width) == (256, 256)
    assert (crops[1].height, crops[1].width) == (640, 512)


def test_near_holes_are_seen_together():
    mask = np.zeros((400, 400), bool)
    mask[100:110, 100:110] = mask[130:140, 120:130] = True
    assert len(list(hole_groups(mask))) == 1


def test_context_cut_off_by_the_edge_is_added_on_the_other_side():
    mask = np.zeros((1000, 1000), bool)
    mask[0:100, 900:1000] = True
    (group,) = hole_groups(mask, context=1.0, least=10)
    assert (group.crop.height, group.crop.width) == (320, 320)
    assert (group.crop.top, group.crop.right) == (0, 1000)


def test_holes_of_one_size_go_together_if_they_do_not_see_each_other():
    mask = np.zeros((1500, 2000), bool)
    for y, x in ((300, 300), (300, 1300), (1100, 300)):
        mask[y : y + 40, x : x + 40] = True
    mask[1000:1040, 1300:1340] = mask[1000:1040, 1442:1482] = True  # within each other's sight
    mask[1300:1490, 1000:1100] = True  # another size
    groups = list(hole_groups(mask))
    assert len(groups) == 6
    sizes = [len(batch) for batch in batches(groups, mask, longest=1024, pixels=10**7)]
    assert sizes == [3, 1, 1, 1]
    assert sorted(id(g) for b in batches(groups, mask, 1024, 10**7) for g in b) == sorted(
        map(id, groups)
    )
    assert [len(b) for b in batches(groups, mask, 1024, pixels=2 * 256 * 256)][:2] == [2, 1]
    assert all(len(b) == 1 for b in batches(groups, mask, longest=100, pixels=10**7))
