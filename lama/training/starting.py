"""The weights that a new run starts from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from lama.config import GeneratorConfig, UNetConfig
from lama.generator import Generator
from lama.loading import read_generator


def first_weights(checkpoint: Path, generator: Generator) -> dict[str, Tensor]:
    """A generator's weights from a file of the same config, in any known format.

    A generator that looks at a copied fill may start from one that does not: what it has more
    starts at zero.

    Args:
        checkpoint: weights file or folder.
        generator: that is to have them.

    Raises:
        ValueError: The file cannot be read, or is of another config.
    """
    loaded, wanted = read_generator(checkpoint), generator.config
    if loaded.config not in (wanted, _without_copies(wanted)):
        raise ValueError(f"{checkpoint} holds {loaded.config}, the run wants {wanted}")
    return _enlarged(loaded.state_dict(), generator.state_dict())


def _without_copies(config: GeneratorConfig) -> GeneratorConfig:
    return replace(config, copies=False) if isinstance(config, UNetConfig) else config


def _enlarged(state: dict[str, Tensor], like: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors in the sizes of others, zero where they have nothing."""
    found = {}
    for name, tensor in state.items():
        found[name] = torch.zeros_like(like[name])
        found[name][tuple(slice(n) for n in tensor.shape)] = tensor
    return found
