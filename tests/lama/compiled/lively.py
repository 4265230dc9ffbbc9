"""Generators as after training, for tests."""

from lama.checkpoint import build
from lama.config import GeneratorConfig
from lama.generator import Generator
from tests.conftest import randomised


def lively(config: GeneratorConfig) -> Generator:
    """A generator whose every part shows in its answer; a fresh one's answer is nearly even."""
    return randomised(build(config)).requires_grad_(False)
