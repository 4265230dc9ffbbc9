"""An engine for tests: OpenCV's Telea instead of a network, with switches for what can go wrong."""

import threading
import time
from collections.abc import Callable

import cv2
import numpy as np

from lama.inside import Block, Inside, Reach
from masks.ops import Box
from space.engine import Engine, InpaintResult, ModelInfo, Quality
from space.turns import Cancelled, CancelledError


class TeleaEngine(Engine):
    """Fills with cv2.inpaint; `calls` counts runs, `gate` can hold them up."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.gate = threading.Event()
        self.gate.set()
        self.started = threading.Event()
        self.spoil = False
        self.coarse_from: int | None = None
        self.qualities: list[Quality] = []

    def models(self) -> tuple[ModelInfo, ...]:
        return (
            ModelInfo("telea", "Telea", 0.0, True, "BSD", seconds=0.01, device="cpu"),
            ModelInfo("far", "Far away", 10.0, False, "BSD"),
        )

    def _inpaint(
        self,
        model: str,
        rgb: np.ndarray,
        mask: np.ndarray,
        cancelled: Cancelled | None,
        progress: Callable[[float], None] | None,
        quality: Quality,
        in_place: bool,
    ) -> InpaintResult:
        if model not in ("telea", "lama-tiny"):
            raise ValueError(f"There is no model named {model!r}.")
        self.calls += 1
        self.started.set()
        while not self.gate.wait(0.01):
            if cancelled is not None and cancelled():
                raise CancelledError
        start = time.perf_counter()
        # A refinement is another picture, as with a network.
        way = cv2.INPAINT_NS if quality == "refined" else cv2.INPAINT_TELEA
        filled = cv2.inpaint(rgb, mask.astype(np.uint8), 3, way)
        filled[~mask] = rgb[~mask]
        if self.spoil:
            y, x = np.argwhere(~mask)[0]
            filled[y, x] ^= 1
        if in_place:  # as an engine may
            rgb[...] = filled
            filled = rgb
        seconds = time.perf_counter() - start
        rough = None
        if quality == "quick" and self.coarse_from is not None:
            # A first look: one colour a hole, in holes from some size on.
            rough = mask.copy() if mask.sum() >= self.coarse_from else np.zeros_like(mask)
            filled[rough] = filled[rough].mean(axis=0) if rough.any() else 0
        self.qualities.append(quality)
        if progress is not None:
            progress(1.0)
        return InpaintResult(filled, seconds, "telea", "cpu", "fp32", "0" * 64, rough)

    def _inside(
        self, model: str, rgb: np.ndarray, mask: np.ndarray, point: tuple[int, int] | None
    ) -> Inside:
        filled = self.inpaint(model, rgb, mask).rgb
        return inside_of(rgb, mask, filled, point)

    def download(self, model: str, progress: Callable[[float], None], cancelled: Cancelled) -> None:
        for step in range(1, 101):
            if cancelled():
                raise CancelledError
            progress(step / 100)
            self.gate.wait(5)
        if model == "far":
            raise ValueError("No network here: fetch far.bin by hand.")


def inside_of(
    rgb: np.ndarray,
    mask: np.ndarray,
    filled: np.ndarray | None = None,
    point: tuple[int, int] | None = None,
    fourier: bool = True,
) -> Inside:
    """What a look inside finds, with figures of no meaning."""
    height, width = mask.shape
    ys, xs = np.nonzero(mask)
    noise = np.random.default_rng(0).random((6, height // 8, width // 8), dtype=np.float32)
    block = Block(noise[:3], noise[3:], noise[0], noise[1], 0.5)
    reach = Reach(np.full((height, width), 1 / mask.size, np.float32), 20.0)
    return Inside(
        rgb,
        mask,
        rgb if filled is None else filled,
        Box(0, 0, width, height),
        point or (int(xs[0]), int(ys[0])),
        reach,
        reach if fourier else None,
        (block, block) if fourier else (),
        (),
    )
