"""The published generator family, key for key: LaMa-Fourier, LaMa-Regular and LaMa-Dilated.

Source: arXiv 2109.07161, section 2 and table 2. Layer indices inside `model` are a contract with
published weights. Input of all of them: (B, 4, H, W), the picture with the hole zeroed in [0, 1]
and the mask (1 = hole); output (B, 3, H, W) in [0, 1]. H and W are multiples of `multiple`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from lama.config import DilatedConfig, FourierConfig, GeneratorConfig, RegularConfig
from lama.ffc import FFC, FFCBatchNormAct, FFCResnetBlock, Pair, join_channels
from lama.pausing import Pause, go_on

M = TypeVar("M", bound=nn.Module)


def channels_last(module: M) -> M:
    """Lay a module's weights out as CPU and GPU convolutions are quickest with."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class Fill(Protocol):
    """Fills holes without a network."""

    def __call__(self, image: Tensor, mask: Tensor, *, pause: Pause = go_on) -> Tensor:
        """Picture and mask, as `Generator.forward`, to a picture; `pause` may raise to end it."""


@dataclass(frozen=True)
class Encoded:
    """What a generator knows half-way: `features` go through its residual blocks."""

    features: list[Any]  # tensors; of FFC the local and the global ones, None where there are none
    skips: tuple[Tensor, ...] = ()


class Answer(NamedTuple):
    """A picture (B, 3, H, W), its hole (B, 1, H, W) and what a generator makes of it, unblended."""

    image: Tensor
    mask: Tensor
    prediction: Tensor


class Generator(nn.Module):
    """What `Inpainter`, training and checkpoints rely on, whatever the network inside.

    Attributes:
        config: frozen dataclass that rebuilds the network.
        multiple: H and W must be multiples of it.
        smallest: least H and W in pixels that its padding allows.
        largest: longer side in pixels up to which it does well; larger crops are scaled down.
        bytes_a_pixel: of memory that a forward pass takes for each pixel of a crop, at most.
        copier: makes the `copied` that `forward` takes in training, for generators that use it. It
            does not depend on the weights, so it can be computed in advance.
    """

    config: GeneratorConfig
    multiple: int = 8  # as many halvings as there are: three, unless the config says otherwise
    smallest: int = 16  # reflect padding of one pixel at the smallest size
    largest: int = 1024
    bytes_a_pixel: int = 1000  # 810 measured with 18 blocks in 32 bits at 1024x1024
    copier: Fill | None = None

    def forward(self, image: Tensor, mask: Tensor, copied: Tensor | None = None) -> Tensor:
        """Predict the whole picture.

        Args:
            image: (B, 3, H, W) in [0, 1]; what lies in the hole is ignored.
            mask: (B, 1, H, W), 1 = hole.
            copied: as `encode`.

        Returns:
            (B, 3, H, W) in [0, 1], not blended with `image`.
        """
        return self.decode(self.encode(image, mask, copied=copied))

    def copies(
        self,
        image: Tensor,  # noqa: ARG002 - only generators that copy look at it
        mask: Tensor,  # noqa: ARG002
        *,
        patient: bool = False,  # noqa: ARG002
        pause: Pause = go_on,  # noqa: ARG002
    ) -> Tensor | None:
        """What `forward` is given as `copied` outside training; None if the generator takes none.

        Args:
            image: as `forward`.
            mask: as `forward`.
            patient: search longer.
            pause: called between pieces of the work; may raise to end it.
        """
        return None

    def answers(
        self,
        image: Tensor,
        mask: Tensor,
        copied: Tensor | None = None,
        smallest: int = 0,  # noqa: ARG002 - there is only one
    ) -> list[Answer]:
        """`forward` at every size that it goes through, the picture's own first.

        Args:
            image: as `forward`, but what lies in the hole is made small as well, to compare with.
            mask: as `forward`.
            copied: as `forward`.
            smallest: shorter side in pixels below which answers are left out.
        """
        return [Answer(image, mask, self(image, mask, copied))]

    def encode(
        self,
        image: Tensor,
        mask: Tensor,
        guess: Tensor | None = None,
        copied: Tensor | None = None,
    ) -> Encoded:
        """The front half: everything before the residual blocks.

        Args:
            image: as `forward`.
            mask: as `forward`.
            guess: (B, 3, H, W), a first fill of the hole for generators that start from one.
            copied: (B, 3, H, W), the hole filled by `copier`; made here if it is not given.
        """
        raise NotImplementedError

    def decode(self, encoded: Encoded) -> Tensor:
        """The rear half: residual blocks and decoder; `decode(encode(...))` is `forward`."""
        raise NotImplementedError


class _Published(Generator):
    """Zeroes the hole, stacks the mask under the picture and runs `model`."""

    model: nn.Sequential

    def encode(
        self,
        image: Tensor,
        mask: Tensor,
        guess: Tensor | None = None,  # noqa: ARG002 - no published generator takes one
        copied: Tensor | None = None,  # noqa: ARG002
    ) -> Encoded:
        """See `Generator.encode`."""
        x = self.model[: self._first_block()](torch.cat([image * (1 - mask), mask], dim=1))
        return Encoded([x] if isinstance(x, Tensor) else list(x))

    def decode(self, encoded: Encoded) -> Tensor:
        """See `Generator.decode`."""
        features = encoded.features
        return self.model[self._first_block() :](features[0] if len(features) == 1 else features)

    def _first_block(self) -> int:
        kinds = (FFCResnetBlock, _RegularBlock, _DilatedBlock)
        return next(i for i, layer in enumerate(self.model) if isinstance(layer, kinds))


class FourierGenerator(_Published):
    """LaMa-Fourier; 18 blocks of it are big-lama (`FFCResNetGenerator` of the source)."""

    def __init__(self, config: FourierConfig) -> None:
        super().__init__()
        self.config = config
        self.multiple = 2**config.n_downsampling
        self.smallest = 2 * self.multiple
        widths = _widths(config.ngf, config.n_downsampling, config.max_features)
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            FFCBatchNormAct(FFC(4, widths[0], 7, 0, 0)),
        ]
        for i in range(config.n_downsampling):
            # Only the last halving opens the global branch.
            ratio = config.ratio if i == config.n_downsampling - 1 else 0
            halving = FFC(widths[i], widths[i + 1], 3, 0, ratio, stride=2, padding=1)
            layers.append(FFCBatchNormAct(halving))
        layers += [
            FFCResnetBlock(widths[-1], config.ratio, enable_lfu=config.enable_lfu)
            for _ in range(config.n_blocks)
        ]
        layers += [_Join(), *_decoder(widths, config.activation)]
        self.model = nn.Sequential(*layers)


class RegularGenerator(_Published):
    """LaMa-Regular (`GlobalGenerator` of pix2pixHD)."""

    def __init__(self, config: RegularConfig) -> None:
        super().__init__()
        self.config = config
        self.multiple = 2**config.n_downsampling
        self.smallest = 2 * self.multiple
        widths = _widths(config.ngf, config.n_downsampling, config.max_features)
        blocks = [_RegularBlock(widths[-1]) for _ in range(config.n_blocks)]
        self.model = nn.Sequential(*_encoder(widths), *blocks, *_decoder(widths, config.activation))


class DilatedGenerator(_Published):
    """LaMa-Dilated (`MultidilatedConv`, mode cat_in, of the source)."""

    def __init__(self, config: DilatedConfig) -> None:
        super().__init__()
        self.config = config
        self.multiple = 2**config.n_downsampling
        # Reflect padding of the widest dilation needs a bottleneck larger than it.
        self.smallest = (2 ** (config.dilation_num - 1) + 1) * self.multiple
        widths = _widths(config.ngf, config.n_downsampling, config.max_features)
        blocks = [_DilatedBlock(widths[-1], config.dilation_num) for _ in range(config.n_blocks)]
        self.model = nn.Sequential(*_encoder(widths), *blocks, *_decoder(widths, config.activation))


class _RegularBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class _MultidilatedConv(nn.Module):
    """The input's channels in equal chunks, a dilation for each, outputs summed."""

    def __init__(self, channels: int, dilation_num: int) -> None:
        super().__init__()
        if channels % dilation_num:
            raise ValueError(
                f"{channels} channels cannot be shared by {dilation_num} dilations: take a number "
                "of dilations that divides them"
            )
        self.convs = nn.ModuleList(
            nn.Conv2d(
                channels // dilation_num,
                channels,
                3,
                padding=2**i,
                dilation=2**i,
                padding_mode="reflect",
            )
            for i in range(dilation_num)
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = x.chunk(len(self.convs), dim=1)
        out = self.convs[0](parts[0])
        for conv, part in zip(self.convs[1:], parts[1:], strict=True):
            out = out + conv(part)
        return out


class _DilatedBlock(nn.Module):
    def __init__(self, channels: int, dilation_num: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            _MultidilatedConv(channels, dilation_num),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            _MultidilatedConv(channels, dilation_num),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class _Join(nn.Module):
    def forward(self, pair: Pair) -> Tensor:
        return join_channels(pair)


def _widths(ngf: int, n_downsampling: int, max_features: int) -> list[int]:
    return [min(max_features, ngf * 2**i) for i in range(n_downsampling + 1)]


def _encoder(widths: list[int]) -> list[nn.Module]:
    """Head and halvings of the plain generators: biased convolutions, zero padding."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(4, widths[0], 7)]
    layers += [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    for narrow, wide in pairwise(widths):
        layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1)]
        layers += [nn.BatchNorm2d(wide), nn.ReLU(inplace=True)]
    return layers


def _decoder(widths: list[int], activation: str) -> list[nn.Module]:
    """Doublings and tail, the same in all three generators."""
    layers: list[nn.Module] = []
    for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True):
        layers += [nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1)]
        layers += [nn.BatchNorm2d(narrow), nn.ReLU(inplace=True)]
    if activation not in ("sigmoid", "tanh"):
        raise ValueError(f"activation must be sigmoid or tanh, got {activation!r}")
    last = nn.Sigmoid() if activation == "sigmoid" else nn.Tanh()
    return [*layers, nn.ReflectionPad2d(3), nn.Conv2d(widths[0], 3, 7), last]
