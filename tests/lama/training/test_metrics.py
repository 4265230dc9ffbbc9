"""Metrics of single pictures against numbers worked out by hand or in numpy."""

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

from lama.training.metrics import masked_l1, psnr, ssim

NO_MASK = torch.ones(1, 1, 23, 31)


@pytest.fixture
def photo():
    """One smooth picture of odd sizes with room above its values."""
    y, x = np.mgrid[:23, :31]
    bands = np.stack([0.3 + 0.2 * np.sin(x / 3), y / 60, 0.5 - x * y / 3000])
    return torch.from_numpy(bands.astype(np.float32))[None]


def test_psnr_is_of_the_mean_square(photo):
    corner = torch.zeros(2, 4).index_fill_(1, torch.tensor([0]), 0.4)  # a quarter of the pixels
    quarter = corner.repeat(12, 8)[:23, :31]
    share = quarter.count_nonzero().item() / quarter.numel()
    fills = torch.cat([photo + 0.1, photo - 0.25, photo + quarter])
    # -10 log10 of 0.01, of 0.0625, and of 0.16 times the share
    wanted = [20.0, 12.0412, 7.9588 - 10 * np.log10(share)]
    assert psnr(fills, photo, NO_MASK).tolist() == pytest.approx(wanted, abs=1e-3)


def test_masked_l1_is_the_mean_over_the_hole_alone(photo):
    mask = torch.zeros_like(NO_MASK)
    mask[..., 3:8, 2:9] = 1
    fill = photo + 0.5
    fill[:, 0, 3:8, 2:9] = photo[:, 0, 3:8, 2:9] - 0.2
    fill[:, 1:, 3:8, 2:9] = photo[:, 1:, 3:8, 2:9]
    assert masked_l1(fill, photo, mask).tolist() == pytest.approx([0.2 / 3])


def similarity(one, other):
    """SSIM (Wang et al. 2004) of two (3, H, W), edges reflected."""
    place = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    weights = np.outer(place, place) / place.sum() ** 2
    wide = (np.pad(p.astype(np.float64), ((0, 0), (5, 5), (5, 5)), "reflect") for p in (one, other))
    a, b = (sliding_window_view(p, (11, 11), (1, 2)) for p in wide)

    def mean(values):
        return (values * weights).sum((-2, -1))

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    both = mean(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    return (light * (2 * both + 0.03**2) / (var_a + var_b + 0.03**2)).mean()


def test_ssim_is_what_its_formula_says(photo):
    noise = np.random.default_rng(5).normal(0, 0.1, photo.shape).astype(np.float32)
    fills = torch.cat([photo, photo + 0.2, photo.flip(3), photo + torch.from_numpy(noise)])
    wanted = [similarity(fill.numpy(), photo[0].numpy()) for fill in fills]
    assert wanted[0] == pytest.approx(1)
    assert max(wanted[1:]) < 0.9
    assert ssim(fills, photo, NO_MASK).tolist() == pytest.approx(wanted, abs=1e-4)
