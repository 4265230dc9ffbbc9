import numpy as np
import pytest
import torch

from lama.tensors import blend, pad, pad_symmetric


class Wants:
    """As much of a generator as padding asks."""

    multiple, smallest = 8, 16


def picture(height, width):
    return torch.from_numpy(np.random.default_rng(0).random((1, 3, height, width), np.float32))


@pytest.mark.parametrize(
    ("size", "padded"), [((5, 17), (16, 24)), ((16, 24), (16, 24)), ((25, 16), (32, 16))]
)
def test_padding_reaches_a_multiple_that_is_large_enough(size, padded):
    x = picture(*size)
    for way in (pad, pad_symmetric):
        result = way(x, Wants)
        assert result.shape[-2:] == padded
        assert torch.equal(result[..., : size[0], : size[1]], x)


def test_one_repeats_the_edge_and_the_other_mirrors_it():
    x = picture(16, 21)
    assert torch.equal(pad(x, Wants)[..., 21:], x[..., 20:].expand(-1, -1, -1, 3))
    assert torch.equal(pad_symmetric(x, Wants)[..., 21:], x[..., 18:].flip(-1))


def test_blending_takes_the_prediction_in_the_hole_alone():
    image, prediction = picture(9, 7), picture(9, 7).flip(-1)
    mask = torch.zeros(1, 1, 9, 7)
    mask[..., 2:5, 3:] = 1
    assert torch.equal(blend(prediction, image, mask), torch.where(mask > 0, prediction, image))
