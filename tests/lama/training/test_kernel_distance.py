import numpy as np
import pytest
from torchmetrics.image.kid import poly_kernel, poly_mmd

from lama.training.kernel_distance import (
    EFFICIENTNET,
    VGG,
    CropFeatures,
    crops,
    kernel_distance,
)


def features(rng, n=40, k=1, shift=0.0):
    return (rng.standard_normal((n, k, 16)) + shift).astype(np.float32)


def test_equal_sets_have_no_distance(rng):
    some = features(rng, k=3)
    found = kernel_distance(some, some)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.std == pytest.approx(0, abs=1e-12)
    assert found.n == 40


def test_it_is_unbiased_and_grows_with_the_shift():
    same = [
        kernel_distance(features(np.random.default_rng(i)), features(np.random.default_rng(99 + i)))
        for i in range(30)
    ]
    values = np.array([found.value for found in same])
    assert abs(values.mean()) < 3 * values.std() / len(values) ** 0.5
    assert (values < 0).any()  # a biased estimate would always be above zero
    rng = np.random.default_rng(0)
    near, far = (kernel_distance(features(rng, shift=s), features(rng)).value for s in (0.3, 1.0))
    assert values.max() < near < far


def test_it_is_torchmetrics_estimate_but_for_pairs_of_one_photo(rng):
    import torch

    fills, photos = features(rng, shift=0.4), features(rng)
    theirs = poly_mmd(torch.from_numpy(photos[:, 0]), torch.from_numpy(fills[:, 0])).item()
    assert kernel_distance(fills, photos).value == pytest.approx(theirs, rel=0.1)


def test_repeating_the_crops_changes_nothing(rng):
    fills, photos = features(rng, shift=0.4), features(rng)
    once = kernel_distance(fills, photos).value
    assert kernel_distance(*(np.repeat(x, 3, 1) for x in (fills, photos))).value == pytest.approx(
        once
    )


def test_pairs_are_compared_a_few_at_a_time(rng, monkeypatch):
    fills, photos = features(rng, n=23, k=3, shift=0.4), features(rng, n=23, k=3)
    once = kernel_distance(fills, photos)
    pairs = []
    whole = poly_kernel

    def counted(a, b):
        pairs.append(len(a) * len(b))
        return whole(a, b)

    monkeypatch.setattr("lama.training.kernel_distance.poly_kernel", counted)
    monkeypatch.setattr("lama.training.kernel_distance.MOST_PAIRS", 1500)
    few = kernel_distance(fills, photos)
    assert max(pairs) <= 1500
    assert sum(pairs) == 3 * (23 * 3) ** 2
    assert few.value == pytest.approx(once.value, rel=1e-12)
    assert few.std == pytest.approx(once.std, rel=1e-12)


def test_a_set_takes_two():
    one = np.zeros((1, 1, 4), np.float32)
    with pytest.raises(ValueError, match="two photos"):
        kernel_distance(one, one)


@pytest.mark.parametrize("hole", [np.s_[90:, 95:], np.s_[5:12, 80:97], np.s_[70:, :9]])
def test_crops_lie_inside_around_the_hole(hole):
    mask = np.zeros((101, 101), bool)
    mask[hole] = True
    places = crops(mask)
    assert places[0] == (0, 0, 101)
    assert len(places) == 5
    for top, left, side in places[1:]:
        assert side == 50
        assert 0 <= top <= 101 - side
        assert mask[top : top + side, left : left + side].any()


@pytest.mark.parametrize(("name", "channels"), [(EFFICIENTNET, 1280), (VGG, 512)])
def test_features_see_the_hole(rng, name, channels):
    photo = rng.integers(0, 256, (96, 96, 3)).astype(np.uint8)
    mask = np.zeros((96, 96), bool)
    mask[30:60, 30:60] = True
    grey = np.where(mask[..., None], 128, photo).astype(np.uint8)
    found = CropFeatures(name)([photo, photo.copy(), grey], mask)
    assert found.shape == (3, 5, channels)
    assert np.allclose(found[0], found[1], atol=1e-4)
    assert np.abs(found[0] - found[2]).max() > 0.1


def test_the_spread_is_that_of_halves(rng):
    fills, photos = features(rng, shift=0.4), features(rng)
    found = kernel_distance(fills, photos)
    halves = [rng.permutation(40)[:20] for _ in range(100)]
    values = [kernel_distance(fills[some], photos[some]).value for some in halves]
    assert found.std == pytest.approx(np.std(values), rel=0.3)
    assert kernel_distance(fills, photos) == found
