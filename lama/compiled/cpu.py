"""What this machine's CPU has instructions for."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

_BF16 = {"avx512_bf16", "amx_bf16"}


@functools.cache
def flags() -> frozenset[str]:
    """The instruction sets as Linux names them; none where they cannot be read."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return frozenset()
    found = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return frozenset(found.partition(":")[2].split())


def has_bf16() -> bool:
    """Without the instructions bf16 is emulated, at a third of fp32's speed."""
    return bool(flags() & _BF16)


def has_int8() -> bool:
    """Without the instructions 8 bits gain little."""
    return bool(flags() & {"avx512_vnni", "avx_vnni"})


def quickest_float() -> torch.dtype:
    """The type for products whose rounding to 8 binary digits does not matter."""
    return torch.bfloat16 if has_bf16() else torch.float32
