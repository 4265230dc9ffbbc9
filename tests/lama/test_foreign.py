"""Files that others wrote: the published Lightning folder, TorchScript, bare state dicts, traps."""

import pickle
import sys
import types
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

import lama
from lama.checkpoint import build
from lama.config import DilatedConfig, FourierConfig, RegularConfig
from lama.foreign import infer_config, read_config, read_lightning, read_published_folder
from tests.conftest import randomised
from tests.lama.reference import forward

CONFIG = """
run_title: b18_ffc075_batch8x15
location:
  data_root_dir: ${env:TORCH_HOME}/data
  out_root_dir: /somewhere/${env:USER}
generator:
  kind: ffc_resnet
  input_nc: 4
  output_nc: 3
  ngf: 4
  n_downsampling: 3
  n_blocks: 2
  add_out_act: sigmoid
  init_conv_kwargs:
    ratio_gin: 0
    ratio_gout: 0
    enable_lfu: false
  downsample_conv_kwargs:
    ratio_gin: ${generator.init_conv_kwargs.ratio_gout}
    ratio_gout: ${generator.downsample_conv_kwargs.ratio_gin}
    enable_lfu: false
  resnet_conv_kwargs:
    ratio_gin: 0.75
    ratio_gout: ${generator.resnet_conv_kwargs.ratio_gin}
    enable_lfu: false
discriminator:
  kind: pix2pixhd_nlayer
"""


@pytest.fixture
def library_classes(monkeypatch):
    """Classes under the names that the published pickle mentions; gone again when it is read."""
    made = {}
    for module, name in (
        ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
        ("omegaconf.dictconfig", "DictConfig"),
        ("omegaconf.base", "ContainerMetadata"),
    ):
        parts = module.split(".")
        for i in range(1, len(parts) + 1):
            monkeypatch.setitem(sys.modules, ".".join(parts[:i]), types.ModuleType(parts[i - 1]))
        cls = type(name, (), {"__module__": module})
        setattr(sys.modules[module], name, cls)
        made[name] = cls
    return made


@pytest.fixture
def published(tmp_path, library_classes, small_fourier, monkeypatch) -> Path:
    """A folder as the authors publish it, with everything else that lies in the real one."""
    options = library_classes["DictConfig"]()
    options.__dict__.update(_metadata=library_classes["ContainerMetadata"](), _content={"a": 1})
    state = {f"generator.{k}": v for k, v in small_fourier.state_dict().items()}
    state["discriminator.model0.0.weight"] = torch.zeros(8, 3, 4, 4)
    state["val_evaluator.scores.fid.model.weight"] = torch.zeros(5)
    state["test_evaluator.scores.lpips.lin0.weight"] = torch.zeros(5)
    content = {
        "epoch": 39,
        "global_step": 1_000_000,
        "state_dict": state,
        "callbacks": {library_classes["ModelCheckpoint"]: {"best_model_score": torch.tensor(0.8)}},
        "hyper_parameters": {"config": options, "counts": defaultdict(int)},
    }
    folder = tmp_path / "big-lama"
    (folder / "models").mkdir(parents=True)
    torch.save(content, folder / "models" / "best.ckpt")
    (folder / "config.yaml").write_text(CONFIG)
    for module in [m for m in sys.modules if m.split(".")[0] in ("pytorch_lightning", "omegaconf")]:
        monkeypatch.delitem(sys.modules, module)
    return folder


def test_published_folder_loads_strictly_and_runs_right(published, small_fourier):
    config, tensors = read_published_folder(published)
    assert config == FourierConfig(ngf=4, n_blocks=2)
    assert set(tensors) == set(small_fourier.state_dict())
    inpainter = lama.load(published)
    source = np.random.default_rng(0)
    image, mask = source.random((3, 40, 48)), (source.random((1, 40, 48)) > 0.7).astype(float)
    state = {k: v.double().numpy() for k, v in tensors.items()}
    expected = forward(state, image, mask)
    with torch.inference_mode():
        out = inpainter.generator(
            torch.tensor(image[None]).float(), torch.tensor(mask[None]).float()
        )
    np.testing.assert_allclose(out[0], expected, atol=1e-4)


def test_a_missing_tensor_is_named(published, small_fourier):
    state = {f"generator.{k}": v for k, v in small_fourier.state_dict().items()}
    del state["generator.model.5.conv1.bn_g.weight"]
    torch.save({"state_dict": state}, published / "models" / "best.ckpt")
    with pytest.raises(ValueError, match=r"1 missing, first model\.5\.conv1\.bn_g\.weight"):
        lama.load(published)


class _Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (exec, (f"open({str(self.target)!r}, 'w').write('gotcha')",))


@pytest.mark.parametrize("zipped", [True, False])
def test_malicious_pickle_is_refused_and_does_not_run(tmp_path, zipped):
    trace, path = tmp_path / "trace", tmp_path / "best.ckpt"
    content = {"state_dict": {"generator.model.1.weight": torch.ones(2)}, "x": _Malicious(trace)}
    if zipped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps({"x": _Malicious(trace)}))
    with pytest.raises(ValueError, match="refused|not a checkpoint"):
        read_lightning(path)
    with pytest.raises(ValueError, match="refused|not a checkpoint"):
        lama.load(path)
    assert not trace.exists()


def test_a_malicious_class_under_a_trusted_name_stays_inert(tmp_path, monkeypatch):
    """Even a name of the allowed libraries only makes a placeholder: the real class never loads."""
    trace = tmp_path / "trace"
    module = types.ModuleType("omegaconf")
    monkeypatch.setitem(sys.modules, "omegaconf", module)
    ran = []

    class DictConfig:
        def __setstate__(self, state):
            ran.append(state)
            trace.write_text("ran")

    DictConfig.__module__, DictConfig.__qualname__ = "omegaconf", "DictConfig"
    module.DictConfig = DictConfig
    options = DictConfig()
    options.secret = 1
    torch.save({"state_dict": {"generator.a": torch.ones(1)}, "o": options}, tmp_path / "best.ckpt")
    assert set(read_lightning(tmp_path / "best.ckpt")) == {"a"}
    assert not ran
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken"])
@pytest.mark.parametrize("name", ["x.ckpt", "x.pt", "x.safetensors"])
def test_files_that_are_no_checkpoints(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read|can be read|is not a checkpoint"):
        lama.load(tmp_path / name)


def test_a_checkpoint_without_a_generator(tmp_path):
    torch.save({"state_dict": {"discriminator.x": torch.ones(1)}}, tmp_path / "best.ckpt")
    with pytest.raises(ValueError, match="not a LaMa checkpoint"):
        read_lightning(tmp_path / "best.ckpt")


def test_incomplete_folder(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG)
    with pytest.raises(ValueError, match=r"models/best\.ckpt is missing"):
        lama.load(tmp_path)


@pytest.mark.parametrize("text", ["", "generator: 3", "generator: {kind: stylegan}", "\t- :"])
def test_configs_that_are_none(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"config\.yaml"):
        read_config(tmp_path / "config.yaml")


class _Wrapper(torch.nn.Module):
    """As the TorchScript re-pack nests it: model.generator.model.…"""

    def __init__(self, generator):
        super().__init__()
        self.model = torch.nn.Module()
        self.model.generator = generator

    def forward(self, image, mask):
        return self.model.generator.model(torch.cat([image * (1 - mask), mask], 1)) * 0


def test_torchscript_gives_its_weights_to_our_network(tmp_path, small_fourier):
    example = torch.rand(1, 3, 32, 40), torch.zeros(1, 1, 32, 40)
    torch.jit.trace(_Wrapper(small_fourier), example).save(tmp_path / "big-lama.pt")
    loaded = lama.load(tmp_path / "big-lama.pt")
    assert loaded.generator.config == small_fourier.config
    with torch.inference_mode():
        torch.testing.assert_close(loaded.generator(*example), small_fourier(*example))


@pytest.mark.parametrize("prefix", ["", "generator.", "model.generator."])
def test_bare_safetensors_with_published_keys(tmp_path, small_fourier, prefix):
    from safetensors.torch import save_file

    state = {prefix + k: v.contiguous() for k, v in small_fourier.state_dict().items()}
    save_file(state, tmp_path / "bare.safetensors")
    assert lama.load(tmp_path / "bare.safetensors").generator.config == small_fourier.config


@pytest.mark.parametrize(
    "config",
    [
        FourierConfig(ngf=4, n_blocks=3, ratio=0.5),
        RegularConfig(ngf=4, n_blocks=4),
        DilatedConfig(ngf=4),
    ],
)
def test_config_is_told_from_the_keys(config):
    assert infer_config(randomised(build(config)).state_dict(), "test") == config


@pytest.mark.parametrize(("ngf", "ratio"), [(24, 0.06), (3, 0.75), (5, 0.3), (7, 0.99)])
def test_any_share_of_global_channels_gives_the_same_network_again(ngf, ratio):
    state = build(FourierConfig(ngf=ngf, n_downsampling=1, n_blocks=1, ratio=ratio)).state_dict()
    again = build(infer_config(state, "test")).state_dict()
    assert {k: v.shape for k, v in again.items()} == {k: v.shape for k, v in state.items()}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"state_dict": {"generator.foo": torch.zeros(1)}}, "holds no weights of a LaMa generator"),
        ({"state_dict": {1: torch.zeros(1)}}, "holds no tensors named"),
        ({"state_dict": [1]}, "its state_dict is list"),
        (torch.zeros(3), "holds no tensors named"),
        (
            {"generator.model.1.ffc.convl2l.weight": torch.zeros(())}
            | {f"generator.model.{n}.ffc.convl2l.weight": torch.zeros(1) for n in (2, 3)}
            | {"generator.model.5.conv1.ffc.convl2l.weight": torch.zeros(8, 8, 3, 3)},
            r"convolution of shape \(\)",
        ),
        (
            {"generator.model.1.weight": torch.zeros(0, 4, 7, 7)}
            | {"generator.model.5.conv_block.1.weight": torch.zeros(1)},
            "convolution of shape",
        ),
    ],
)
def test_malformed_state_dicts_say_what_is_wrong(tmp_path, content, words):
    torch.save(content, tmp_path / "best.ckpt")
    with pytest.raises(ValueError, match=words):
        lama.load(tmp_path / "best.ckpt")


def test_a_part_of_a_fourier_generator_is_told_by_its_keys(tmp_path, small_fourier):
    from safetensors.torch import save_file

    state = {k: v.contiguous() for k, v in small_fourier.state_dict().items()}
    partial = {k: v for k, v in state.items() if "convl2g" not in k}
    save_file(partial, tmp_path / "partial.safetensors")
    with pytest.raises(ValueError, match="do not fit a ffc_resnet generator"):
        lama.load(tmp_path / "partial.safetensors")


def test_weights_of_another_kind_of_number_are_refused(tmp_path, small_fourier):
    state = {f"generator.{k}": v for k, v in small_fourier.state_dict().items()}
    state["generator.model.18.bias"] = torch.zeros(3, dtype=torch.complex64)
    torch.save(state, tmp_path / "best.ckpt")
    with pytest.raises(ValueError, match=r"1 of another shape or type, first model\.18\.bias"):
        lama.load(tmp_path / "best.ckpt")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("ngf: '${generator.nope}'", r"\$\{generator\.nope\} points at nothing"),
        ("ngf: '${generator.ngf}'", "points at itself"),
        ("ngf: '${generator.n_blocks}', n_blocks: '${generator.ngf}'", "points at itself"),
        ("ngf: lots", "ngf of generator 'ffc_resnet' must be int, got 'lots'"),
        ("ngf: -3", "must be 1 to 4096, got -3"),
        ("n_blocks: true", "must be int, got True"),
        ("resnet_conv_kwargs: 3", "is not there"),
        ("resnet_conv_kwargs: {ratio_gin: 3}", "ratio of generator 'ffc_resnet' must be 0 to 1"),
        ("add_out_act: no", "add_out_act is False"),
    ],
)
def test_malformed_configs_say_what_is_wrong(tmp_path, options, words):
    path = tmp_path / "config.yaml"
    path.write_text(f"generator: {{kind: ffc_resnet, add_out_act: sigmoid, {options}}}")
    with pytest.raises(ValueError, match=words) as found:
        read_config(path)
    assert "config.yaml" in str(found.value)


def test_a_config_that_nests_without_end(tmp_path):
    (tmp_path / "config.yaml").write_text("generator: " + "[" * 5000)
    with pytest.raises(ValueError, match="not a LaMa config"):
        read_config(tmp_path / "config.yaml")
