"""The published file is not here, but its layout is known: 275 tensors and 110 notes."""

import pytest
import torch
from safetensors.torch import save_file

from lama.training.ade20k import SceneParsingEncoder, load_scene_parsing
from lama.training.losses import perceptual_loss
from lama.training.perceptual import EfficientNetFeatures, perceptual_network


def published_layout() -> dict[str, torch.Tensor]:
    """Names and shapes as in the file, written down from the layer table and not from the code."""
    source = torch.Generator().manual_seed(0)
    found: dict[str, torch.Tensor] = {}

    def conv(name, cout, cin, kernel):
        scale = (2 / (cin * kernel**2)) ** 0.5
        found[f"{name}.weight"] = torch.randn(cout, cin, kernel, kernel, generator=source) * scale

    def norm(name, channels):
        for part in ("weight", "running_var", "_tmp_running_var"):
            found[f"{name}.{part}"] = torch.rand(channels, generator=source) * 0.5 + 0.5
        for part in ("bias", "running_mean", "_tmp_running_mean"):
            found[f"{name}.{part}"] = torch.randn(channels, generator=source) * 0.1

    cin = 3
    for i, cout in enumerate((64, 64, 128)):
        conv(f"conv{i + 1}", cout, cin, 3)
        norm(f"bn{i + 1}", cout)
        cin = cout
    for layer, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512))):
        for block in range(blocks):
            name = f"layer{layer + 1}.{block}"
            for i, (a, b, k) in enumerate(
                ((cin, width, 1), (width, width, 3), (width, 4 * width, 1))
            ):
                conv(f"{name}.conv{i + 1}", b, a, k)
                norm(f"{name}.bn{i + 1}", b)
            if block == 0:
                conv(f"{name}.downsample.0", 4 * width, cin, 1)
                norm(f"{name}.downsample.1", 4 * width)
            cin = 4 * width
    return found


@pytest.fixture(scope="module")
def layout():
    return published_layout()


@pytest.fixture(scope="module")
def file(layout, tmp_path_factory):
    path = tmp_path_factory.mktemp("ade20k") / "encoder_epoch_20.pth"
    torch.save(layout, path)
    return path


def test_the_published_layout_is_taken_whole(layout, file):
    assert len(layout) == 385
    loaded = load_scene_parsing(file).state_dict()
    kept = {k: v for k, v in layout.items() if "_tmp_" not in k}
    assert len(kept) == 275
    assert all(torch.equal(loaded[k], v) for k, v in kept.items())


def test_maps_have_the_published_sizes(file):
    picture = torch.rand(1, 3, 72, 104, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps = perceptual_network(file).features(picture)
        strided = perceptual_network(file, dilated=False).features(picture)
    assert [m.shape[1] for m in maps] == [256, 512, 1024, 2048]
    assert [tuple(m.shape[2:]) for m in maps] == [(18, 26), (9, 13), (9, 13), (9, 13)]
    assert [tuple(m.shape[2:]) for m in strided] == [(18, 26), (9, 13), (5, 7), (3, 4)]


def test_dilations_are_the_published_ones():
    network = SceneParsingEncoder()
    found = [
        [block.conv2.dilation[0] for block in getattr(network, f"layer{i}")] for i in range(1, 5)
    ]
    assert found == [[1] * 3, [1] * 4, [1] + [2] * 5, [2, 4, 4]]


def test_it_sees_far(file):
    """A change in one corner reaches the last map of a dilated network much farther away."""
    network = perceptual_network(file)
    picture = torch.full((1, 3, 144, 128), 0.5, requires_grad=True)
    network.features(picture)[-1][0, :, 9, 8].sum().backward()
    reached = picture.grad.abs().sum((0, 1)) > 0
    assert reached.all()


def test_loss_is_the_sum_over_four_maps_and_differentiable(file):
    network = perceptual_network(file)
    source = torch.Generator().manual_seed(2)
    a = torch.rand(2, 3, 64, 40, generator=source).requires_grad_()
    b = torch.rand(2, 3, 64, 40, generator=source)
    loss = network(a, b)
    assert loss.item() == pytest.approx(
        perceptual_loss(network.features(a), network.features(b)).item()
    )
    assert network(b, b).item() == 0
    loss.backward()
    assert a.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in network.parameters())
    network.train()
    assert not any(m.training for m in network.modules())


def test_names_and_files_that_are_something_else_are_refused(layout, tmp_path):
    assert isinstance(perceptual_network("efficientnet"), EfficientNetFeatures)
    with pytest.raises(ValueError, match="no such file"):
        perceptual_network(tmp_path / "missing.pth")
    lacking = {k: v for k, v in layout.items() if k != "layer4.2.conv3.weight"}
    for change, words in (
        (lacking, "275 tensors: 1 missing, the first is layer4.2.conv3.weight"),
        (layout | {"fc.weight": torch.zeros(1)}, "1 unknown.*fc.weight"),
        (layout | {"conv1.weight": torch.zeros(64, 3, 7, 7)}, "1 of another shape.*conv1.weight"),
    ):
        torch.save(change, tmp_path / "other.pth")
        with pytest.raises(ValueError, match=words):
            perceptual_network(tmp_path / "other.pth")


def test_a_file_that_could_run_code_is_refused(tmp_path):
    class Bad:
        def __reduce__(self):
            return (open, (str(tmp_path / "trace"), "w"))

    torch.save({"conv1.weight": Bad()}, tmp_path / "bad.pth")
    with pytest.raises(ValueError, match="weights alone"):
        perceptual_network(tmp_path / "bad.pth")
    assert not (tmp_path / "trace").exists()
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="tensors by name"):
        perceptual_network(tmp_path / "list.pth")
    (tmp_path / "noise.pth").write_bytes(b"noise")
    with pytest.raises(ValueError, match="weights alone"):
        perceptual_network(tmp_path / "noise.pth")


def test_safetensors_do_as_well(layout, tmp_path):
    save_file(layout, tmp_path / "encoder.safetensors")
    loaded = perceptual_network(tmp_path / "encoder.safetensors").state_dict()
    assert torch.equal(loaded["layer1.0.conv1.weight"], layout["layer1.0.conv1.weight"])
