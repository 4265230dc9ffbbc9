import numpy as np

from masks import regions
from tests.masks.scenes import desk


def test_every_region_grows_out_of_two_others_until_all_is_one():
    patches = regions.cut(desk(90, 120)[0], 60)
    grown = regions.grow(patches, 1.0, 1.0)
    n = len(patches.area)
    assert grown.shape == (n - 1, n)
    assert grown[-1].all()
    assert patches.area.sum() == 90 * 120
    sizes = sorted(grown.sum(1))
    assert sizes[0] == 2


def test_patches_follow_edges():
    image, truth = desk(120, 160)
    patches = regions.cut(image, 250)
    shares = [
        np.bincount(truth[patches.index == k]).max() / (patches.index == k).sum()
        for k in range(len(patches.area))
    ]
    assert np.average(shares, weights=patches.area) > 0.97
