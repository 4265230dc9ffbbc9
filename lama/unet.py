"""lama-tiny's network: an FFC generator that learns at a small budget and runs live on a laptop.

It differs from the published layout in five ways, each measured in docs/log.md:
the hole arrives filled with a first guess, the network adds a residual on the guess's logit that
only the hole can take, skips join encoder and decoder (nearest upsampling and a 3x3 convolution:
no checkerboard), most work is done at half resolution and below, and large pictures are filled
coarse to fine: the guess is the network's own answer at half the size, down to `base` pixels,
where it is a pull-push pyramid. So a hole is never larger than the holes it was trained on.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lama.config import UNetConfig
from lama.exemplar import exemplar_fill
from lama.ffc import FFCResnetBlock, join_channels, split_channels
from lama.generator import Encoded, Generator
from lama.pullpush import pull_push

GUESSES = ("coarse", "exemplar")


class FFCUNet(Generator):
    """Encoder and decoder with skips, FFC blocks at 1/8, a residual on a filled hole."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config: UNetConfig = config
        if config.guess not in GUESSES:
            raise ValueError(f"guess must be one of {', '.join(GUESSES)}, got {config.guess!r}")
        self.fixed_guess = exemplar_fill if config.guess == "exemplar" else None
        c2, c4, c8 = config.width, config.width * 2, config.width * 4
        self.ratio = config.ratio
        self.enter = nn.Sequential(nn.PixelUnshuffle(2), *_conv(16, c2), *_conv(c2, c2))
        self.down4 = nn.Sequential(*_conv(c2, c4, stride=2), *_conv(c4, c4))
        self.down8 = nn.Sequential(*_conv(c4, c8, stride=2))
        blocks = [FFCResnetBlock(c8, config.ratio) for _ in range(config.n_blocks)]
        self.blocks = nn.Sequential(*blocks)
        self.up4 = _Up(c8, c4)
        self.up2 = _Up(c4, c2)
        self.leave = nn.Sequential(
            nn.Conv2d(c2, config.detail * 4, 3, padding=1), nn.PixelShuffle(2)
        )
        self.detail = nn.Sequential(
            nn.Conv2d(config.detail + 4, config.detail, 3, padding=1, padding_mode="reflect"),
            nn.ReLU(inplace=True),
            nn.Conv2d(config.detail, 3, 3, padding=1, padding_mode="reflect"),
        )
        # Starting at a zero residual means starting at the first guess.
        last = self.detail[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.normal_(last.weight, std=1e-3)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def first_guess(self, image: Tensor, mask: Tensor) -> Tensor:
        """The picture with the hole filled by what `config.guess` names."""
        if self.fixed_guess is not None:
            return self.fixed_guess(image, mask)
        if min(image.shape[-2:]) < 2 * self.config.base:
            return pull_push(image, mask)
        known = 1 - mask
        weight = F.avg_pool2d(known, 2)
        small_mask = (weight == 0).to(mask.dtype)
        small = F.avg_pool2d(image * known, 2) / (weight + small_mask)
        height, width = small.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        padded = (F.pad(t, padding, mode="replicate") for t in (small, small_mask))
        coarse = self(*padded)[..., :height, :width]
        coarse = coarse * small_mask + small * (1 - small_mask)
        grown = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        return image * known + grown * mask

    def encode(self, image: Tensor, mask: Tensor, guess: Tensor | None = None) -> Encoded:
        """See `Generator.encode`; any first guess does: pull-push, or a coarser result enlarged."""
        guess = self.first_guess(image, mask) if guess is None else guess
        x = torch.cat([guess * 2 - 1, mask], dim=1)
        x2 = self.enter(x)
        x4 = self.down4(x2)
        return Encoded([self.down8(x4)], (x4, x2, x))

    def decode(self, encoded: Encoded) -> Tensor:
        """See `Generator.decode`; known pixels come back as they went in (to 1e-4)."""
        x4, x2, x = encoded.skips
        x8 = join_channels(self.blocks(split_channels(encoded.features[0], self.ratio)))
        y = self.leave(self.up2(self.up4(x8, x4), x2))
        residual = self.detail(torch.cat([F.relu(y), x], dim=1))
        guess, mask = x[:, :3].float() * 0.5 + 0.5, x[:, 3:]
        return torch.sigmoid(torch.logit(guess, eps=1e-4) + residual.float() * mask)


class _Up(nn.Module):
    """Fewer channels, nearest upsampling, the skip added, two 3x3 convolutions."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(cin, cout, 1)
        self.skip = nn.Conv2d(cout, cout, 1)
        self.convs = nn.Sequential(nn.ReLU(inplace=True), *_conv(cout, cout), *_conv(cout, cout))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        up = F.interpolate(self.reduce(x), scale_factor=2, mode="nearest")
        return self.convs(up + self.skip(skip))


def _conv(cin: int, cout: int, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(cin, cout, 3, stride, padding=1, bias=False, padding_mode="reflect")
    return [conv, nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]
