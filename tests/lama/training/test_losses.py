import math

import pytest
import torch

from lama.training import losses


def test_discriminator_labels_known_patches_of_the_fake_as_real():
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :32] = 1
    left_fake = torch.full((1, 1, 4, 4), 3.0)
    left_fake[..., :2] = -3.0  # says fake in the hole, real elsewhere: right everywhere
    real = torch.full((1, 1, 4, 4), 3.0)
    right = losses.discriminator_loss(real, left_fake, mask)
    assert right.item() == pytest.approx(2 * math.log1p(math.exp(-3)), rel=1e-5)
    wrong = losses.discriminator_loss(real, left_fake, 1 - mask)
    assert wrong.item() == pytest.approx(
        math.log1p(math.exp(-3)) + math.log1p(math.exp(3)), rel=1e-5
    )


def test_generator_wants_to_be_called_real():
    assert losses.generator_adversarial_loss(torch.zeros(2, 1, 3, 5)).item() == pytest.approx(
        math.log(2)
    )
    logits = torch.zeros(1, 1, 3, 3, requires_grad=True)
    losses.generator_adversarial_loss(logits).backward()
    assert (logits.grad < 0).all()


def test_r1_is_the_squared_gradient_norm_of_each_picture():
    real = torch.rand(3, 3, 8, 6, requires_grad=True)
    weight = torch.randn(3, 8, 6)
    logits = (real * weight).sum((1, 2, 3)).view(3, 1, 1, 1)
    penalty = losses.r1_penalty(logits, real)
    assert penalty.item() == pytest.approx(weight.square().sum().item(), rel=1e-5)


def test_feature_matching_is_the_mean_and_perceptual_the_sum_over_maps():
    a = [torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 2, 2)]
    b = [torch.full((1, 2, 4, 4), 2.0), torch.full((1, 3, 2, 2), 4.0)]
    assert losses.feature_matching_loss(a, b).item() == pytest.approx((4 + 16) / 2)
    assert losses.perceptual_loss(a, b).item() == pytest.approx(4 + 16)


def test_l1_terms_look_where_they_should():
    image, prediction = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., 0] = 1
    prediction[..., 0] = 0.5
    assert losses.known_l1_loss(prediction, image, mask).item() == pytest.approx(12 / 16)
    assert losses.hole_l1_loss(prediction, image, mask).item() == pytest.approx(0.5)
    assert losses.hole_l1_loss(prediction, image, mask * 0).item() == 0


def test_labels_follow_the_patches_where_the_stretched_mask_does_not():
    """Near the left edge the published labels are those of other places."""
    mask = torch.zeros(2, 1, 70, 131)
    mask[:, :, :, :12] = 1
    grid = losses.Grid(8, -11.5)
    labels = losses.patch_labels(mask, (12, 19), grid)
    assert labels.shape == (2, 1, 12, 19)
    # Centres at -11.5, -3.5, 4.5 and 12.5: the first three patches look at the hole.
    assert labels[0, 0, 5].tolist() == [1.0] * 3 + [0.0] * 16
    assert losses.patch_labels(mask, (12, 19))[0, 0, 5].tolist() == [1.0] * 2 + [0.0] * 17


def test_feature_matching_moves_the_fake_alone():
    fake, real = (torch.rand(1, 2, 4, 4, requires_grad=True) for _ in range(2))
    losses.feature_matching_loss([fake], [real]).backward()
    assert fake.grad.abs().sum() > 0
    assert real.grad is None
