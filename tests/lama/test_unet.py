import pytest
import torch

from lama.unet import pull_push


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


@pytest.mark.parametrize("size", [(64, 64), (128, 136), (272, 264)])
def test_only_the_hole_changes_and_its_content_is_not_seen(small_unet, size):
    image, mask = torch.rand(1, 3, *size), torch.zeros(1, 1, *size)
    mask[..., 8:50, 16:44] = 1
    other = image * (1 - mask) + torch.rand_like(image) * mask
    with torch.inference_mode():
        out = small_unet(image, mask)
        assert torch.equal(out, small_unet(other, mask))
    assert ((out - image) * (1 - mask)).abs().max() < 2e-4
    assert (out - pull_push(image, mask))[..., 8:50, 16:44].abs().max() > 0.01


def test_large_pictures_start_from_the_small_answer(small_unet):
    image, mask = torch.rand(1, 3, 256, 128), torch.zeros(1, 1, 256, 128)
    mask[..., 40:120, 30:90] = 1
    with torch.inference_mode():
        guess = small_unet.first_guess(image, mask)
    assert not torch.allclose(guess, pull_push(image, mask), atol=1e-3)
    assert torch.equal(guess * (1 - mask), image * (1 - mask))
