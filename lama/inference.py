"""`Inpainter`: a generator with a numpy and PIL face; any size, known pixels untouched."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import chain
from typing import Literal, TypeVar, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lama.arrays import as_mask, check_pair, fill_pil, result_array, to_tensor, to_uint8
from lama.generator import Generator, channels_last
from lama.groups import Group, batches, hole_groups
from lama.memory import REFINEMENT, affordable_pixels, pixels_of_share
from lama.pausing import Stopping, stop_if
from lama.precision import check_precision, pick_device, prepare
from lama.refinement import PIXELS, refine
from lama.scaled import SCALING, fill_small
from lama.sections import sections
from lama.slots import ALL, Slots
from lama.tensors import blend, pad_symmetric
from lama.threads import on_cores

ImageLike = TypeVar("ImageLike", np.ndarray, Image.Image)
Quality = Literal["quick", "full", "refined"]
Forward = Callable[[Tensor, Tensor], Tensor]  # (B, 3, H, W) and (B, 1, H, W) to (B, 3, H, W)
LEAST_SIDE = 256  # pixels; what does not fit in memory at this size is not tried
PREVIEW_SIDE = 384  # longer side of a crop in pixels, for an answer while somebody draws


class Inpainter:
    """Fills holes with a generator.

    Args:
        generator: it is put into evaluation mode, frozen and moved to the device; if its weights
            change later, make a new `Inpainter`.
        name: what people call it.
        sha256: of the weights' file.
        device: "auto", "cpu", "cuda", ...
        precision: "fp32", "bf16", "int8", or "auto" for the fastest that this machine does well.

    Attributes:
        generator: torch module; state_dict keys are the published ones for the published family.
            What runs on a CPU is its compiled form (`lama.compiled`).
        preview_cores: cores that "quick" fills of a single hole run on; None = as many as others.
    """

    preview_cores: int | None = None

    def __init__(
        self,
        generator: Generator,
        *,
        name: str = "custom",
        sha256: str = "",
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        self._device = pick_device(device)
        check_precision(precision, self._device)
        self.generator = channels_last(generator.eval().requires_grad_(False))
        self.generator.to(self._device)
        compiled, self.precision = prepare(self.generator, precision, self._device)
        # A compiled form has its precision built in; on a GPU torch's autocast sees to it.
        self._autocast = self.precision == "bf16" and compiled is self.generator
        self._compiled = _twin(compiled) if compiled is self.generator else compiled
        self.name, self.sha256 = name, sha256
        self._stopping = Stopping()  # by each caller's `cancelled`
        self._stopping.between_layers(self._compiled)
        self._slots = Slots()  # one picture at a time, unless `share_cores` says otherwise

    @property
    def device(self) -> str:
        """Where the generator runs, as torch names it."""
        return str(self._device)

    @property
    def parameter_count(self) -> int:
        """Trainable numbers in the generator."""
        return sum(p.numel() for p in self.generator.parameters())

    def __call__(
        self,
        image: ImageLike,
        mask: np.ndarray | Image.Image,
        *,
        quality: Quality = "full",
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> ImageLike:
        """Fill the hole of a picture.

        Args:
            image: uint8 (H, W, 3) RGB, or a PIL image of any mode but I and F (transparency stays
                as it is); one that EXIF says to turn is turned first, a mask as well.
            mask: bool or integer (H, W), non-zero = hole; or a PIL image, read as a mask file is
                (`lama.photo.painted`).
            quality: as `fill`; so are the others.
            cancelled: see there.
            progress: see there.

        Returns:
            Same kind and size as `image`, upright; pixels outside the hole are byte-identical. A
            PIL image of mode I;16 or L keeps it, any other is RGB; what has transparency, of
            whatever kind, is LA or RGBA.

        Raises:
            ValueError: Wrong kinds or sizes, no hole, or nothing but hole; a PIL image of mode I
                or F, whose white level is unknown; as `fill`.
            Cancelled: `cancelled()` was true.
        """
        hole = as_mask(mask)
        fill = partial(self.fill, quality=quality, cancelled=cancelled, progress=progress)
        return fill_pil(fill, image, hole) if isinstance(image, Image.Image) else fill(image, hole)

    def fill(
        self,
        rgb: np.ndarray,
        mask: np.ndarray,
        *,
        out: np.ndarray | None = None,
        quality: Quality = "full",
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> np.ndarray:
        """The numpy door: uint8 (H, W, 3) and bool (H, W) to uint8 (H, W, 3).

        Args:
            rgb: the picture.
            mask: True = hole.
            out: where the result goes, an array like `rgb`; `rgb` itself fills it in place, so
                that time and memory follow the hole alone. A new array by default.
            quality: "full"; "quick" looks at large crops at a smaller scale (`coarse` tells which);
                "refined" takes its time: generators that copy search longer, the others come to
                agree with themselves at several sizes (`lama.refinement`), in minutes.
            cancelled: called often, between the network's layers too; true ends with `Cancelled`.
            progress: called with the share of the hole that is done, 0 to 1, as the work goes on.

        Raises:
            ValueError: As `check_pair`; no such quality; an unfit `out`; too little memory.
            Cancelled: `cancelled()` was true.
        """
        _check(rgb, mask, quality)
        groups = self._groups(mask, quality)
        with self._stopping.when(cancelled):
            affordable = self._fitting(quality, groups, rgb.nbytes if out is None else 0)
        result = result_array(rgb, out)
        open_hole = mask if len(groups) == 1 else mask.copy()
        total, done = int(np.count_nonzero(mask)), 0

        def tell(share: float) -> None:
            """Report that `share` of the crops being filled is done."""
            stop_if(cancelled)
            if progress is not None:
                progress((done + share * pixels) / total)

        longest = 0 if self._refines_features(quality) else self._longest(quality)
        for batch in batches(groups, mask, longest, affordable):
            pixels = sum(int(np.count_nonzero(group.hole)) for group in batch)
            stop_if(cancelled)
            crops = [(result[g.crop.slices], open_hole[g.crop.slices]) for g in batch]
            with self._stopping.when(cancelled):
                if self._refines_features(quality):
                    filled = [self._refine_crop(*crop, affordable, tell) for crop in crops]
                else:
                    filled = self._fill_crops(crops, longest, affordable, quality)
            for group, picture in zip(batch, filled, strict=True):
                where = group.crop.slices
                result[where][group.hole] = picture[group.hole]
                if len(groups) > 1:  # what is filled now is context for the next
                    open_hole[where][group.hole] = False
            done += pixels
            if progress is not None:
                progress(done / total)
        return result

    def _take(self, slots: int) -> AbstractContextManager[None]:
        return self._slots.take(slots, self._stopping.pause)

    @contextmanager
    def alone(self) -> Iterator[Generator]:
        """The plain generator; within it nobody else runs this network, whoever shares cores."""
        with self._take(ALL):
            yield self.generator

    def share_cores(self) -> tuple[int, Callable[[], None] | None]:
        """From now on fill several pictures at once, for throughput instead of latency.

        On a CPU each gets one core: that is quicker than all cores for one picture after another.
        A crop that takes more than its share of the memory waits until some of the others are done.
        On a GPU pictures take turns, and only reading and writing overlap.

        Returns:
            How many threads should call `fill`, and what each of them should call first.
        """
        if self._device.type != "cpu":
            return 3, None
        cores = torch.get_num_threads()
        self._slots.resize(cores)
        return cores, partial(torch.set_num_threads, 1)

    def coarse(self, mask: np.ndarray) -> np.ndarray:
        """The holes, bool (H, W), that "quick" fills at a smaller scale than "full"."""
        found = np.zeros_like(mask)
        for group in hole_groups(mask):
            if max(group.crop.height, group.crop.width) > self._longest("quick"):
                found[group.crop.slices] |= group.hole
        return found

    def _groups(self, mask: np.ndarray, quality: Quality) -> list[Group]:
        """What is filled at a time, in this order; a quick look needs no detail."""
        groups = hole_groups(mask)
        if quality == "quick":
            return list(groups)
        return [part for group in groups for part in sections(group, mask.shape)]

    def _refines_features(self, quality: Quality) -> bool:
        """Whether that is what "refined" means: networks that copy search longer instead."""
        return quality == "refined" and self.generator.copier is None

    def _fitting(self, quality: Quality, groups: list[Group], copied: int) -> int:
        """The pixels of a crop that memory allows.

        Args:
            quality: as `fill`.
            groups: whose crops are to fit.
            copied: bytes that a copy of the picture takes.
        """
        besides = copied * self._slots.count + self._to_scale(groups, quality)
        each, most = self.generator.bytes_a_pixel, self._longest(quality) ** 2
        if self._refines_features(quality):
            each, most = REFINEMENT, PIXELS
        wanted = min(most, max((group.hole.size for group in groups), default=0))
        ask = partial(affordable_pixels, each, LEAST_SIDE**2, self._device, besides)
        with suppress(ValueError):
            if (pixels := ask()) >= wanted:
                return pixels
        with self._take(ALL):  # what other runs hold is free again once they are done
            return ask()

    def _to_scale(self, groups: list[Group], quality: Quality) -> int:
        """Bytes that the largest crop takes while it is made small and large again, if it is."""
        largest = max((group.hole.size for group in groups), default=0)
        return SCALING * largest if largest > self._longest(quality) ** 2 else 0

    def _room_to_scale(self, mask: np.ndarray) -> Callable[[], AbstractContextManager[None]]:
        """The slots whose memory it takes to make a crop small, or large again."""
        pixels = SCALING * mask.size // self.generator.bytes_a_pixel
        return lambda: self._take(self._share(pixels))

    def _longest(self, quality: Quality) -> int:
        largest = self.generator.largest
        return min(PREVIEW_SIDE, largest) if quality == "quick" else largest

    def _fill_crops(
        self,
        crops: list[tuple[np.ndarray, np.ndarray]],
        longest: int,
        affordable: int,
        quality: Quality,
    ) -> list[np.ndarray]:
        """Fill crops of one size in one pass, a single one of any size."""
        run: Forward = self._fill_tensor
        if quality == "refined":
            run = partial(self._fill_tensor, patient=True)
        if len(crops) == 1:
            (height, width), pixels = crops[0][1].shape, crops[0][1].size
            scale = min(longest / max(height, width), (affordable / pixels) ** 0.5)
            with on_cores(self.preview_cores if quality == "quick" else None):
                return [self._fill_crop(*crops[0], scale, run)]
        pictures = torch.cat([to_tensor(rgb) for rgb, _ in crops])
        holes = torch.cat([to_tensor(mask) for _, mask in crops])
        return [to_uint8(filled[None]) for filled in run(pictures, holes)]

    def _fill_crop(
        self, rgb: np.ndarray, mask: np.ndarray, scale: float, run: Forward
    ) -> np.ndarray:
        """Fill a crop, smaller if the scale is below 1."""
        if scale >= 1:
            return to_uint8(run(to_tensor(rgb), to_tensor(mask)))
        room = self._room_to_scale(mask)
        return fill_small(rgb, mask, scale, lambda image, hole: run(image, to_tensor(hole)), room)

    def _refine_crop(
        self, rgb: np.ndarray, mask: np.ndarray, pixels: int, tell: Callable[[float], None]
    ) -> np.ndarray:
        """Fill a crop by `lama.refinement`, smaller if it has more than `pixels` or `PIXELS`."""

        def run(image: Tensor, hole: np.ndarray) -> Tensor:
            inputs = image.to(self._device), to_tensor(hole).to(self._device)
            with self.alone() as generator:
                return refine(generator, *inputs, tell)[0].cpu()

        scale = (min(PIXELS, pixels) / mask.size) ** 0.5
        if scale >= 1:
            return to_uint8(run(to_tensor(rgb), mask))
        return fill_small(rgb, mask, scale, run, self._room_to_scale(mask))

    def _fill_tensor(self, image: Tensor, mask: Tensor, *, patient: bool = False) -> Tensor:
        """Fill a batch: (B, 3, H, W) in [0, 1] and (B, 1, H, W), 1 = hole, any H and W.

        Pads to the generator's multiple (mirrored, the edge repeated), runs it, crops and blends.
        `patient` makes generators that copy search longer.

        Returns:
            (B, 3, H, W) on the CPU, equal to `image` where known.
        """
        height, width = image.shape[-2:]
        picture, hole = (pad_symmetric(t, self.generator).to(self._device) for t in (image, mask))
        picture = picture.contiguous(memory_format=torch.channels_last)
        with (
            self._take(self._share(hole.numel())),
            torch.inference_mode(),
            torch.autocast(self._device.type, torch.bfloat16, enabled=self._autocast),
        ):
            pause = self._stopping.pause
            copied = self._compiled.copies(picture, hole, patient=patient, pause=pause)
            predicted = self._compiled(picture, hole, copied)
        predicted = predicted.float().cpu()[..., :height, :width]
        return blend(predicted, image, mask)

    def _share(self, pixels: int) -> int:
        """How many slots a pass over this many pixels takes, so that all slots fit in memory."""
        if self._slots.count == 1:
            return 1
        bytes_a_pixel, count = self.generator.bytes_a_pixel, self._slots.count
        return -(-pixels // max(1, pixels_of_share(bytes_a_pixel, self._device, count)))


def _twin(generator: Generator) -> Generator:
    """The same layers with the same tensors, for hooks that a caller's own should not carry."""
    tensors = chain(generator.parameters(), generator.buffers())
    return copy.deepcopy(generator, {id(tensor): tensor for tensor in tensors})


def _check(rgb: np.ndarray, mask: np.ndarray, quality: str) -> None:
    check_pair(rgb, mask)
    if quality not in get_args(Quality):
        raise ValueError(f"the quality is one of {get_args(Quality)}, got {quality!r}")
