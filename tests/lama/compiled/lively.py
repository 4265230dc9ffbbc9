"""Generators as after training, for tests."""

import torch
from torch import nn

from lama.checkpoint import build
from lama.config import GeneratorConfig
from lama.generator import Generator


def lively(config: GeneratorConfig) -> Generator:
    """A generator whose batch norms do something, as after training."""
    torch.manual_seed(3)
    generator = build(config)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            module.running_mean = torch.randn(module.num_features) * 0.2
            module.running_var = torch.rand(module.num_features) + 0.5
    return generator.eval().requires_grad_(False)
