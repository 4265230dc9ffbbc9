"""Our checkpoint file: safetensors with the generator's config and provenance in its metadata.

Foreign formats are read in `lama.foreign`; which file belongs to which name is `lama.registry`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lama.config import (
    DilatedConfig,
    FourierConfig,
    GeneratorConfig,
    RegularConfig,
    UNetConfig,
    from_dict,
    to_dict,
)
from lama.files import write_atomic
from lama.generator import DilatedGenerator, FourierGenerator, Generator, RegularGenerator
from lama.unet import FFCUNet


def build(config: GeneratorConfig) -> Generator:
    """A new generator with torch's default initialisation."""
    match config:
        case FourierConfig():
            return FourierGenerator(config)
        case RegularConfig():
            return RegularGenerator(config)
        case DilatedConfig():
            return DilatedGenerator(config)
        case UNetConfig():
            return FFCUNet(config)


def save_checkpoint(path: Path, generator: Generator, meta: Mapping[str, Any]) -> str:
    """Write a generator atomically; returns the file's sha256.

    Args:
        path: the file to make or replace.
        generator: its `config` is stored with it.
        meta: provenance, anything JSON can hold.
    """
    # num_batches_tracked is kept: the key set is a contract.
    tensors = {k: v.detach().cpu().contiguous() for k, v in generator.state_dict().items()}
    header = {
        "config": json.dumps(to_dict(generator.config)),
        "meta": json.dumps(dict(meta)),
        "format": "lama-1",
    }
    data = save(tensors, metadata=header)
    write_atomic(path, data)
    return hashlib.sha256(data).hexdigest()


def read_checkpoint(path: Path) -> tuple[GeneratorConfig | None, dict[str, Tensor], dict[str, Any]]:
    """Read any safetensors file: (config or None if it is not ours, tensors, meta).

    Raises:
        ValueError: Not a safetensors file, or its metadata is damaged.
    """
    header, tensors = _read(path)
    if "config" not in header:
        return None, tensors, {}
    try:
        return (
            from_dict(json.loads(header["config"])),
            tensors,
            json.loads(header.get("meta", "{}")),
        )
    except (json.JSONDecodeError, AttributeError, TypeError) as error:
        raise ValueError(f"the metadata of {path} is damaged: {error}") from error


def read_meta(path: Path) -> dict[str, Any]:
    """What a file says of its origin, read without its weights; empty where it says nothing.

    Raises:
        ValueError: Not a safetensors file, or its metadata is damaged.
    """
    header, _ = _read(path, weights=False)
    try:
        return dict(json.loads(header.get("meta", "{}")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"the metadata of {path} is damaged: {error}") from error


def _read(path: Path, weights: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and tensors of any safetensors file."""
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys() if weights else ()
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a safetensors file that can be read: {error}") from error


def fill_generator(
    config: GeneratorConfig, tensors: Mapping[str, Tensor], origin: str
) -> Generator:
    """Build a generator and load `tensors` strictly.

    Raises:
        ValueError: Keys, shapes or types differ; the message names the first of them.
    """
    with torch.device("meta"):
        generator = build(config)
    wanted = generator.state_dict()
    missing, extra = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
    wrong = [k for k in wanted if k in tensors and not _fits(tensors[k], wanted[k])]
    if missing or extra or wrong:
        parts = [
            f"{len(names)} {what}, first {names[0]}"
            for what, names in (
                ("missing", missing),
                ("unexpected", extra),
                ("of another shape or type", wrong),
            )
            if names
        ]
        raise ValueError(
            f"the weights in {origin} do not fit a {config.kind} generator: {'; '.join(parts)}"
        )
    floats = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    generator.load_state_dict(floats, strict=True, assign=True)
    return generator.eval()


def _fits(given: Tensor, wanted: Tensor) -> bool:
    """Whether a tensor can take another's place: any width of number, but numbers laid out flat."""
    real = given.is_floating_point() or not wanted.is_floating_point()
    return given.shape == wanted.shape and real and given.layout == torch.strided
