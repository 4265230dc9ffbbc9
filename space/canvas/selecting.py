"""What the select tool asks of the server: the mask of the objects that were pointed at.

Each pick's own answer is kept for a while: a hover is often clicked, and one more object beside
those that are selected costs one look at the photo, not one for each.
"""

import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from masks.base import Image, Mask
from masks.selection import Box, Point, Prompt, Provider, select_all
from space.answers import Answer, answered, named
from space.canvas.protocol import encode_mask
from space.services import Services
from space.turns import WorkQueue

MOST_PICKS = 32
_KEPT = MOST_PICKS + 8


class _Remembering:
    """A provider that remembers its last answers about one photo.

    Args:
        provider: Who is asked what is not remembered.
        photo: The photo's id.
        answers: What is remembered, packed to a bit a pixel and compressed; the oldest first.
    """

    def __init__(
        self, provider: Provider, photo: str, answers: OrderedDict[tuple[str, Prompt], bytes]
    ) -> None:
        self._provider, self._photo, self._answers = provider, photo, answers
        self.name = provider.name

    def select(self, image: Image, prompt: Prompt) -> Mask:
        """See `masks.selection.Provider.select`."""
        key = (self._photo, prompt)
        height, width = image.shape[:2]
        packed = self._answers.get(key)
        if packed is None:
            mask = self._provider.select(image, prompt)
            self._answers[key] = zlib.compress(np.packbits(mask).tobytes(), 1)
        else:
            bits = np.frombuffer(zlib.decompress(packed), np.uint8)
            mask = np.unpackbits(bits, count=height * width).view(np.bool_).reshape(height, width)
        self._answers.move_to_end(key)
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)
        return mask


class Selecting:
    """Selects objects of photos, and keeps the last few answers."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._answers: OrderedDict[tuple[str, Prompt], bytes] = OrderedDict()
        self._turns = WorkQueue()

    def function(self) -> Callable[[dict], Answer]:
        """The question as a plain function, for gr.HTML's `server_functions`."""
        return named("select", self.select)

    @answered()
    def select(self, data: dict) -> Answer:
        """The mask of objects of `photo`: `picks` says where it was clicked or boxed."""
        handle = self.services.photos.get(str(data.get("photo", "")))
        wanted, unwanted = _prompts(data)
        start = time.perf_counter()
        with self._turns.taken():
            rgb = self.services.photos.decoded(handle).rgb
            provider = _Remembering(self.services.selector, handle.id, self._answers)
            mask = select_all(provider, rgb, wanted, unwanted)
        return {
            "mask": encode_mask(mask),
            "outline": _outline(mask) if data.get("outline") else None,
            "provider": self.services.selector.name,
            "seconds": round(time.perf_counter() - start, 3),
        }


def _prompts(data: dict) -> tuple[tuple[Prompt, ...], tuple[Point, ...]]:
    """Read `picks`: {x, y} or {box: [left, top, right, bottom]}, with `remove` for clicks away.

    Raises:
        ValueError: in words for the reader.
    """
    picks = data.get("picks")
    if not isinstance(picks, list) or not 0 < len(picks) <= MOST_PICKS:
        raise ValueError(f"Select with 1 to {MOST_PICKS} clicks.")
    wanted: list[Prompt] = []
    unwanted: list[Point] = []
    try:
        for pick in picks:
            if pick.get("box"):
                wanted.append(Prompt(box=_box(pick["box"])))
            elif pick.get("remove"):
                unwanted.append((float(pick["x"]), float(pick["y"])))
            else:
                wanted.append(Prompt(points=((float(pick["x"]), float(pick["y"])),)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("The click could not be read. Reload the page.") from error
    if not wanted:
        raise ValueError("Click on an object first; Alt and a click then take a part away.")
    return tuple(wanted), tuple(unwanted)


def _box(sides: Any) -> Box:  # noqa: ANN401 - what the page sent
    left, top, right, bottom = (float(side) for side in sides)
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _outline(mask: Mask) -> list[list[int]]:
    """The mask's outlines as flat lists x, y, x, y, simplified to about a four-hundredth."""
    found, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    tolerance = max(mask.shape) / 400
    simple = (cv2.approxPolyDP(line, tolerance, True) for line in found)
    return [line.ravel().astype(int).tolist() for line in simple if len(line) > 2]
