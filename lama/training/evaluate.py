"""Measure models and classical fills on the same photos and holes, with a contact sheet to look at.

Protocol (after the published evaluation): each photo's centre square is brought to one size,
gets one hole of a strategy, at most half of the picture, from a seed; every method fills the same.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from tqdm import tqdm

import masks
from lama.files import write_atomic
from lama.training.data import find_photos, read_rgb
from lama.training.fills import Fill
from lama.training.metrics import LOWER_IS_BETTER, metrics
from lama.training.validation import centre_square

logger = logging.getLogger(__name__)
MOST_HOLE = 0.5  # the published protocol's largest hole, as a share of the picture
BUCKETS = 10  # equal hole-area bins over 0 to 1


@dataclass(frozen=True)
class Case:
    """One photo with its hole: `rgb` uint8 (S, S, 3), `mask` bool (S, S)."""

    path: Path
    rgb: np.ndarray
    mask: np.ndarray


def make_cases(
    photos: Sequence[Path], strategy: str, size: int, seed: int = 0, limit: int | None = None
) -> list[Case]:
    """Read the photos and draw their holes; unreadable photos are logged and left out."""
    files = find_photos(photos)[:limit]
    chosen, cases = masks.get(strategy), []
    for i, path in enumerate(files):
        photo = read_rgb(path)
        if photo is None:
            logger.warning("not a picture that can be read, left out: %s", path)
            continue
        rgb = centre_square(photo, size)
        rng = np.random.default_rng([seed, i])
        mask = chosen(rgb, rng)
        while mask.mean() > MOST_HOLE:
            mask = chosen(rgb, rng)
        cases.append(Case(path, rgb, mask))
    return cases


def evaluate(
    cases: Sequence[Case], fills: Mapping[str, Fill], names: Sequence[str]
) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
    """Run every fill on every case.

    Args:
        cases: what to fill.
        fills: methods by name.
        names: metrics, see `lama.training.metrics`.

    Returns:
        A report (mean and median of each metric, seconds, by hole-area bucket) and the pictures.
    """
    measures = metrics(names)
    report: dict[str, Any] = {}
    pictures: dict[str, list[np.ndarray]] = {}
    buckets = [min(BUCKETS - 1, int(case.mask.mean() * BUCKETS)) for case in cases]
    for method, fill in fills.items():
        values: dict[str, list[float]] = {name: [] for name in names}
        seconds, pictures[method] = [], []
        for case in tqdm(cases, desc=method, unit="photo", leave=False):
            began = time.perf_counter()
            filled = fill(case.rgb, case.mask)
            seconds.append(time.perf_counter() - began)
            filled = np.where(case.mask[..., None], filled, case.rgb)
            pictures[method].append(filled)
            tensors = (_tensor(filled), _tensor(case.rgb), torch.from_numpy(case.mask[None, None]))
            for name, measure in measures.items():
                values[name].append(measure(tensors[0], tensors[1], tensors[2].float()).item())
        report[method] = {
            "mean": {k: float(np.mean(v)) for k, v in values.items()},
            "median": {k: float(np.median(v)) for k, v in values.items()},
            "seconds": float(np.median(seconds)),
            "buckets": _by_bucket(values, buckets),
            "photos": [
                {"file": case.path.name, **{k: v[i] for k, v in values.items()}}
                for i, case in enumerate(cases)
            ],
        }
    return report, pictures


def _by_bucket(values: Mapping[str, Sequence[float]], buckets: Sequence[int]) -> dict[str, Any]:
    result = {}
    for bucket in sorted(set(buckets)):
        inside = [i for i, b in enumerate(buckets) if b == bucket]
        label = f"{bucket * 10}-{bucket * 10 + 10} %"
        result[label] = {"n": len(inside)} | {
            name: float(np.mean([v[i] for i in inside])) for name, v in values.items()
        }
    return result


def table(report: Mapping[str, Any]) -> str:
    """The means as a Markdown table; the best of each column is bold."""
    methods = list(report)
    names = list(report[methods[0]]["mean"])
    best = {
        name: (min if LOWER_IS_BETTER[name] else max)(methods, key=_mean_of(report, name))
        for name in names
    }
    lines = [f"| method | {' | '.join(names)} | seconds |", "|---" * (len(names) + 2) + "|"]
    for method in methods:
        cells = [
            f"**{report[method]['mean'][n]:.4f}**"
            if best[n] == method
            else f"{report[method]['mean'][n]:.4f}"
            for n in names
        ]
        lines.append(f"| {method} | {' | '.join(cells)} | {report[method]['seconds']:.3f} |")
    return "\n".join(lines)


def _mean_of(report: Mapping[str, Any], name: str) -> Callable[[str], float]:
    return lambda method: report[method]["mean"][name]


def contact_sheet(
    cases: Sequence[Case], pictures: Mapping[str, Sequence[np.ndarray]], most: int = 12
) -> np.ndarray:
    """A row a photo: hole, every method, photo; uint8 RGB."""
    rows = []
    for i, case in enumerate(cases[:most]):
        holed = masks.overlay(case.rgb, case.mask)
        rows.append(np.hstack([holed, *(p[i] for p in pictures.values()), case.rgb]))
    return np.vstack(rows)


def write_report(path: Path, report: Mapping[str, Any], sheet: np.ndarray) -> None:
    """Write the JSON and, beside it, the sheet as `<name>.png`."""
    write_atomic(path, json.dumps(report, indent=1).encode())
    ok, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    if ok:
        write_atomic(path.with_suffix(".png"), data.tobytes())


def _tensor(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(rgb.transpose(2, 0, 1)[None].astype(np.float32) / 255)
