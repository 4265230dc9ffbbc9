"""A look inside a network while it fills a hole: what a pixel looks at, what each block holds.

The paper's point (arXiv 2109.07161, section 2.1) is that fast Fourier convolutions see the whole
picture from the first block on. Here that can be seen: which known pixels one pixel of the fill
depends on, the same with the Fourier units silenced, the local and the global branch of every
block, and what its Fourier unit does to the spectrum. Networks that fill coarse to fine also show
their levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from lama.arrays import check_pair, to_tensor, to_uint8
from lama.ffc import FFCResnetBlock, FourierUnit
from lama.generator import Generator
from lama.groups import hole_groups
from lama.inference import Inpainter
from lama.scaled import shrink
from lama.tensors import blend
from lama.unet import FFCUNet
from masks.ops import Box

LONGEST = 256  # pixels; larger crops are looked at at this size
NARROWEST = 64  # pixels; narrower crops are not made smaller than that


@dataclass(frozen=True)
class Reach:
    """What one pixel of the fill depends on.

    Attributes:
        influence: float32 (h, w), the size of the derivative of the pixel's colour by each pixel of
            the picture; all of them together are 1, and it is 0 in the hole.
        radius: a tenth of the influence comes from farther away than this many pixels.
    """

    influence: np.ndarray
    radius: float


@dataclass(frozen=True)
class Block:
    """One FFC residual block's answer. Maps are float32 (C, h / 8, w / 8).

    Attributes:
        local: maps of the local branch.
        broad: maps of the global branch.
        before: float32 (h / 8, w / 8), mean amplitude at each frequency of what goes into the
            block's last Fourier unit, frequency 0 in the middle.
        after: the same of what comes out.
        share: how much of the global path went through the Fourier unit, the rest around it; 0 to 1
            by the sums of squares.
    """

    local: np.ndarray
    broad: np.ndarray
    before: np.ndarray
    after: np.ndarray
    share: float


@dataclass(frozen=True)
class Level:
    """One size of a coarse-to-fine fill, cut out around the hole.

    Attributes:
        guess: uint8 (h, w, 3), what the network is given there: its coarser answer enlarged.
        copied: the hole filled from the picture's own patches, or None.
        share: float32 (h, w), how much of `copied` it takes, 0 to 1; or None.
        hole: bool (h, w).
    """

    guess: np.ndarray
    copied: np.ndarray | None
    share: np.ndarray | None
    hole: np.ndarray


@dataclass(frozen=True)
class Inside:
    """What `look` found; all of it at the size that the network was shown.

    Attributes:
        rgb: uint8 (h, w, 3), the part of the photo around the hole, black in the hole.
        hole: bool (h, w).
        result: uint8 (h, w, 3), the fill.
        crop: the part of the photo that this is.
        point: (x, y) in `rgb` of the pixel that `reach` is about.
        reach: what it depends on.
        silenced: the same with every Fourier unit answering zero; None where there is none.
        blocks: the FFC residual blocks in their order, at the largest size.
        levels: from coarse to fine; none for networks that fill in one go.
    """

    rgb: np.ndarray
    hole: np.ndarray
    result: np.ndarray
    crop: Box
    point: tuple[int, int]
    reach: Reach
    silenced: Reach | None
    blocks: tuple[Block, ...]
    levels: tuple[Level, ...]


def look(
    inpainter: Inpainter, rgb: np.ndarray, mask: np.ndarray, point: tuple[int, int] | None = None
) -> Inside:
    """Fill a hole with the plain network (fp32) and keep what happens on the way.

    Args:
        inpainter: its generator is used by nobody else meanwhile.
        rgb: uint8 (H, W, 3).
        mask: bool (H, W), True = hole.
        point: (x, y) of a hole pixel to ask about; the one deepest in the largest hole by default.

    Raises:
        ValueError: As `Inpainter.__call__`, or a point outside the hole.
    """
    check_pair(rgb, mask)
    if point is not None:
        x, y = point
        if not (0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x]):
            raise ValueError(f"the point {point} is not in the hole; ask about one that is")
    crop = _crop(mask, point)
    with inpainter.alone() as generator:
        image, hole = _shown(generator, rgb[crop.slices], mask[crop.slices])
        here = _deepest(hole) if point is None else _scaled(point, crop, hole)
        device = next(generator.parameters()).device
        image, holes = image.to(device), to_tensor(hole).to(device)
        copied = None
        with torch.no_grad():
            if generator.copier is not None:
                copied = generator.copier(image, holes)
            with _recording(generator) as record:
                filled = generator(image, holes, copied)
        reach = _reach(generator, image, holes, copied, here)
        silenced = None
        if any(isinstance(module, FourierUnit) for module in generator.modules()):
            with _silence(generator):
                silenced = _reach(generator, image, holes, copied, here)
    result = to_uint8(blend(filled, image, holes).float().cpu())
    shown = to_uint8(image.cpu())
    return Inside(
        shown, hole, result, crop, here, reach, silenced, record.blocks(), record.levels()
    )


def _crop(mask: np.ndarray, point: tuple[int, int] | None) -> Box:
    """What the network sees of the photo: the crop of the point's hole, or of the largest one."""
    groups = list(hole_groups(mask))
    if point is not None:
        x, y = point
        for group in groups:
            crop = group.crop
            within = crop.top <= y < crop.bottom and crop.left <= x < crop.right
            if within and group.hole[y - crop.top, x - crop.left]:
                return crop
    return max(groups, key=lambda group: np.count_nonzero(group.hole)).crop


def _shown(generator: Generator, rgb: np.ndarray, mask: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """The crop at the size it is looked at, its sides multiples of what the generator takes.

    A long and narrow one is longer than `LONGEST`, but has no more pixels than a square of that
    side; where the network wants more of its short side, it is squeezed along the other.
    """
    height, width = mask.shape
    scale = max(LONGEST / max(height, width), NARROWEST / min(height, width))
    scale = min(1.0, scale, LONGEST / (height * width) ** 0.5)
    least, step = max(generator.smallest, generator.multiple), generator.multiple
    most = LONGEST**2 // least // step * step
    sides = (round(side * scale / step) * step for side in (height, width))
    size = tuple(min(most, max(least, side)) for side in sides)
    image, hole = shrink(rgb, mask, (size[0], size[1]))
    if not hole.any():  # too thin for this size
        hole = cv2.resize(mask.view(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0
        if not hole.any():
            ys, xs = np.nonzero(mask)
            hole[ys[0] * size[0] // height, xs[0] * size[1] // width] = True
        image = image * to_tensor(~hole)
    return image, hole


def _scaled(point: tuple[int, int], crop: Box, hole: np.ndarray) -> tuple[int, int]:
    """The hole pixel of the picture that is shown which is nearest to a point of the photo."""
    x = (point[0] - crop.left + 0.5) * hole.shape[1] / crop.width - 0.5
    y = (point[1] - crop.top + 0.5) * hole.shape[0] / crop.height - 0.5
    ys, xs = np.nonzero(hole)
    nearest = int(np.argmin((xs - x) ** 2 + (ys - y) ** 2))
    return int(xs[nearest]), int(ys[nearest])


def _deepest(hole: np.ndarray) -> tuple[int, int]:
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(x), int(y)


def _reach(
    generator: Generator, image: Tensor, mask: Tensor, copied: Tensor | None, at: tuple[int, int]
) -> Reach:
    """The derivative of one output pixel by the picture; what is copied counts as given."""
    x, y = at
    with torch.enable_grad():
        picture = image.clone().requires_grad_()
        output = generator(picture, mask, copied)
        (gradient,) = torch.autograd.grad(output[0, :, y, x].sum(), picture)
    influence = (gradient.abs().sum(1) * (1 - mask[:, 0]))[0].cpu().double().numpy()
    total = influence.sum()
    if total > 0:
        influence = influence / total
    rows, columns = np.indices(influence.shape)
    distance = np.hypot(columns - x, rows - y).ravel()
    order = np.argsort(distance)
    most = int(np.searchsorted(np.cumsum(influence.ravel()[order]), 0.9))
    radius = float(distance[order[min(most, len(order) - 1)]]) if total > 0 else 0.0
    return Reach(influence.astype(np.float32), radius)


@contextmanager
def _silence(generator: nn.Module) -> Iterator[None]:
    """Within it every Fourier unit answers zero, so that only convolutions carry anything."""
    with ExitStack() as stack:
        for module in generator.modules():
            if isinstance(module, FourierUnit):
                hook = module.register_forward_hook(lambda _m, _inputs, out: torch.zeros_like(out))
                stack.callback(hook.remove)
        yield


class _Record:
    """What the hooks saw; a block that runs at several sizes keeps its last, the finest."""

    def __init__(self) -> None:
        self.outputs: dict[int, tuple[Tensor | None, Tensor | None]] = {}
        self.units: dict[int, tuple[Tensor, Tensor]] = {}
        self.details: list[tuple[Tensor, Tensor]] = []

    def blocks(self) -> tuple[Block, ...]:
        """In the order of the network; those without both branches are left out."""
        found = []
        for number, (local, broad) in sorted(self.outputs.items()):
            if local is None or broad is None or number not in self.units:
                continue
            before, after = self.units[number]
            around, through = (float(x.square().sum()) for x in (before, after))
            found.append(
                Block(
                    local[0].float().cpu().numpy(),
                    broad[0].float().cpu().numpy(),
                    _amplitudes(before),
                    _amplitudes(after),
                    through / max(around + through, 1e-12),
                )
            )
        return tuple(found)

    def levels(self) -> tuple[Level, ...]:
        """From coarse to fine."""
        found = []
        for maps, change in self.details:
            hole = maps[0, 3].cpu().numpy() > 0.5
            guess, copied, share = maps[:, :3] * 0.5 + 0.5, None, None
            if maps.shape[1] > 4:
                copied = to_uint8((maps[:, 4:7] * 0.5 + 0.5).cpu())
                share = torch.sigmoid(change[0, 3]).cpu().numpy() * hole
            found.append(Level(to_uint8(guess.cpu()), copied, share, hole))
        return tuple(found)


@contextmanager
def _recording(generator: Generator) -> Iterator[_Record]:
    record = _Record()
    with ExitStack() as stack:
        blocks = [m for m in generator.modules() if isinstance(m, FFCResnetBlock)]
        for number, block in enumerate(blocks):

            def keep(_m: nn.Module, _inputs: object, out: tuple, number: int = number) -> None:
                record.outputs[number] = out

            stack.callback(block.register_forward_hook(keep).remove)
            transform = block.conv2.ffc.convg2g
            if transform is None:
                continue

            def note(_m: nn.Module, inputs: tuple, out: Tensor, number: int = number) -> None:
                record.units[number] = inputs[0].float(), out.float()

            stack.callback(transform.fu.register_forward_hook(note).remove)
        if isinstance(generator, FFCUNet):

            def level(_m: nn.Module, inputs: tuple, out: Tensor) -> None:
                record.details.append((inputs[1].float(), out.float()))

            stack.callback(generator.detail.register_forward_hook(level).remove)
        yield record


def _amplitudes(maps: Tensor) -> np.ndarray:
    """Mean amplitude over the channels of (1, C, h, w) at each frequency, 0 in the middle."""
    found = torch.fft.fft2(maps[0], norm="ortho").abs().mean(0)
    return torch.fft.fftshift(found).cpu().numpy()
