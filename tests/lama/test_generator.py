import numpy as np
import pytest
import torch

from lama.checkpoint import build
from lama.config import DilatedConfig, FourierConfig, RegularConfig
from tests.conftest import randomised
from tests.lama.reference import forward, forward_plain

PUBLISHED = [  # config, trainable numbers, keys
    (FourierConfig(n_blocks=18), 50_975_875, 989),
    (FourierConfig(n_blocks=9), 27_048_835, 521),
    (FourierConfig(n_blocks=6), 19_073_155, 365),
    (RegularConfig(n_blocks=9), 45_617_731, 177),
    (RegularConfig(n_blocks=15), 73_947_715, 261),
    (DilatedConfig(), 45_645_379, 285),
]


@pytest.mark.parametrize(("config", "parameters", "keys"), PUBLISHED)
def test_published_sizes(config, parameters, keys):
    with torch.device("meta"):
        generator = build(config)
    assert sum(p.numel() for p in generator.parameters()) == parameters
    assert len(generator.state_dict()) == keys


def test_published_keys_of_big_lama():
    with torch.device("meta"):
        state = build(FourierConfig(n_blocks=18)).state_dict()
    shapes = {
        "model.1.ffc.convl2l.weight": (64, 4, 7, 7),
        "model.4.ffc.convl2g.weight": (384, 256, 3, 3),
        "model.4.bn_g.running_var": (384,),
        "model.5.conv1.ffc.convg2l.weight": (128, 384, 3, 3),
        "model.22.conv2.ffc.convg2g.conv1.0.weight": (192, 384, 1, 1),
        "model.22.conv2.ffc.convg2g.conv1.1.num_batches_tracked": (),
        "model.13.conv1.ffc.convg2g.fu.conv_layer.weight": (384, 384, 1, 1),
        "model.13.conv1.ffc.convg2g.conv2.weight": (384, 192, 1, 1),
        "model.24.weight": (512, 256, 3, 3),
        "model.25.running_mean": (256,),
        "model.34.weight": (3, 64, 7, 7),
        "model.34.bias": (3,),
    }
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


def test_published_keys_of_the_plain_generators():
    with torch.device("meta"):
        regular = build(RegularConfig()).state_dict()
        dilated = build(DilatedConfig()).state_dict()
    assert {"model.13.conv_block.1.weight", "model.22.weight", "model.32.bias"} <= set(regular)
    assert "model.13.conv_block.3.convs.3.bias" in dilated
    assert tuple(dilated["model.13.conv_block.0.convs.0.weight"].shape) == (512, 128, 3, 3)


@pytest.mark.parametrize("size", [(32, 48), (40, 24)])
@pytest.mark.parametrize("ratio", [0.75, 0.5])
def test_forward_equals_an_independent_numpy_one(size, ratio):
    generator = randomised(build(FourierConfig(ngf=4, n_blocks=3, ratio=ratio)))
    source = np.random.default_rng(3)
    image, mask = source.random((3, *size)), (source.random((1, *size)) > 0.6).astype(float)
    state = {key: value.double().numpy() for key, value in generator.state_dict().items()}
    expected = forward(state, image, mask)
    with torch.inference_mode():
        out = generator(torch.tensor(image[None]).float(), torch.tensor(mask[None]).float())
    assert 0.05 < expected.std() < 0.5, "the comparison would mean nothing"
    np.testing.assert_allclose(out[0], expected, atol=1e-4)


@pytest.mark.parametrize(
    "config", [FourierConfig(ngf=4), RegularConfig(ngf=4), DilatedConfig(ngf=4)]
)
def test_what_lies_in_the_hole_does_not_matter(config):
    generator = randomised(build(config))
    size = (80, 88)
    image, mask = torch.rand(1, 3, *size), torch.zeros(1, 1, *size)
    mask[..., 10:40, 20:60] = 1
    other = image * (1 - mask) + torch.rand_like(image) * mask
    with torch.inference_mode():
        assert torch.equal(generator(image, mask), generator(other, mask))


def test_dilations_that_do_not_share_the_channels_are_refused():
    with pytest.raises(ValueError, match="cannot be shared by 3 dilations"):
        build(DilatedConfig(ngf=4, dilation_num=3))


@pytest.mark.parametrize(
    "config", [RegularConfig(ngf=4, n_blocks=2), DilatedConfig(ngf=4, n_blocks=2, dilation_num=4)]
)
def test_forward_of_the_plain_generators_equals_an_independent_numpy_one(config):
    generator = randomised(build(config))
    source = np.random.default_rng(3)
    image, mask = source.random((3, 80, 88)), (source.random((1, 80, 88)) > 0.6).astype(float)
    state = {key: value.double().numpy() for key, value in generator.state_dict().items()}
    expected = forward_plain(state, image, mask)
    with torch.inference_mode():
        out = generator(torch.tensor(image[None]).float(), torch.tensor(mask[None]).float())
    assert 0.05 < expected.std() < 0.5, "the comparison would mean nothing"
    np.testing.assert_allclose(out[0], expected, atol=1e-4)
