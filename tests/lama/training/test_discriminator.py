import pytest
import torch

from lama.training.discriminator import Discriminator


def test_published_size_and_maps():
    network = Discriminator()
    assert sum(p.numel() for p in network.parameters()) == 6_962_369
    assert len(network.state_dict()) == 32
    logits, features = network(torch.rand(1, 3, 256, 256))
    assert logits.shape == (1, 1, 19, 19)
    assert [f.shape[-1] for f in features] == [129, 65, 33, 17, 18]


@pytest.mark.parametrize("size", [(64, 96), (71, 50)])
def test_any_size(size):
    logits, features = Discriminator(ndf=4, n_layers=3)(torch.rand(2, 3, *size))
    assert logits.shape[:2] == (2, 1)
    assert len(features) == 4


@pytest.mark.parametrize("n_layers", [2, 3, 4])
def test_patches_are_where_the_grid_says(n_layers):
    """The gradient of a logit is spread evenly around its patch's centre."""
    torch.manual_seed(0)
    network = Discriminator(ndf=4, n_layers=n_layers).eval()
    for parameter in network.parameters():  # every path counts the same
        parameter.data.fill_(0.1 if parameter.dim() == 4 else 0.0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.fill_(1.0)
    image = torch.ones(1, 3, 233, 217, requires_grad=True)
    logits, _ = network(image)
    stride, first = network.grid
    row, column = (9, 8) if n_layers == 4 else (14, 15)
    (gradient,) = torch.autograd.grad(logits[0, 0, row, column], image)
    weight = gradient[0, 0].abs()
    weight /= weight.sum()
    centre = [(weight.sum(1 - d) * torch.arange(weight.shape[d])).sum().item() for d in (0, 1)]
    assert centre == pytest.approx([row * stride + first, column * stride + first], abs=0.05)


def test_published_grid():
    assert Discriminator().grid == (16, -23.5)
