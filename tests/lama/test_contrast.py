"""Busier answers are calmed; pieces are taken where they have texture and fit."""

import pytest
import torch

from lama.contrast import calmed, textured


def waves(height, width, size, seed=0):
    """Noise of a given standard deviation around grey."""
    noise = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    return (0.5 + size * noise).clamp(0, 1)


@pytest.mark.parametrize("size", [(67, 101), (8, 8), (41, 9), (128, 96)])
def test_a_busier_answer_gets_the_copys_contrast(size):
    answer, copied = waves(*size, 0.12), waves(*size, 0.02, seed=1)
    found = calmed(answer, copied)
    assert found.shape == answer.shape
    expected = copied + (answer - copied) * (0.021 / 0.121)
    assert (found - expected).abs().mean() < 0.006
    assert found.std() < 0.04 < answer.std()


def test_an_answer_that_is_calmer_stays():
    answer, copied = waves(67, 101, 0.02), waves(67, 101, 0.12, seed=1)
    assert torch.equal(calmed(answer, copied), answer)
    assert torch.equal(calmed(answer, answer), answer)


def test_a_flat_copy_takes_flecks_away_and_only_where_they_are():
    copied = torch.full((1, 3, 99, 161), 0.4)
    answer = copied.clone()
    answer[..., 10:40, 10:40] = waves(30, 30, 0.1)
    answer[..., 60:] += 0.2 * torch.linspace(0, 1, 161 - 60)  # light that falls off slowly
    found = calmed(answer, copied)
    assert found[..., 14:36, 14:36].std() < 0.01
    assert torch.equal(found[..., 70:, :40], answer[..., 70:, :40])


def test_pictures_of_a_batch_and_their_channels_are_judged_together_or_apart():
    """Channels share what they keep, so that colours do not come apart; pictures do not."""
    one, other = waves(40, 56, 0.12), waves(40, 56, 0.02, seed=2)
    copied = waves(40, 56, 0.05, seed=1)
    both = calmed(torch.cat([one, other]), copied.expand(2, -1, -1, -1))
    assert torch.allclose(both[:1], calmed(one, copied), atol=1e-6)
    assert torch.allclose(both[1:], other, atol=1e-6)
    kept = (both[:1] - copied) / (one - copied)
    clear = (one - copied).abs().amin(1, keepdim=True) > 0.05
    spread = (kept.amax(1, keepdim=True) - kept.amin(1, keepdim=True))[clear]
    assert spread.max() < 1e-3


def test_pieces_are_taken_where_patches_fail_and_they_have_what_is_wanted():
    patches, guide = (torch.full((1, 3, 101, 401), 0.5) for _ in range(2))
    coherence = torch.full((1, 1, 101, 401), 0.8)
    pieces = waves(101, 401, 0.12)
    pieces[..., 100:200] = waves(101, 100, 0.01)  # smooth
    pieces[..., 200:300] -= 0.2  # too dark
    coherence[..., 300:] = 0.95  # no need of them
    found = textured(patches, coherence, pieces, guide)
    assert torch.equal(found[..., :80], pieces[..., :80])
    for start in (124, 224, 324):
        there = slice(start, start + 52)
        assert torch.equal(found[..., there], patches[..., there])
    assert found.shape == patches.shape


def test_between_smooth_and_rough_both_count():
    patches = torch.full((1, 3, 67, 101), 0.5)
    pieces = waves(67, 101, 0.045)
    found = textured(patches, torch.full_like(patches[:, :1], 0.8), pieces, patches)
    assert 0.3 < float((found - patches).std() / (pieces - patches).std()) < 0.7
