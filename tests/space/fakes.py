"""An engine for tests: OpenCV's Telea instead of a network, with switches for what can go wrong."""

import threading
import time
from collections.abc import Callable

import cv2
import numpy as np

from space.engine import CancelledError, InpaintResult, ModelInfo, Quality


class TeleaEngine:
    """Fills with cv2.inpaint; `calls` counts runs, `gate` can hold them up."""

    def __init__(self) -> None:
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

    def inpaint(
        self,
        model: str,
        rgb: np.ndarray,
        mask: np.ndarray,
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[float], None] | None = None,
        quality: Quality = "full",
        in_place: bool = False,
    ) -> InpaintResult:
        if model not in ("telea", "lama-tiny"):
            raise ValueError(f"There is no model named {model!r}.")
        self.calls += 1
        self.started.set()
        while not self.gate.wait(0.01):
            if cancelled is not None and cancelled():
                raise CancelledError
        start = time.perf_counter()
        filled = cv2.inpaint(rgb, mask.astype(np.uint8), 3, cv2.INPAINT_TELEA)
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

    def download(
        self, model: str, progress: Callable[[float], None], cancelled: Callable[[], bool]
    ) -> None:
        for step in range(1, 101):
            if cancelled():
                raise CancelledError
            progress(step / 100)
            self.gate.wait(5)
        if model == "far":
            raise ValueError("No network here: fetch far.bin by hand.")
