"""The offline default: a small network that looks at windows around the click, or at the box.

One click does not say how large the object is, so windows of several sizes are looked at. The
answer that is surest, lies whole within its window and is not just a speck in it wins; its object
is looked at once more from close by.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from lama.compiled import cpu
from lama.generator import channels_last
from lama.selection.u2net import U2NetP
from lama.selection.views import CHANNELS, Window, around, cut, lay_back, window
from masks.base import Image, Mask
from masks.ops import bounding_box
from masks.selection import Point, Prompt, check, enlarged, reduced, tidy

WEIGHTS = Path(__file__).parent / "clicks.safetensors"
SIDE = 640
"""Longer side at which the photo is looked at."""
SCALES = (0.12, 0.22, 0.4, 0.75, 1.05)
"""Windows around a click, as shares of the photo's longer side."""
COARSE, FINE = 128, 176
"""Pixels of a window at the first and at the second look."""


class Clicks:
    """Selects with the network in `WEIGHTS`; see `masks.selection.Provider`."""

    name = "clicks"

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self.weights = weights

    @cached_property
    def network(self) -> U2NetP:
        """The network, read when first needed.

        Raises:
            ValueError: the file does not hold its weights.
        """
        network = U2NetP(CHANNELS).eval().requires_grad_(requires_grad=False)
        network.from_arrays(unpacked(load_file(self.weights)))
        network = network.to(torch.bfloat16 if cpu.has_bf16() else torch.float32)
        return channels_last(network)

    def select(self, image: Image, prompt: Prompt) -> Mask:
        """See `masks.selection.Provider`."""
        prompt = check(image, prompt)
        small, asked = reduced(image, prompt, SIDE)
        chances = self._in_box(small, asked) if asked.box else self._at_click(small, asked)
        return tidy(enlarged(chances, *image.shape[:2]), prompt)

    def _in_box(self, image: Image, prompt: Prompt) -> NDArray[np.float32]:
        """Return chances, float32 (H, W), 0 outside the box."""
        height, width = image.shape[:2]
        box = prompt.box or (0, 0, width, height)
        at = around(box, height, width)
        chances = lay_back(self._ask(image, [at], prompt, FINE)[0], at, height, width)
        left, top, right, bottom = (int(side) for side in box)
        inside = np.s_[max(0, top - 1) : bottom + 2, max(0, left - 1) : right + 2]
        kept = np.zeros_like(chances)
        kept[inside] = chances[inside]
        return kept

    def _at_click(self, image: Image, prompt: Prompt) -> NDArray[np.float32]:
        height, width = image.shape[:2]
        longer = max(height, width)
        centre = _middle(prompt.points)
        spread = max((max(abs(x - centre[0]), abs(y - centre[1])) for x, y in prompt.points))
        sides = sorted({max(share * longer, 3 * spread) for share in SCALES})
        windows = [window(centre, side, height, width) for side in sides]
        answers = self._ask(image, windows, prompt, COARSE)
        best = int(np.argmax([_worth(answer) for answer in answers]))
        coarse = lay_back(answers[best], windows[best], height, width)
        box = bounding_box(tidy(coarse > 0.5, prompt))
        if box is None:
            return coarse
        at = around(box, height, width)
        closer = Prompt(prompt.points, prompt.not_points, box)
        fine = lay_back(self._ask(image, [at], closer, FINE)[0], at, height, width)
        both = (coarse + fine) / 2
        return both if (both > 0.5).any() else coarse

    @torch.inference_mode()
    def _ask(
        self, image: Image, windows: list[Window], prompt: Prompt, size: int
    ) -> NDArray[np.float32]:
        """Return chances for every window: float32 (windows, size, size)."""
        network = self.network
        kind = next(network.parameters()).dtype
        pieces = np.stack([cut(image, at, size, prompt) for at in windows])
        inputs = torch.from_numpy(pieces).to(kind).contiguous(memory_format=torch.channels_last)
        return torch.sigmoid(network(inputs)[:, 0].float()).numpy()


def packed(arrays: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors by their place as 8-bit numbers, with one scale per output channel."""
    out: dict[str, torch.Tensor] = {}
    for place, array in enumerate(arrays):
        array = array.contiguous()  # as files have it, whatever the layout in memory
        if array.ndim < 4:
            out[f"{place:03d}"] = array.half()
            continue
        scale = array.abs().amax((1, 2, 3)).clamp(min=1e-8) / 127
        out[f"{place:03d}"] = (array / scale[:, None, None, None]).round().to(torch.int8)
        out[f"{place:03d}.scale"] = scale.float()
    return out


def unpacked(stored: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Return what `packed` stored, as float32."""
    arrays = []
    for name in sorted(name for name in stored if not name.endswith(".scale")):
        array = stored[name].float()
        scale = stored.get(f"{name}.scale")
        arrays.append(array if scale is None else array * scale[:, None, None, None])
    return arrays


def _worth(chances: NDArray[np.float32]) -> float:
    """How good an answer looks: sure, whole within its window, not a speck in it."""
    mask = chances > 0.5
    share = float(mask.mean())
    if share == 0:
        return -9.0
    rim = float(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean())
    return _surety(chances) - rim - 0.3 * max(0.0, float(np.log(0.05 / share)))


def _surety(chances: NDArray[np.float32]) -> float:
    """0 to 1: how far from a toss-up the chances are where there may be an object."""
    some = chances[chances > 0.25]
    return float(np.abs(some - 0.5).mean() * 2) if some.size else 0.0


def _middle(points: tuple[Point, ...]) -> Point:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
