"""Folded loss networks give the same maps, the same gradients, and have no batch norm left."""

import pytest
import torch
from torch import nn

from lama.training.ade20k import SceneParsingEncoder
from lama.training.folding import fold_batch_norm
from lama.training.perceptual import EfficientNetFeatures, freeze


def norms(network):
    return sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())


@pytest.fixture
def scene_parsing():
    torch.manual_seed(0)
    network = SceneParsingEncoder()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.7, 1.4)
            module.weight.data.uniform_(0.5, 1.5)
    return freeze(network)


@pytest.mark.parametrize("kind", ["plain", "dilated", "scene_parsing"])
def test_nothing_changes_but_the_time(kind, request):
    if kind == "scene_parsing":
        network = request.getfixturevalue(kind)
    else:
        network = EfficientNetFeatures(kind == "dilated")
    folded = fold_batch_norm(network)
    assert norms(network) > 20
    assert norms(folded) == 0
    image, target = torch.rand((2, 2, 3, 70, 91), generator=torch.Generator().manual_seed(4))
    gradients = []
    for one in (network, folded):
        picture = image.clone().requires_grad_()
        loss = one(picture, target)
        gradients.append((loss.detach(), *torch.autograd.grad(loss, picture)))
    for a, b in zip(*gradients, strict=True):
        # As a whole: single pixels whose path has a kink may differ.
        assert (a - b).norm() < 2e-3 * a.norm()
    assert not any(p.requires_grad for p in folded.parameters())


def test_a_network_that_folding_would_change_is_left_alone(caplog):
    class Crossed(nn.Module):
        """Its batch norm is registered after the convolution, and runs before it."""

        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
            self.norm.running_mean.fill_(2.0)

        def features(self, image):
            return [self.conv(self.norm(image))]

    network = freeze(Crossed())
    assert fold_batch_norm(network) is network
    assert "folding changes it" in caplog.text
