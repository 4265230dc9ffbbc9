import torch
from torch import nn

from lama.training.losses import discriminator_loss
from lama.training.projected import CHANNELS, ProjectedDiscriminator


def test_logits_of_every_map_lie_on_one_grid():
    torch.manual_seed(0)
    logits, features = ProjectedDiscriminator()(torch.rand(2, 3, 100, 68))
    assert logits.shape == (2, len(CHANNELS), 25, 17)
    assert logits.dtype == torch.float32
    assert features == []


def test_only_its_heads_are_trained_and_saved():
    judge = ProjectedDiscriminator()
    assert sum(p.numel() for p in judge.parameters()) < 200_000
    assert all(name.startswith("heads.") for name in judge.state_dict())
    copy = ProjectedDiscriminator()
    copy.load_state_dict(judge.state_dict())
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(copy.eval()(image)[0], judge.eval()(image)[0])


def test_pictures_get_gradients_through_the_frozen_network():
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    ProjectedDiscriminator()(image)[0].sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_it_soon_tells_a_smooth_hole_from_texture():
    torch.manual_seed(0)
    judge = ProjectedDiscriminator()
    optimizer = torch.optim.Adam(judge.parameters(), lr=1e-3)
    mask = torch.zeros(4, 1, 64, 64)
    mask[..., 16:48, 16:48] = 1
    for _ in range(30):
        real = torch.rand(4, 3, 64, 64)
        smooth = nn.functional.avg_pool2d(real, 5, 1, 2)
        fake = real * (1 - mask) + smooth * mask
        loss = discriminator_loss(judge(real)[0], judge(fake)[0], mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        in_hole = judge(fake)[0][..., 6:10, 6:10].mean()
        at_edge = judge(fake)[0][..., :2, :].mean()
    assert in_hole < at_edge - 0.5
