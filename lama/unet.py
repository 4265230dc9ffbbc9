"""lama-tiny's network: an FFC generator that learns at a small budget and runs live on a laptop.

It differs from the published layout in these ways, each measured in docs/log.md:
the hole arrives filled with a first guess, the network adds a residual on the guess's logit that
only the hole can take, skips join encoder and decoder (nearest upsampling and a 3x3 convolution:
no checkerboard), most work is done at half resolution and below, and large pictures are filled
coarse to fine: the guess is the network's own answer at half the size, down to `base` pixels,
where it is a pull-push pyramid. So a hole is never larger than the holes it was trained on, and
what lies far from it matters at small sizes only: outside training each size is looked at just
around the hole. With `copies` it sees a second guess as well, put together from patches of the same
picture (`lama.exemplar`), in large pictures and deep holes from larger pieces (`lama.shift_map`),
and says for each pixel how much of it to take: texture that is there already need not be invented.
Outside training its answer is kept as calm as that fill (`lama.contrast`), at every size.
"""

from __future__ import annotations

from functools import partial

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lama.config import UNetConfig
from lama.contrast import calmed, textured
from lama.exemplar import FAST, PATIENT, Effort, coherent_fill, exemplar_fill
from lama.ffc import FFCResnetBlock, join_channels, split_channels
from lama.generator import Answer, Encoded, Fill, Generator
from lama.pausing import Pause, go_on
from lama.pullpush import pull_push
from lama.shift_map import shift_map_fill
from lama.tensors import surroundings


class FFCUNet(Generator):
    """Encoder and decoder with skips, FFC blocks at 1/8, a residual on a filled hole."""

    largest = 2048  # it has no size of its own; time sets the limit
    bytes_a_pixel = 850  # most measured where nearly all is hole: 817 in fp32, 536 in 8 bits
    margin = 32  # pixels around the hole that are looked at outside training, at every size
    large = 1024  # shorter side in pixels from which on large pieces are copied instead of patches
    deep = 0.15  # distance to anything known, of the shorter side, that makes a hole a deep one
    textured_from = 512  # shorter side from which on pieces give deep holes their texture

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config: UNetConfig = config
        if config.copies:
            self.copier = exemplar_fill
        # Guess, mask and copied fill in; a residual, and the share that is copied, out.
        given, outputs = (7, 4) if config.copies else (4, 3)
        c2, c4, c8 = config.width, config.width * 2, config.width * 4
        self.ratio = config.ratio
        self.enter = nn.Sequential(nn.PixelUnshuffle(2), *_conv(given * 4, c2), *_conv(c2, c2))
        self.down4 = nn.Sequential(*_conv(c2, c4, stride=2), *_conv(c4, c4))
        self.down8 = nn.Sequential(*_conv(c4, c8, stride=2))
        blocks = [FFCResnetBlock(c8, config.ratio) for _ in range(config.n_blocks)]
        self.blocks = nn.Sequential(*blocks)
        self.up4 = Up(c8, c4)
        self.up2 = Up(c4, c2)
        self.leave = nn.Sequential(
            nn.Conv2d(c2, config.detail * 4, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.PixelShuffle(2),
        )
        self.detail = Detail(
            nn.Conv2d(config.detail + given, config.detail, 3, padding=1, padding_mode="reflect"),
            nn.ReLU(inplace=True),
            nn.Conv2d(config.detail, outputs, 3, padding=1, padding_mode="reflect"),
        )
        # Starting at a zero residual means starting at the first guess.
        last = self.detail[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.normal_(last.weight, std=1e-3)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor, mask: Tensor, copied: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        if self.training:
            return super().forward(image, mask, copied)
        if copied is None:
            copied = self.copies(image, mask)
        guess = self.first_guess(image, mask, copied)
        if not mask.any():
            return guess
        near = surroundings(mask, self.margin, 2 * self.multiple)
        laid_out = image.is_contiguous(memory_format=torch.channels_last)
        how = torch.channels_last if laid_out else torch.contiguous_format
        rows, columns = near

        def cut(t: Tensor) -> Tensor:
            return t[..., rows, columns].contiguous(memory_format=how)

        seen = None if copied is None else cut(copied)
        whole = guess.clone()
        filled = self.decode(self.encode(cut(image), cut(mask), cut(guess), seen))
        if seen is not None:
            filled = calmed(filled, seen)
        whole[..., rows, columns] = filled.to(whole.dtype)
        return whole

    def copies(
        self,
        image: Tensor,
        mask: Tensor,
        *,
        patient: bool = False,
        pause: Pause = go_on,
    ) -> Tensor | None:
        """See `Generator.copies`: patches, or large pieces where this network's coarse fill says.

        Large holes are where patches lose their way: they agree with each other on something flat,
        which the network then has to draw over.
        """
        if self.copier is None:
            return None
        effort = PATIENT if patient else FAST
        pairs = zip(image.split(1), mask.split(1), strict=True)
        return torch.cat([self._copies(*pair, effort, pause) for pair in pairs])

    def _copies(self, image: Tensor, mask: Tensor, effort: Effort, pause: Pause) -> Tensor:
        search = partial(exemplar_fill, effort=effort, pause=pause)
        side = min(image.shape[-2:])
        if side >= self.large:
            return shift_map_fill(image, mask, self._coarse_fill(image, mask, search), pause)
        if side < self.textured_from or _depth(mask) < self.deep * side:
            return search(image, mask)
        patches, coherence = coherent_fill(image, mask, effort, pause)
        guide = self._coarse_fill(image, mask, search)
        return textured(patches, coherence, shift_map_fill(image, mask, guide, pause), guide)

    def _coarse_fill(self, image: Tensor, mask: Tensor, search: Fill) -> Tensor:
        """This network's fill at half the size, or at the first one that is not large; enlarged."""
        small, hole = _halved(image, mask)
        picture, hole_, _ = self._half(small, hole, None)
        if min(picture.shape[-2:]) >= self.large:
            coarse = self._coarse_fill(picture, hole_, search)
        else:
            coarse = self(picture, hole_, search(picture, hole_))
        return _grown(coarse, small, hole, image, mask)

    def first_guess(self, image: Tensor, mask: Tensor, copied: Tensor | None = None) -> Tensor:
        """The picture with the hole filled by this network at half the size, or by pull-push."""
        if self._is_coarsest(image):
            return pull_push(image, mask)
        small, hole = _halved(image, mask)
        coarse = self(*self._half(small, hole, copied))
        return _grown(coarse, small, hole, image, mask)

    def answers(
        self, image: Tensor, mask: Tensor, copied: Tensor | None = None, smallest: int = 0
    ) -> list[Answer]:
        """See `Generator.answers`."""
        if self.copier is not None and copied is None:
            copied = self.copier(image, mask)
        smaller: list[Answer] = []
        if self._is_coarsest(image):
            guess = pull_push(image, mask)
        else:
            small, hole = _halved(image, mask)
            height, width = small.shape[-2:]
            with_hidden = torch.lerp(small, F.avg_pool2d(image, 2), hole)
            smaller = self.answers(*self._half(with_hidden, hole, copied), smallest)
            guess = _grown(smaller[0].prediction, small, hole, image, mask)
            smaller[0] = Answer(*(t[..., :height, :width] for t in smaller[0]))
            smaller = smaller if min(height, width) >= smallest else []
        mine = Answer(image, mask, self.decode(self.encode(image, mask, guess, copied)))
        return [mine, *smaller]

    def _is_coarsest(self, image: Tensor) -> bool:
        return min(image.shape[-2:]) < 2 * self.config.base

    def _half(
        self, small: Tensor, hole: Tensor, copied: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """What `forward` is given at half the size, padded."""
        height, width = small.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        small, hole = (F.pad(t, padding, mode="replicate") for t in (small, hole))
        if copied is not None:
            copied = F.pad(F.avg_pool2d(copied, 2), padding, mode="replicate")
        return small, hole, copied

    def encode(
        self,
        image: Tensor,
        mask: Tensor,
        guess: Tensor | None = None,
        copied: Tensor | None = None,
    ) -> Encoded:
        """See `Generator.encode`; any first guess does: pull-push, or a coarser result enlarged."""
        if self.copier is None:
            copied = None
        elif copied is None:
            copied = self.copier(image, mask)
        guess = self.first_guess(image, mask, copied) if guess is None else guess
        given = [(guess * 2).sub_(1), mask]
        if copied is not None:
            given.append((copied * 2).sub_(1))
        x = torch.cat(given, dim=1)
        # A mask has one channel and no layout, so that `cat` would not keep the picture's.
        if image.is_contiguous(memory_format=torch.channels_last):
            x = x.contiguous(memory_format=torch.channels_last)
        x2 = self.enter(x)
        x4 = self.down4(x2)
        return Encoded([self.down8(x4)], (x4, x2, x))

    def decode(self, encoded: Encoded) -> Tensor:
        """See `Generator.decode`; known pixels come back as they went in (to 1e-4)."""
        x4, x2, x = encoded.skips
        x8 = join_channels(self.blocks(split_channels(encoded.features[0], self.ratio)))
        y = self.leave(self.up2(self.up4(x8, x4), x2))
        change = self.detail(y, x).float()
        guess, mask = x[:, :3].float() * 0.5 + 0.5, x[:, 3:4]
        if self.copier is not None:
            copied = x[:, 4:].float() * 0.5 + 0.5
            guess = torch.lerp(guess, copied, torch.sigmoid(change[:, 3:]))
        return torch.sigmoid(torch.logit(guess, eps=1e-4) + change[:, :3] * mask)


def _halved(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Picture and mask at half the size: means of what is known, a hole where nothing is."""
    known = 1 - mask
    weight = F.avg_pool2d(known, 2)
    hole = (weight == 0).to(mask.dtype)
    return F.avg_pool2d(image * known, 2) / (weight + hole), hole


def _grown(coarse: Tensor, small: Tensor, hole: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """The picture with its hole filled by the answer, padded or not, at half the size."""
    height, width = small.shape[-2:]
    coarse = coarse[..., :height, :width] * hole + small * (1 - hole)
    grown = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    return image * (1 - mask) + grown * mask


def _depth(mask: Tensor) -> float:
    """How far the hole of (1, 1, H, W) reaches from anything known, in pixels."""
    hole = mask[0, 0].byte().cpu().numpy()
    return float(cv2.distanceTransform(hole, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())


class Detail(nn.Sequential):
    """Layers that see several maps together."""

    def forward(self, *maps: Tensor) -> Tensor:
        """(B, C_i, H, W) each."""
        return super().forward(torch.cat(maps, dim=1))


class Up(nn.Module):
    """Fewer channels, nearest upsampling, the skip added, two 3x3 convolutions."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(cin, cout, 1)
        self.skip = nn.Conv2d(cout, cout, 1)
        self.convs = nn.Sequential(nn.ReLU(inplace=True), *_conv(cout, cout), *_conv(cout, cout))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, cin, H, W) and (B, cout, 2H, 2W) to (B, cout, 2H, 2W)."""
        up = F.interpolate(self.reduce(x), scale_factor=2, mode="nearest")
        return self.convs(up + self.skip(skip))


def _conv(cin: int, cout: int, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(cin, cout, 3, stride, padding=1, bias=False, padding_mode="reflect")
    return [conv, nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]
