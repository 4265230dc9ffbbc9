import pytest
import torch

from lama.pullpush import pull_push


@pytest.mark.parametrize("size", [(16, 16), (67, 101), (1, 9), (130, 33)])
def test_pull_push_keeps_what_is_known_and_fills_the_rest(size):
    source = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, *size, generator=source)
    mask = (torch.rand(2, 1, *size, generator=source) > 0.5).float()
    filled = pull_push(image, mask)
    known = (1 - mask).bool().expand_as(image)
    assert torch.equal(filled[known], image[known])
    assert filled.min() >= image.min() - 1e-6
    assert filled.max() <= image.max() + 1e-6


def test_pull_push_of_one_colour_is_that_colour():
    image = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 40, 56)
    mask = torch.zeros(1, 1, 40, 56)
    mask[..., 5:35, 5:50] = 1
    torch.testing.assert_close(pull_push(image * (1 - mask), mask), image, atol=1e-5, rtol=0)
