"""How long the generators take on this machine: python -m benchmarks [--output FILE]."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import lama
from lama.checkpoint import build
from lama.config import FourierConfig
from lama.inference import Inpainter

SIZES = ((256, 256), (512, 512), (512, 768))


def main() -> int:
    """Measure, print a table, write JSON where asked."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    tiny = lama.load("lama-tiny")
    big = Inpainter(build(FourierConfig(n_blocks=18)), name="big-lama layout, random weights")
    rows = []
    for inpainter in (tiny, big):
        for height, width in SIZES:
            seconds = measure(generator_call(inpainter, height, width), options.repeats)
            rows.append(row(f"{inpainter.name} {inpainter.precision}", height, width, seconds))
            print(rows[-1]["text"])
    seconds = measure(photo_call(tiny), options.repeats)
    rows.append(row("lama-tiny, 100x100 hole in 12 megapixels", 3000, 4000, seconds))
    print(rows[-1]["text"])
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1))
    return 0


def generator_call(inpainter: Inpainter, height: int, width: int) -> Callable[[], object]:
    """One forward pass on a random picture with a third of it hole."""
    source = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, height, width, generator=source)
    mask = torch.zeros(1, 1, height, width)
    mask[..., height // 6 : height // 6 + height // 2, width // 6 : width // 6 + 2 * width // 3] = 1
    return lambda: inpainter.fill_tensor(image, mask)


def photo_call(inpainter: Inpainter) -> Callable[[], object]:
    """A whole call on a large photo with a small hole."""
    photo = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), dtype=np.uint8)
    mask = np.zeros((3000, 4000), bool)
    mask[1500:1600, 2000:2100] = True
    return lambda: inpainter.fill(photo, mask)


def measure(call: Callable[[], object], repeats: int) -> list[float]:
    """Seconds of each of `repeats` calls, after two to warm up."""
    call()
    call()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds


def row(name: str, height: int, width: int, seconds: list[float]) -> dict[str, object]:
    """Median and quartiles, with a line to print."""
    low, median, high = statistics.quantiles(seconds, n=4)
    text = f"{name:<44} {height:>5} x {width:<5} {median:7.3f} s  [{low:.3f}, {high:.3f}]"
    return {"name": name, "height": height, "width": width, "median": median,
            "quartiles": [low, high], "n": len(seconds), "text": text}  # fmt: skip


def machine() -> dict[str, object]:
    """What the figures belong to."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    cpu = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")]
    return {
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cpu": cpu[0].split(":")[1].strip() if cpu else platform.processor(),
    }


if __name__ == "__main__":
    sys.exit(main())
