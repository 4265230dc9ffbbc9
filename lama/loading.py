"""From a name or a path to an `Inpainter`: every weights format behind one function."""

from __future__ import annotations

from pathlib import Path

from lama import registry
from lama.checkpoint import fill_generator, read_checkpoint
from lama.config import GeneratorConfig
from lama.files import sha256_file
from lama.foreign import (
    infer_config,
    read_lightning,
    read_published_folder,
    read_torchscript,
    strip_prefix,
    weights_file,
)
from lama.generator import Generator
from lama.inference import Inpainter
from lama.torchscript import is_torchscript


def load(name_or_path: str | Path, device: str = "auto", precision: str = "auto") -> Inpainter:
    """Load a model.

    Args:
        name_or_path: a name from `lama.available()`, or a path: our safetensors, a safetensors or
            TorchScript file with the published keys, a Lightning checkpoint, or a published folder
            (`config.yaml` and `models/best.ckpt`).
        device: "auto", "cpu", "cuda", ...
        precision: "fp32", "bf16", "int8" or "auto".

    Raises:
        ValueError: Unknown name, weights that are not on disk or not what they should be; says how
            to mend it.
    """
    path, sha256 = registry.locate(name_or_path)
    name = str(name_or_path) if sha256 else path.stem
    generator = read_generator(path)
    sha256 = sha256 or sha256_file(weights_file(path))
    return Inpainter(generator, name=name, sha256=sha256, device=device, precision=precision)


def read_generator(path: Path) -> Generator:
    """Read any supported weights file or folder; see `load`."""
    config: GeneratorConfig
    if path.is_dir():
        config, tensors = read_published_folder(path)
    elif path.suffix == ".safetensors":
        found, tensors, _ = read_checkpoint(path)
        if found is None:
            tensors = strip_prefix(tensors)
            found = infer_config(tensors, str(path))
        config = found
    elif is_torchscript(path):
        tensors = read_torchscript(path)
        config = infer_config(tensors, str(path))
    else:
        tensors = read_lightning(path)
        config = infer_config(tensors, str(path))
    return fill_generator(config, tensors, str(path))
