"""How much memory a fill takes and how much there is: judged before a run instead of found out."""

from __future__ import annotations

from pathlib import Path

import psutil
import torch

# Bytes for each pixel of a crop that refinement needs, of the hungriest network there is (the
# published layout with 18 blocks in 32 bits: 10,100 at 1024x1024).
REFINEMENT = 10_500
_SHARE = 0.8  # of what is free: others live here too
_LIMIT, _USED, _STATE = (
    Path("/sys/fs/cgroup") / f"memory.{name}" for name in ("max", "current", "stat")
)


def free_bytes(device: torch.device) -> int:
    """What can still be had where the network runs: of a GPU, of a container, of the machine."""
    if device.type == "cuda":
        # What torch keeps for the next run counts as taken.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    free = int(psutil.virtual_memory().available)
    try:
        return min(free, int(_LIMIT.read_text()) - int(_USED.read_text()) + _given_back())
    except (OSError, ValueError):  # no container, or one without a limit
        return free


def _given_back() -> int:
    """Bytes of files read before, which count as used by a container and give way first."""
    try:
        lines = dict(line.split(maxsplit=1) for line in _STATE.read_text().splitlines())
        return int(lines["inactive_file"])
    except (OSError, ValueError, KeyError):
        return 0


def affordable_pixels(
    bytes_a_pixel: int, least: int, device: torch.device, besides: int = 0
) -> int:
    """The largest crop that fits, in pixels.

    Args:
        bytes_a_pixel: `Generator.bytes_a_pixel` or `REFINEMENT`.
        least: pixels below which a run makes no sense.
        device: where it runs.
        besides: bytes that are needed for other things; of the machine, not of a GPU.

    Raises:
        ValueError: Not even `least` pixels fit; with figures, for the person who asked.
    """
    free = free_bytes(device)
    besides = 0 if device.type == "cuda" else besides
    pixels = int((free * _SHARE - besides) / bytes_a_pixel)
    if pixels < least:
        needed = (least * bytes_a_pixel + besides) / _SHARE
        raise ValueError(
            f"This needs about {needed / 1e6:,.0f} MB of memory and {free / 1e6:,.0f} MB are free. "
            "Close other programs, or take a smaller photo or model."
        )
    return pixels


def pixels_of_share(bytes_a_pixel: int, device: torch.device, count: int) -> int:
    """The largest crop, in pixels, of which `count` fit beside each other."""
    return int(free_bytes(device) * _SHARE / bytes_a_pixel / count)
