"""What an evaluation says: one JSON file with everything, tables to read, sheets to look at."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lama.files import code_digest, write_atomic
from lama.photo import Photo
from lama.photo_write import save_photo
from lama.training.cases import Cell
from lama.training.evaluate import Method, Result
from lama.training.kernel_distance import EFFICIENTNET, VGG, kernel_distance
from lama.training.metrics import LOWER_IS_BETTER, PREFERRED

KID_NOTE = (
    "{name}: unbiased polynomial-kernel distance on pooled ImageNet {network} features of the "
    "whole picture and four squares of half its side around the hole; not Inception's KID or FID, "
    "and not comparable with them"
)
NETWORK_NAMES = {EFFICIENTNET: "EfficientNet-Lite0", VGG: "VGG16"}


def summarise(
    results: Mapping[Cell, Result], methods: Sequence[Method], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The report as JSON-ready values.

    Args:
        results: of `lama.training.evaluate.evaluate`.
        methods: what was run.
        facts: how, to stand at the top.
    """
    models = {method.name: dict(method.facts) for method in methods if method.facts}
    return {
        **facts,
        "made_with": circumstances(),
        "notes": [
            KID_NOTE.format(name=name, network=network)
            for name, network in NETWORK_NAMES.items()
            if any(name in result.features for result in results.values())
        ],
        "models": models,
        "cells": [_cell(result, [m.name for m in methods]) for result in results.values()],
    }


def circumstances() -> dict[str, str]:
    """What the numbers may depend on besides photos, holes and weights."""
    packages = ("torch", "torchmetrics", "numpy", "scikit-image", "patchmatch-cython")
    return {
        "code": code_digest("lama", "masks"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "opencv": cv2.__version__,  # one of several packages
        **{name: version(name) for name in packages},
    }


def _cell(result: Result, names: Sequence[str]) -> dict[str, Any]:
    methods: dict[str, Any] = {}
    for name in names:
        values = {
            metric: [row.values[name][metric] for row in result.rows]
            for metric in result.rows[0].values[name]
        }
        entry: dict[str, Any] = {
            "mean": {metric: float(np.mean(v)) for metric, v in values.items()},
            "median": {metric: float(np.median(v)) for metric, v in values.items()},
            "seconds": float(np.median([row.seconds[name] for row in result.rows])),
            "buckets": _by_label(values, [row.bucket for row in result.rows]),
            "folders": _by_label(values, [row.folder for row in result.rows]),
            "photos": [
                {"file": row.file, "hole": row.hole, **row.values[name]} for row in result.rows
            ],
        }
        for metric, kept in result.features.items() if len(result.rows) > 1 else ():
            fills, photos = (np.stack(kept[key]) for key in (name, "photo"))
            kid = kernel_distance(fills, photos)
            entry["mean"][metric] = kid.value
            facts = {"std_over_halves": kid.std, "n": kid.n, "crops": fills.shape[1]}
            entry.setdefault("kid", {})[metric] = facts
        methods[name] = entry
    cell = result.cell
    return {
        "strategy": cell.strategy,
        "size": cell.size,
        "n": len(result.rows),
        "enlarged": sum(row.enlarged for row in result.rows),
        "methods": methods,
    }


def _by_label(values: Mapping[str, Sequence[float]], labels: Sequence[str]) -> dict[str, Any]:
    found = {}
    for label in sorted(set(labels)):
        inside = [i for i, other in enumerate(labels) if other == label]
        found[label] = {"n": len(inside)} | {
            metric: float(np.mean([v[i] for i in inside])) for metric, v in values.items()
        }
    return found


def markdown(report: Mapping[str, Any]) -> str:
    """Every cell's means, the models against the best of the rest, and the models by size."""
    parts = []
    for cell in report["cells"]:
        enlarged = f", {cell['enlarged']} of them enlarged" if cell["enlarged"] else ""
        title = f"{cell['strategy']}, {cell['size']} px, {cell['n']} photos{enlarged}"
        parts.append(f"### {title}\n")
        parts.append(table(cell["methods"]) + "\n")
        for kind, what in (("folders", "Folders"), ("buckets", "Hole area")):
            groups = next(iter(cell["methods"].values()))[kind]
            # A distance of sets is one number for the cell: it cannot be split.
            if len(groups) > 1 and set(next(iter(groups.values()))) - {"n"}:
                parts += [f"{what}:\n", split(cell["methods"], kind) + "\n"]
    if report["models"] and len(report["models"]) < len(report["cells"][0]["methods"]):
        parts += ["### Models against the best classical fill\n", gains(report) + "\n"]
    if report["models"] and len({cell["size"] for cell in report["cells"]}) > 1:
        parts += ["### Models by size\n", by_size(report) + "\n"]
    return "\n".join(parts + [f"{note}." for note in report["notes"]])


def table(methods: Mapping[str, Any]) -> str:
    """Means as a Markdown table, a row a method; the best of each column is bold."""
    metrics = list(next(iter(methods.values()))["mean"])
    lines = [_line("method", *metrics, "seconds"), "|---" * (len(metrics) + 2) + "|"]
    for name, entry in methods.items():
        shown = []
        for metric in metrics:
            best = _best(methods, metric)
            text = _number(metric, entry["mean"][metric])
            if methods[best]["mean"][metric] == entry["mean"][metric]:
                text = f"**{text}**"
            if metric in NETWORK_NAMES:
                text += f" ± {_number(metric, entry['kid'][metric]['std_over_halves'])}"
            shown.append(text)
        lines.append(_line(name, *shown, f"{entry['seconds']:.2f}"))
    return "\n".join(lines)


def split(methods: Mapping[str, Any], kind: str) -> str:
    """One metric's means by folder or by hole-area bucket, a row a method; n in the head."""
    groups = next(iter(methods.values()))[kind]
    measured = [name for name in next(iter(groups.values())) if name != "n"]
    metric = next((m for m in PREFERRED if m in measured), measured[0])
    heads = [f"{label} (n = {group['n']})" for label, group in groups.items()]
    lines = [_line(metric, *heads), "|---" * (len(heads) + 1) + "|"]
    for name, entry in methods.items():
        shown = [_number(metric, group[metric]) for group in entry[kind].values()]
        lines.append(_line(name, *shown))
    return "\n".join(lines)


def gains(report: Mapping[str, Any]) -> str:
    """How each model's mean compares with the best classical fill's, and on how many photos.

    A ratio where zero is perfect, a difference otherwise.
    """
    metrics = list(next(iter(report["cells"][0]["methods"].values()))["mean"])
    lines = [_line("model", "cell", *metrics), "|---" * (len(metrics) + 2) + "|"]
    for cell in report["cells"]:
        rest = {n: e for n, e in cell["methods"].items() if n not in report["models"]}
        for model in report["models"]:
            shown = []
            for metric in metrics:
                best = _best(rest, metric)
                mine, theirs = cell["methods"][model]["mean"][metric], rest[best]["mean"][metric]
                against = best + _photos_won(cell, metric, model, best)
                shown.append(f"{_compared(metric, mine, theirs)} ({against})")
            lines.append(_line(model, f"{cell['strategy']} {cell['size']}", *shown))
    return "\n".join(lines)


def by_size(report: Mapping[str, Any]) -> str:
    """Each model's means over the sizes, a row a model, strategy and metric."""
    sizes = sorted({cell["size"] for cell in report["cells"]})
    lines = [
        _line("model", "holes", "metric", *(f"{s} px" for s in sizes)),
        "|---" * (len(sizes) + 3) + "|",
    ]
    found = {(cell["strategy"], cell["size"]): cell["methods"] for cell in report["cells"]}
    strategies = list(dict.fromkeys(cell["strategy"] for cell in report["cells"]))
    for strategy in strategies:
        for metric in next(iter(found[strategy, sizes[0]].values()))["mean"]:
            for model in report["models"]:
                means = [found[strategy, size][model]["mean"][metric] for size in sizes]
                shown = [_number(metric, mean) for mean in means]
                lines.append(_line(model, strategy, metric, *shown))
    return "\n".join(lines)


def write(path: Path, report: Mapping[str, Any], results: Mapping[Cell, Result]) -> list[Path]:
    """Write the JSON and, beside it, the tables and the sheets; returns all files."""
    files = [path, path.with_suffix(".md")]
    write_atomic(path, json.dumps(report, indent=1).encode())
    write_atomic(files[1], markdown(report).encode())
    for cell, result in results.items():
        start = f"{path.stem}-{cell}"
        sheets = {start: result.gallery.sheet()}
        for model in result.gallery.worst:
            sheets[f"{start}-worst-{model}"] = result.gallery.worst_sheet(model)
        for name, sheet in sheets.items():
            files.append(_free(path.with_name(f"{_fit_for_a_file(name)}.png"), files))
            save_photo(Photo(sheet, "PNG"), files[-1])
    return files


def _fit_for_a_file(name: str) -> str:
    """A name without what a file's must not have: strategies and models can be paths."""
    return re.sub(r"[^\w.+-]+", "-", name)[-200:].lstrip("-")


def _free(path: Path, taken: Sequence[Path]) -> Path:
    """The path, or one with a number where another sheet has it."""
    numbered = (path.with_stem(f"{path.stem}-{n}") for n in count(2))
    return next(p for p in chain([path], numbered) if p not in taken)


def _best(methods: Mapping[str, Any], metric: str) -> str:
    pick = min if LOWER_IS_BETTER[metric] else max
    return pick(methods, key=lambda name: methods[name]["mean"][metric])


def _photos_won(cell: Mapping[str, Any], metric: str, model: str, other: str) -> str:
    """On how many photos the model beats the other method; nothing for a distance of sets."""
    rows = [cell["methods"][name]["photos"] for name in (model, other)]
    if metric not in rows[0][0]:
        return ""
    sign = 1 if LOWER_IS_BETTER[metric] else -1
    won = sum(sign * a[metric] < sign * b[metric] for a, b in zip(*rows, strict=True))
    return f", {won} of {len(rows[0])} photos"


def _compared(metric: str, mine: float, theirs: float) -> str:
    if LOWER_IS_BETTER[metric] and theirs > 0 and metric not in NETWORK_NAMES:
        return f"{mine / theirs - 1:+.1%}"
    return f"{mine - theirs:+.{_digits(metric)}f}"


def _digits(metric: str) -> int:
    return 2 if metric == "psnr" else 4


def _number(metric: str, value: float) -> str:
    return f"{value:.{_digits(metric)}f}"


def _line(*words: str) -> str:
    return f"| {' | '.join(words)} |"
