"""Weights that others published: Lightning folders, TorchScript archives, bare state dicts.

Nothing in a file is ever run. A Lightning checkpoint is read with `torch.load(weights_only=True)`;
the few library classes that the published one mentions become inert placeholders, and any other
class or function in it is refused.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from lama.config import DilatedConfig, FourierConfig, GeneratorConfig, RegularConfig

# Libraries whose objects lie beside the tensors in published checkpoints (callbacks and options).
_INERT = ("pytorch_lightning.", "omegaconf.", "torchmetrics.")
_INERT_EXACT = {"collections.defaultdict", "typing.Any"} | {
    f"builtins.{kind}" for kind in ("int", "float", "bool", "str", "list", "dict", "set", "tuple")
}


class _Placeholder:
    """Stands for an object that is not needed; accepts whatever a pickle does to it."""

    def __new__(cls, *_args: object, **_kwargs: object) -> _Placeholder:
        return super().__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __setstate__(self, _state: object) -> None: ...

    def __setitem__(self, _key: object, _value: object) -> None: ...


def read_published_folder(folder: Path) -> tuple[GeneratorConfig, dict[str, Tensor]]:
    """Read `config.yaml` and `models/best.ckpt` as published by the authors.

    Raises:
        ValueError: A file is missing, the config is of another kind, or the checkpoint is unsafe.
    """
    config, checkpoint = folder / "config.yaml", folder / "models" / "best.ckpt"
    for path in (config, checkpoint):
        if not path.is_file():
            raise ValueError(
                f"{folder} is not a published LaMa folder: {path.relative_to(folder)} is missing"
            )
    return read_config(config), read_lightning(checkpoint)


def read_lightning(path: Path) -> dict[str, Tensor]:
    """The generator's tensors of a Lightning checkpoint, prefix stripped; nothing else of it."""
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (RuntimeError, pickle.UnpicklingError, OSError, EOFError, ValueError) as error:
        raise ValueError(f"{path} is not a checkpoint that can be read: {error}") from error
    refused = [n for n in named if not (n.startswith(_INERT) or n in _INERT_EXACT)]
    if refused:
        raise ValueError(
            f"{path} was refused: it names {', '.join(sorted(refused))}, "
            "which no LaMa checkpoint needs and which could run code"
        )
    inert = [(type("Placeholder", (_Placeholder,), {}), name) for name in named]
    try:
        with torch.serialization.safe_globals(inert):  # type: ignore[arg-type]
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, OSError, EOFError, ValueError) as error:
        raise ValueError(f"{path} is not a checkpoint that can be read: {error}") from error
    tensors = content.get("state_dict", content) if isinstance(content, dict) else {}
    generator = {
        key.removeprefix("generator."): value
        for key, value in tensors.items()
        if key.startswith("generator.") and isinstance(value, Tensor)
    }
    if not generator:
        raise ValueError(f"{path} holds no tensors named generator.*: it is not a LaMa checkpoint")
    return generator


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """The generator's tensors of a TorchScript archive such as `big-lama.pt`, never run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit is deprecated; only the tensors are wanted
            tensors = torch.jit.load(path, map_location="cpu").state_dict()
    except (RuntimeError, OSError, ValueError) as error:
        raise ValueError(
            f"{path} is not a TorchScript archive that can be read: {error}"
        ) from error
    return strip_prefix(tensors)


def is_torchscript(path: Path) -> bool:
    """Whether a zip archive carries TorchScript code."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def strip_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Cut whatever stands before the layer's own `model.<index>.` (wrappers, `generator.`)."""
    stripped = {}
    for key, value in tensors.items():
        head, found, tail = key.partition("generator.")
        stripped[tail if found and head in ("", "model.") else key] = value
    return {k: v.detach().clone() for k, v in stripped.items() if k.startswith("model.")}


def infer_config(tensors: Mapping[str, Tensor], origin: str) -> GeneratorConfig:
    """Tell the generator's shape from its keys, for files that carry no config.

    Raises:
        ValueError: The keys are not of the published family.
    """
    indices = {int(key.split(".")[1]) for key in tensors if key.split(".")[1].isdigit()}
    first = tensors.get("model.1.ffc.convl2l.weight")
    if first is not None:
        blocks = [i for i in indices if f"model.{i}.conv1.ffc.convl2l.weight" in tensors]
        downs = [i for i in indices if i > 1 and f"model.{i}.ffc.convl2l.weight" in tensors]
        if blocks and downs:
            n_local = tensors[f"model.{blocks[0]}.conv1.ffc.convl2l.weight"].shape[0]
            channels = n_local + tensors[f"model.{blocks[0]}.conv1.ffc.convl2g.weight"].shape[0]
            return FourierConfig(
                ngf=first.shape[0],
                n_downsampling=len(downs),
                n_blocks=len(blocks),
                ratio=1 - n_local / channels,
                enable_lfu=any(".lfu." in key for key in tensors),
            )
    head = tensors.get("model.1.weight")
    n_blocks = len(
        [i for i in indices if any(k.startswith(f"model.{i}.conv_block") for k in tensors)]
    )
    if head is not None and n_blocks:
        if any(".convs." in key for key in tensors):
            return DilatedConfig(ngf=head.shape[0], n_blocks=n_blocks)
        return RegularConfig(ngf=head.shape[0], n_blocks=n_blocks)
    raise ValueError(f"{origin} holds no weights of a LaMa generator")


def read_config(path: Path) -> GeneratorConfig:
    """The generator part of a published `config.yaml`.

    Only that part is looked at: the rest refers to its authors' machines.

    Raises:
        ValueError: Not YAML, or a generator that is not of the published family.
    """
    try:
        everything = yaml.safe_load(path.read_text())
        generator = dict(everything["generator"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a LaMa config: {error}") from error
    options = _resolve({"generator": generator}, generator)
    kind = options.get("kind")
    common = {
        "ngf": options.get("ngf", 64),
        "n_downsampling": options.get("n_downsampling", 3),
        "n_blocks": options.get("n_blocks", 9),
        "max_features": options.get("max_features", 1024),
        "activation": _activation(options.get("add_out_act", True), path),
    }
    if kind == "ffc_resnet":
        block = options.get("resnet_conv_kwargs", {})
        return FourierConfig(
            ratio=float(block.get("ratio_gin", 0)),
            enable_lfu=bool(block.get("enable_lfu", True)),
            **common,
        )
    if kind in ("pix2pixhd_global", "pix2pixhd_global_sigmoid"):
        if kind.endswith("sigmoid"):
            common["activation"] = "sigmoid"
        return RegularConfig(**common)
    if kind == "pix2pixhd_multidilated_catin_4dil_9b" or kind == "pix2pixhd_multidilated":
        return DilatedConfig(dilation_num=options.get("dilation_num", 4), **common)
    raise ValueError(
        f"{path} describes a generator of kind {kind!r}, which is not a LaMa generator"
    )


def _activation(value: object, path: Path) -> str:
    """The source's `add_out_act`: True means tanh."""
    if value is True:
        return "tanh"
    if value in ("sigmoid", "tanh"):
        return str(value)
    raise ValueError(f"{path}: add_out_act is {value!r}; only sigmoid and tanh are known")


def _resolve(root: Mapping[str, Any], value: Any) -> Any:  # noqa: ANN401 - a YAML tree
    """Replace `${generator.a.b}` by what it points at (OmegaConf interpolation)."""
    if isinstance(value, dict):
        return {k: _resolve(root, v) for k, v in value.items()}
    if isinstance(value, str) and value.startswith("${generator.") and value.endswith("}"):
        target: Any = root
        for part in value[2:-1].split("."):
            target = target[part]
        return _resolve(root, target)
    return value
