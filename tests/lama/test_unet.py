import pytest
import torch

from lama.checkpoint import build
from lama.config import UNetConfig
from lama.exemplar import exemplar_fill
from lama.pullpush import pull_push


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


def test_it_can_start_from_patches_of_the_picture(small_unet):
    network = build(UNetConfig(width=8, n_blocks=1, detail=4, guess="exemplar")).eval()
    network.load_state_dict(small_unet.state_dict())
    image, mask = torch.rand(1, 3, 136, 152), torch.zeros(1, 1, 136, 152)
    mask[..., 40:90, 30:90] = 1
    with torch.inference_mode():
        out = network(image, mask)
        assert torch.equal(out, network(image, mask, exemplar_fill(image, mask)))
        assert not torch.allclose(out, small_unet(image, mask), atol=1e-3)
    assert network.fixed_guess is exemplar_fill
    assert small_unet.fixed_guess is None


def test_an_unknown_guess_is_refused():
    with pytest.raises(ValueError, match="coarse, exemplar"):
        build(UNetConfig(guess="magic"))
