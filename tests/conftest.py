"""What all tests share: seeded randomness, a small picture with structure, a tiny generator."""

import numpy as np
import pytest
import torch

from lama.checkpoint import build
from lama.config import FourierConfig, UNetConfig
from lama.generator import Generator


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """For weights and pictures that a test draws without a generator of its own."""
    torch.manual_seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def picture(rng: np.random.Generator) -> np.ndarray:
    """uint8 (67, 101, 3): gradients, an edge and some noise; odd and not square."""
    height, width = 67, 101
    y, x = np.mgrid[:height, :width]
    bands = np.stack([x * 2, y * 3, np.where(x > 50, 200, 30)], axis=2)
    return np.clip(bands + rng.integers(-9, 10, bands.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def hole() -> np.ndarray:
    """bool (67, 101) with one hole."""
    mask = np.zeros((67, 101), bool)
    mask[20:41, 33:70] = True
    return mask


def randomised(generator: Generator, seed: int = 0) -> Generator:
    """Give every number of a generator a value that matters, batch-norm statistics included.

    Scales are near 1: smaller ones would leave so little of the picture after a few layers that the
    answer hardly depends on it.
    """
    source = torch.Generator().manual_seed(seed)
    for name, tensor in generator.state_dict().items():
        if name.endswith("running_var") or (name.endswith("weight") and tensor.ndim == 1):
            tensor.copy_(torch.rand(tensor.shape, generator=source) + 0.5)
        elif tensor.is_floating_point() and tensor.ndim > 1:
            scale = (2 / tensor[0].numel()) ** 0.5
            tensor.copy_(torch.randn(tensor.shape, generator=source) * scale)
        elif tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape, generator=source) * 0.2 + 0.3)
    return generator.eval()


@pytest.fixture
def small_fourier() -> Generator:
    return randomised(build(FourierConfig(ngf=4, n_blocks=2)))


@pytest.fixture
def small_unet() -> Generator:
    return randomised(build(UNetConfig(width=8, n_blocks=1, detail=4)))
