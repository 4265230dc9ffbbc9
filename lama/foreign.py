"""Weights that others published: Lightning folders, TorchScript archives, bare state dicts.

Nothing in a file is ever run. A Lightning checkpoint is read with `torch.load(weights_only=True)`;
the few library classes that the published one mentions become inert placeholders, and any other
class or function in it is refused. A TorchScript archive is read by `lama.torchscript`.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from lama.config import (
    DilatedConfig,
    FourierConfig,
    GeneratorConfig,
    RegularConfig,
    from_dict,
)
from lama.torchscript import read_tensors

# What torch raises for files that are no checkpoints.
_UNREADABLE = (
    *(RuntimeError, OSError, EOFError, ValueError, TypeError, AttributeError, LookupError),
    *(ArithmeticError, pickle.UnpicklingError),
)
_MOST_HOPS = 20  # from one option of a config to another
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


def weights_file(path: Path) -> Path:
    """The file that holds the weights: of a published folder its checkpoint, else `path` itself."""
    return path / "models" / "best.ckpt" if path.is_dir() else path


def read_published_folder(folder: Path) -> tuple[GeneratorConfig, dict[str, Tensor]]:
    """Read `config.yaml` and `models/best.ckpt` as published by the authors.

    Raises:
        ValueError: A file is missing, the config is of another kind, or the checkpoint is unsafe.
    """
    config, checkpoint = folder / "config.yaml", weights_file(folder)
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
    except _UNREADABLE as error:
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
    except _UNREADABLE as error:
        raise ValueError(f"{path} is not a checkpoint that can be read: {error}") from error
    tensors = content.get("state_dict", content) if isinstance(content, dict) else {}
    if not isinstance(tensors, dict):
        raise ValueError(
            f"{path}: its state_dict is {type(tensors).__name__}, not names and tensors"
        )
    generator = {
        key.removeprefix("generator."): value
        for key, value in tensors.items()
        if isinstance(key, str) and key.startswith("generator.") and isinstance(value, Tensor)
    }
    if not generator:
        raise ValueError(f"{path} holds no tensors named generator.*: it is not a LaMa checkpoint")
    return generator


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """The generator's tensors of a TorchScript archive such as `big-lama.pt`, never run."""
    return strip_prefix(read_tensors(path))


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
    numbers = (key.split(".", 2)[1:2] for key in tensors)
    indices = sorted({int(n) for number in numbers for n in number if n.isdecimal()})
    first = tensors.get("model.1.ffc.convl2l.weight")
    if first is not None:
        blocks = [i for i in indices if f"model.{i}.conv1.ffc.convl2l.weight" in tensors]
        downs = [i for i in indices if i > 1 and f"model.{i}.ffc.convl2l.weight" in tensors]
        if blocks and downs:
            place = f"model.{blocks[0]}.conv1.ffc"
            n_local = _channels(tensors[f"{place}.convl2l.weight"], origin)
            expanding = tensors.get(f"{place}.convl2g.weight")
            n_global = 0 if expanding is None else _channels(expanding, origin)
            return _made(
                origin,
                kind=FourierConfig.kind,
                ngf=_channels(first, origin),
                n_downsampling=len(downs),
                n_blocks=len(blocks),
                ratio=_ratio(n_local, n_global),
                enable_lfu=any(".lfu." in key for key in tensors),
            )
    head = tensors.get("model.1.weight")
    n_blocks = len(
        [i for i in indices if any(k.startswith(f"model.{i}.conv_block") for k in tensors)]
    )
    if head is not None and n_blocks:
        dilated = any(".convs." in key for key in tensors)
        kind = DilatedConfig.kind if dilated else RegularConfig.kind
        return _made(origin, kind=kind, ngf=_channels(head, origin), n_blocks=n_blocks)
    raise ValueError(f"{origin} holds no weights of a LaMa generator")


def _ratio(n_local: int, n_global: int) -> float:
    """A share of global channels that gives these numbers again, rounding included."""
    total = n_local + n_global
    ratio = 1 - n_local / total
    return ratio if int(total * ratio) == n_global else (n_global + 0.5) / total


def _channels(weight: Tensor, origin: str) -> int:
    """How many channels a convolution puts out."""
    if weight.ndim != 4 or not weight.shape[0]:
        raise ValueError(f"{origin} holds a convolution of shape {tuple(weight.shape)}")
    return weight.shape[0]


def _made(origin: object, **values: object) -> GeneratorConfig:
    try:
        return from_dict(values)
    except ValueError as error:
        raise ValueError(f"{origin}: {error}") from error


def read_config(path: Path) -> GeneratorConfig:
    """The generator part of a published `config.yaml`.

    Only that part is looked at: the rest refers to its authors' machines.

    Raises:
        ValueError: Not YAML, or a generator that is not of the published family.
    """
    try:
        generator = yaml.safe_load(path.read_text())["generator"]
    except (yaml.YAMLError, LookupError, TypeError, ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{path} is not a LaMa config: {error}") from error

    def option(name: str, default: object) -> object:
        return _look_up(path, generator, name, default)

    values = {"kind": option("kind", None)}
    values["activation"] = _activation(option("add_out_act", True), path)
    for name in ("ngf", "n_downsampling", "n_blocks", "max_features"):
        values[name] = option(name, getattr(FourierConfig, name))
    match values["kind"]:
        case "ffc_resnet":
            values["ratio"] = option("resnet_conv_kwargs.ratio_gin", 0)
            values["enable_lfu"] = option("resnet_conv_kwargs.enable_lfu", True)
        case "pix2pixhd_global":
            pass
        case "pix2pixhd_global_sigmoid":
            values |= {"kind": RegularConfig.kind, "activation": "sigmoid"}
        case "pix2pixhd_multidilated" | "pix2pixhd_multidilated_catin_4dil_9b":
            values["kind"] = DilatedConfig.kind
            values["dilation_num"] = option("dilation_num", DilatedConfig.dilation_num)
        case kind:
            raise ValueError(
                f"{path} describes a generator of kind {kind!r}, which is not a LaMa generator"
            )
    return _made(path, **values)


def _activation(value: object, path: Path) -> str:
    """The source's `add_out_act`: True means tanh."""
    if value is True:
        return "tanh"
    if value in ("sigmoid", "tanh"):
        return str(value)
    raise ValueError(f"{path}: add_out_act is {value!r}; only sigmoid and tanh are known")


def _look_up(path: Path, generator: object, name: str, default: object, depth: int = 0) -> Any:  # noqa: ANN401 - a YAML tree
    """The option `a.b` of a generator; `${generator.c.d}` (OmegaConf) is what it points at."""
    found = generator
    for part in name.split("."):
        if not isinstance(found, dict):
            raise ValueError(f"{path} is not a LaMa config: {name} is not there")
        if part not in found:
            if depth:
                raise ValueError(f"{path}: ${{generator.{name}}} points at nothing")
            return default
        found = found[part]
        if isinstance(found, str) and found.startswith("${generator.") and found.endswith("}"):
            if depth == _MOST_HOPS:
                raise ValueError(f"{path}: {found} points at itself")
            target = found.removeprefix("${generator.")[:-1]
            found = _look_up(path, generator, target, None, depth + 1)
    return found
