import hashlib

import pytest
import torch
from safetensors.torch import save_file

import lama
from lama.checkpoint import build, read_checkpoint, read_meta, save_checkpoint
from lama.config import DilatedConfig, FourierConfig, RegularConfig, UNetConfig, from_dict, to_dict
from tests.conftest import randomised

CONFIGS = [
    FourierConfig(ngf=4, n_blocks=1, enable_lfu=True),
    RegularConfig(ngf=4, n_blocks=1, activation="tanh"),
    DilatedConfig(ngf=4, n_blocks=1),
    UNetConfig(width=8, n_blocks=1),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_a_checkpoint_rebuilds_its_generator(tmp_path, config):
    generator = randomised(build(config))
    path = tmp_path / "a.safetensors"
    digest = save_checkpoint(path, generator, {"step": 7})
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    inpainter = lama.load(path)
    assert inpainter.sha256 == digest
    assert inpainter.generator.config == config
    state = inpainter.generator.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in generator.state_dict().items())
    assert read_checkpoint(path)[2] == read_meta(path) == {"step": 7}


@pytest.mark.parametrize("config", CONFIGS)
def test_configs_survive_json(config):
    assert from_dict(to_dict(config)) == config


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "gan"}, "unknown generator kind 'gan'; known are"),
        ({"kind": "ffc_resnet", "depth": 3}, "has no option depth; it has"),
        ({"kind": "ffc_resnet", "ngf": "64"}, "ngf of generator 'ffc_resnet' must be int"),
        (
            {"kind": "ffc_resnet", "n_blocks": True},
            "n_blocks of generator 'ffc_resnet' must be int",
        ),
        ({"kind": "ffc_unet", "width": -3}, "width of generator 'ffc_unet' must be 1 to 4096"),
        ({"kind": "ffc_unet", "base": 8}, "base of generator 'ffc_unet' must be 16 to 65536"),
        ({"kind": "ffc_unet", "n_blocks": 0}, "n_blocks of generator 'ffc_unet' must be 1 to 256"),
        ({"kind": "ffc_unet", "ratio": 1.5}, "ratio of generator 'ffc_unet' must be 0 to 1"),
        ({"kind": "ffc_unet", "ratio": float("nan")}, "must be 0 to 1"),
        ({"kind": "ffc_resnet", "activation": "relu"}, "must be sigmoid or tanh"),
        ({"kind": ["ffc_resnet"]}, "unknown generator kind"),
    ],
)
def test_wrong_configs_say_what_is_wrong(values, words):
    with pytest.raises(ValueError, match=words):
        from_dict(values)


def test_a_damaged_config_of_a_file_is_said(tmp_path):
    for number, text in enumerate(['{"kind":"ffc_unet","width":-3}', "[1]", "{", '"ffc_unet"']):
        path = tmp_path / f"{number}.safetensors"
        save_file({"a": torch.zeros(1)}, path, metadata={"config": text})
        with pytest.raises(ValueError, match="must be 1 to 4096|metadata of .* is damaged"):
            lama.load(path)


def test_meta_that_is_none_or_damaged(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    assert read_meta(path) == {}
    for text in ("{", "[1]", "7"):
        save_file({"a": torch.zeros(1)}, path, metadata={"meta": text})
        with pytest.raises(ValueError, match="metadata of .* is damaged"):
            read_meta(path)
    path.write_bytes(b"\xff" * 40)
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_meta(path)
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_meta(tmp_path / "gone.safetensors")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    generator = randomised(build(UNetConfig(width=8, n_blocks=1)))
    save_checkpoint(path, generator, {"step": 1})

    def no_space(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lama.files.os.fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, generator, {"step": 2})
    assert read_checkpoint(path)[2] == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
