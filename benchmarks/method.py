"""How everything here is measured: in turn, warmed up, medians with quartiles, on what."""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import torch
from torch.profiler import ProfilerActivity, profile

from masks.arguments import line

ROOT = Path(__file__).parents[1]


@contextmanager
def inputs() -> Iterator[None]:
    """Around the reading of what flags name: what is wrong there is said in one line, exit code 2.

    Whatever goes wrong later, while measuring, keeps its traceback.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        print(line(error), file=sys.stderr)
        sys.exit(2)


def several(text: str) -> int:
    """A whole number from 2, for there are no quartiles of one; argparse says of which flag."""
    number = int(text) if text.isdecimal() else 0
    if number < 2:
        raise argparse.ArgumentTypeError(f"a whole number, 2 or more, not {text!r}")
    return number


@dataclass(frozen=True)
class Timing:
    """Seconds a call."""

    median: float
    low: float  # quartiles
    high: float
    n: int


@dataclass(frozen=True)
class Measurement:
    """One row of a table."""

    name: str
    timing: Timing
    more: dict[str, float] = field(default_factory=dict)

    def text(self) -> str:
        """As a line to print."""
        more = "  ".join(f"{key} {value:.4g}" for key, value in self.more.items())
        spread = f"[{self.timing.low:.3f}, {self.timing.high:.3f}]"
        return f"{self.name:<46} {self.timing.median:8.3f} s {spread}  {more}"


def interleaved(
    calls: dict[str, Callable[[], Any]], repeats: int, warm_up: int = 2
) -> dict[str, Timing]:
    """Time several calls in turn, so that a slow minute of the machine hits all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(warm_up):
        for call in calls.values():
            call()
    for _ in range(repeats):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - began)
    return {name: timing(values) for name, values in seconds.items()}


def timing(values: list[float]) -> Timing:
    """Median and quartiles."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Timing(median, low, high, len(values))


def where_time_goes(call: Callable[[], Any], most: int = 12) -> str:
    """A profile of one call: operators by their own time."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        call()
    rows = sorted(profiled.key_averages(), key=lambda r: -r.self_cpu_time_total)
    total = sum(row.self_cpu_time_total for row in rows)
    return "\n".join(
        f"{row.self_cpu_time_total / total:6.1%} {row.self_cpu_time_total / 1e3:8.1f} ms"
        f" {row.count:5d} calls  {row.key}"
        for row in rows[:most]
    )


def machine() -> dict[str, object]:
    """What the figures belong to; a commit of which files were changed since ends in "+changes"."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    cpu = [line for line in lines if line.startswith("model name")]
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "opencv": cv2.__version__,
        "threads": torch.get_num_threads(),
        "cpu": cpu[0].split(":")[1].strip() if cpu else platform.processor(),
    }


def machine_line() -> str:
    """The same in one line, for scripts that write no JSON."""
    return ", ".join(f"{name} {value}" for name, value in machine().items())


def _commit() -> str:
    """Of the code that is measured, wherever it is called from; empty without git."""
    short = _git("rev-parse", "--short", "HEAD")
    # Results are written while others are still measured: they change no figure.
    changed = _git(
        "status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results"
    )
    return f"{short}+changes" if changed else short


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip()
    except OSError:
        return ""
