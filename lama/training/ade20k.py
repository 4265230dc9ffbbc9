"""The paper's perceptual network: a ResNet-50 encoder trained to parse scenes (ADE20K).

Section 2.2: its dilated convolutions see far, so a loss on its maps speaks of the scene and not
only of texture. The weights come from a file that the user has: `encoder_epoch_20.pth` of the
public `ade20k-resnet50dilated-ppm_deepsup` (CSAIL semantic segmentation), 275 tensors and 110
notes of its synchronised batch norm that nothing needs.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lama.training.losses import perceptual_loss

DEPTHS = (3, 4, 6, 3)  # bottleneck blocks of the four layers
EXPANSION = 4
# Layers and the dilation that takes the place of their stride: output stride 8 instead of 32.
DILATED = {"layer3": 2, "layer4": 4}
NOT_NEEDED = ("_tmp_running_mean", "_tmp_running_var", "_running_iter", "num_batches_tracked")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's


class SceneParsingEncoder(nn.Module):
    """ResNet-50 with a stem of three 3x3 convolutions; attribute names are the file's keys.

    Args:
        dilated: as published; False keeps the strides, for the paper's ablation.
    """

    def __init__(self, dilated: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(128)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        cin = 128
        for i, depth in enumerate(DEPTHS):
            name, width = f"layer{i + 1}", 64 * 2**i
            dilation = DILATED.get(name, 1) if dilated else 1
            stride = 1 if i == 0 or dilation > 1 else 2
            # The block that lost its stride sees half as far as those after it.
            blocks = [_Bottleneck(cin, width, stride, max(1, dilation // 2), shortcut=True)]
            cin = width * EXPANSION
            blocks += [_Bottleneck(cin, width, 1, dilation) for _ in range(depth - 1)]
            setattr(self, name, nn.Sequential(*blocks))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def features(self, image: Tensor) -> list[Tensor]:
        """Maps of 256, 512, 1024 and 2048 channels; image (B, 3, H, W) in [0, 1]."""
        x = (image - self.get_buffer("mean")) / self.get_buffer("std")
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.maxpool(self.relu(self.bn3(self.conv3(x))))
        maps = []
        for i in range(len(DEPTHS)):
            x = self.get_submodule(f"layer{i + 1}")(x)
            maps.append(x.float())
        return maps

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The loss of `lama.training.losses.perceptual_loss` between two batches in [0, 1]."""
        return perceptual_loss(self.features(a), self.features(b))


class _Bottleneck(nn.Module):
    def __init__(
        self, cin: int, width: int, stride: int, dilation: int, shortcut: bool = False
    ) -> None:
        super().__init__()
        cout = width * EXPANSION
        self.conv1 = nn.Conv2d(cin, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(
            width, width, 3, stride, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, cout, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(cout)
        self.relu = nn.ReLU()
        if shortcut:
            resize = nn.Conv2d(cin, cout, 1, stride, bias=False)
            self.downsample: nn.Module = nn.Sequential(resize, nn.BatchNorm2d(cout))
        else:
            self.downsample = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def load_scene_parsing(path: Path, dilated: bool = True) -> SceneParsingEncoder:
    """The encoder with the weights of a file, checked key by key.

    Args:
        path: `encoder_epoch_20.pth`, or its tensors as safetensors.
        dilated: see `SceneParsingEncoder`.

    Raises:
        ValueError: No such file, not weights alone, or not this network's.
    """
    network = SceneParsingEncoder(dilated)
    tensors = _read(path)
    wanted = {k: v for k, v in network.state_dict().items() if not k.endswith(NOT_NEEDED)}
    given = {k: v for k, v in tensors.items() if not k.endswith(NOT_NEEDED)}
    missing, surplus = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    misfits = [k for k in sorted(wanted.keys() & given.keys()) if wanted[k].shape != given[k].shape]
    for keys, what in (
        (missing, "missing"),
        (surplus, "unknown"),
        (misfits, "of another shape"),
    ):
        if keys:
            raise ValueError(
                f"{path} is not the ADE20K ResNet-50 encoder with its {len(wanted)} tensors: "
                f"{len(keys)} {what}, the first is {keys[0]}. The file to take is "
                "ade20k-resnet50dilated-ppm_deepsup/encoder_epoch_20.pth"
            )
    # The counters of batches are ours alone and stay at zero: strict for everything else.
    network.load_state_dict(given, strict=False)
    return network


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file with the weights of the perceptual network")
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as weights alone: {error}") from None
    if not isinstance(found, Mapping) or not all(isinstance(v, Tensor) for v in found.values()):
        raise ValueError(f"{path} does not hold tensors by name")
    return found
