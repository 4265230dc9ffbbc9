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
