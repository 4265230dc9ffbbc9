from itertools import pairwise

import pytest
import torch

from lama.training.matching import KernelMatching, cubic, square_in_hole


@pytest.fixture(scope="module")
def pictures():
    """Twelve smooth photos of 67x53, fills of them with noise in the hole, and the holes."""
    generator = torch.Generator().manual_seed(0)
    photos = torch.nn.functional.interpolate(
        torch.rand((12, 3, 5, 4), generator=generator), (67, 53), mode="bicubic"
    ).clamp(0, 1)
    masks = torch.zeros(12, 1, 67, 53)
    masks[:, :, 20:55, 9:40] = 1
    noise = torch.rand(photos.shape, generator=generator)
    return photos, photos * (1 - masks) + noise * masks, masks


def test_it_is_silent_until_it_has_seen_something(pictures):
    photos, fills, masks = (x[:2] for x in pictures)
    matching = KernelMatching(kept=8)
    assert matching(fills, photos, masks) == 0
    assert matching.seen == 2
    assert matching(fills, photos, masks) != 0


def test_fills_that_photos_are_unlike_cost_more_than_photos(pictures):
    photos, fills, masks = pictures
    matching = KernelMatching(kept=8)
    matching(fills[:8], photos[:8], masks[:8])
    matching.eval()
    bad = matching(fills[8:], photos[8:], masks[8:])
    good = matching(photos[8:], photos[8:], masks[8:])
    assert bad > good + 0.01
    assert matching.seen == 8  # in evaluation nothing is remembered


def test_the_gradient_leads_fills_to_photos(pictures):
    photos, fills, masks = pictures
    matching = KernelMatching(kept=8)
    matching(fills[:8], photos[:8], masks[:8])
    matching.eval()
    fill = fills[8:10].clone()
    losses = []
    for _ in range(4):
        fill.requires_grad_()
        loss = matching(fill, photos[8:10], masks[8:10])
        (gradient,) = torch.autograd.grad(loss, fill)
        losses.append(loss.item())
        fill = (fill - 0.01 * gradient.sign() * masks[8:10]).detach()
    assert all(b < a for a, b in pairwise(losses))


def test_the_oldest_are_forgotten_and_the_state_goes_on(pictures):
    photos, fills, masks = pictures
    one = KernelMatching(kept=5)
    for i in range(0, 12, 4):
        one(fills[i : i + 4], photos[i : i + 4], masks[i : i + 4])
    assert one.seen == 12
    assert one.fills.abs().sum((1, 2)).min() > 0  # five places, all taken
    other = KernelMatching(kept=5)
    other.load_state_dict(one.state_dict())
    for _ in range(2):
        args = fills[:3], photos[:3], masks[:3]
        torch.testing.assert_close(one(*args), other(*args), rtol=0, atol=0)


def test_squares_lie_in_the_picture_and_around_the_hole():
    mask = torch.zeros(67, 53)
    mask[60:66, 3:9] = 1
    places = {square_in_hole(mask, i) for i in range(50)}
    assert len(places) == 1  # near the corner all are pushed to the same edge
    ((top, left, side),) = places
    assert (top, left, side) == (67 - 26, 0, 26)
    assert square_in_hole(torch.zeros(67, 53), 3) == (20, 13, 26)
    mask[:] = 1
    assert len({square_in_hole(mask, i) for i in range(50)}) > 30


def test_the_kernel_is_the_one_that_evaluation_uses():
    from torchmetrics.image.kid import poly_kernel

    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randn((n, 16), generator=generator) for n in (3, 5))
    torch.testing.assert_close(cubic(a, b), poly_kernel(a, b))


def test_the_square_that_is_looked_at_is_the_one_named(pictures):
    photo, matching = pictures[0][:1], KernelMatching(kept=2)
    inside, outside = photo.clone(), photo.clone()
    inside[..., :26, 27:] = 0.5
    outside[..., 26:, :] = outside[..., :27] = 0.5
    before, changed, same = (
        matching._features(x, [(0, 27, 26)])[0, 1] for x in (photo, inside, outside)
    )
    assert (changed - before).abs().max() > 0.01
    torch.testing.assert_close(same, before)


def test_in_training_what_is_remembered_leaves_the_gradient_alone(pictures):
    photos, fills, masks = pictures
    matching = KernelMatching(kept=4)
    matching(fills[:4], photos[:4], masks[:4])
    fill = fills[4:6].clone().requires_grad_()
    loss = matching(fill, photos[4:6], masks[4:6])  # takes the place of some
    loss.backward()
    assert fill.grad.abs().sum() > 0
