import pytest
import torch

from lama.checkpoint import build
from lama.config import UNetConfig
from lama.exemplar import exemplar_fill
from lama.pullpush import pull_push
from tests.conftest import randomised


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


@pytest.fixture
def copying():
    """A network that looks at a copied fill, small."""
    return randomised(build(UNetConfig(width=8, n_blocks=1, detail=4, copies=True)))


def test_what_is_copied_may_be_made_ahead(copying):
    image, mask = torch.rand(1, 3, 136, 152), torch.zeros(1, 1, 136, 152)
    mask[..., 40:90, 30:90] = 1
    copied = copying.copier(image, mask)
    assert torch.equal(copied, exemplar_fill(image, mask))
    with torch.inference_mode():
        out = copying(image, mask)
        assert torch.equal(out, copying(image, mask, copied))
        assert not torch.allclose(out, copying(image, mask, 1 - copied), atol=1e-3)
    assert ((out - image) * (1 - mask)).abs().max() < 2e-4


def test_it_can_take_the_copy_as_it_is(copying):
    last = copying.detail[-1]
    torch.nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 30.0]))
    image, mask = torch.rand(1, 3, 72, 88) * 0.9 + 0.05, torch.zeros(1, 1, 72, 88)
    mask[..., 20:50, 30:60] = 1
    with torch.inference_mode():
        out = copying(image, mask)
    torch.testing.assert_close(out, exemplar_fill(image, mask), atol=1e-4, rtol=0)


def test_one_that_does_not_copy_has_no_copier(small_unet):
    assert small_unet.copier is None
