"""Run models and classical fills on the same photos and holes, and measure what they made.

`lama.training.cases` says what is filled, `lama.training.metrics` and `kernel_distance` how it is
measured, `lama.training.report` what is written. Each photo is read once, and everything about it
is done before the next one: of a photo only its numbers are kept, and for each kernel distance 26
kB a fill (the report then compares all of them with each other: 8 bytes for each pair of photos).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from lama.arrays import to_tensor
from lama.loading import load
from lama.training.cache import Cache, fingerprint
from lama.training.cases import Case, Cell, cases
from lama.training.fills import FILLS, Fill, check_fills, fill_version
from lama.training.gallery import Gallery
from lama.training.kernel_distance import NETWORKS, CropFeatures
from lama.training.metrics import VERSION, Metric, check_metrics, metrics
from lama.training.photos import find_photos, read_rgb

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Method:
    """A way to fill.

    Attributes:
        name: unique in the report.
        fill: uint8 (H, W, 3) and bool (H, W) to uint8 (H, W, 3).
        version: what the result depends on besides its input; None is never kept in a cache.
        facts: for the report, such as the weights' sha256; empty for a classical fill.
    """

    name: str
    fill: Fill
    version: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One case's numbers: `values[method][metric]`, `seconds[method]`."""

    file: str
    folder: str  # the last name of the photo folder as it was given
    hole: float
    bucket: str
    enlarged: bool
    values: dict[str, dict[str, float]]
    seconds: dict[str, float]


@dataclass
class Result:
    """Everything measured in a cell."""

    cell: Cell
    rows: list[Row] = field(default_factory=list)
    # By kernel distance, then by method and "photo".
    features: dict[str, dict[str, list[np.ndarray]]] = field(default_factory=dict)
    gallery: Gallery = field(default_factory=Gallery)


@dataclass(frozen=True)
class EvalConfig:
    """What an evaluation fills and measures.

    Attributes:
        photos: folders, searched recursively; files that are no pictures are logged and left out.
        cells: strategies and sizes, see `lama.training.cases.cells`.
        metrics: names, see `lama.training.metrics`.
        limit: only the first so many photos.
        seed: of the holes.

    Raises:
        ValueError: An unknown metric.
    """

    photos: Sequence[Path]
    cells: Sequence[Cell]
    metrics: Sequence[str]
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_metrics(self.metrics)


def classical(names: Sequence[str]) -> list[Method]:
    """The fills of `lama.training.fills` as methods; ValueError lists the known ones."""
    check_fills(names)
    return [Method(name, FILLS[name], fill_version(name)) for name in names]


def learned(
    paths: Sequence[str | Path], device: str = "auto", precision: str = "auto"
) -> list[Method]:
    """Models as methods, each under a name of its own.

    Args:
        paths: names or files, as `lama.load` takes them.
        device: as there.
        precision: as there.
    """
    found = [load(path, device, precision) for path in paths]
    names = [inpainter.name for inpainter in found]
    methods = []
    for path, inpainter in zip(paths, found, strict=True):
        name = inpainter.name
        if names.count(name) > 1:  # run folders all call their weights generator.safetensors
            name = f"{Path(path).resolve().parent.name}/{name}"
        facts = {
            "weights": str(path),
            "sha256": inpainter.sha256,
            "precision": inpainter.precision,
            "parameters": inpainter.parameter_count,
        }
        methods.append(Method(name, inpainter.fill, None, facts))
    return methods


def evaluate(
    config: EvalConfig, methods: Sequence[Method], cache: Cache | None = None
) -> dict[Cell, Result]:
    """Run every method on every case.

    Args:
        config: what is filled and measured.
        methods: what fills.
        cache: where fills and numbers of earlier runs are.

    Raises:
        ValueError: No photos, or two methods of one name.
    """
    evaluator, wanted = Evaluator(methods, config.metrics, cache), config.cells
    results = {cell: Result(cell) for cell in wanted}
    files = find_photos(config.photos)[: config.limit]
    with tqdm(total=len(files) * len(wanted), unit="hole", dynamic_ncols=True) as bar:
        for number, path in enumerate(files):
            photo = read_rgb(path)
            if photo is None:
                logger.warning("not a picture that can be read, left out: %s", path)
                bar.update(len(wanted))
                continue
            folder = next(Path(f) for f in config.photos if path.is_relative_to(f)).resolve().name
            for case in cases(path, photo, number, wanted, config.seed):
                bar.set_postfix_str(f"{case.cell} {path.name}", refresh=False)
                evaluator.add(case, results[case.cell], folder)
                bar.update()
    if not any(result.rows for result in results.values()):
        raise ValueError(f"none of the {len(files)} photos could be read")
    return results


class Evaluator:
    """Fills cases with every method and measures the fills.

    Args:
        methods: what fills.
        names: metrics, see `lama.training.metrics`.
        cache: where fills and numbers of earlier runs are.

    Raises:
        ValueError: An unknown metric, or two methods of one name.
    """

    def __init__(
        self, methods: Sequence[Method], names: Sequence[str], cache: Cache | None = None
    ) -> None:
        if len({method.name for method in methods}) < len(methods):
            raise ValueError(
                "two of the models or fills have the same name: rename one of the files"
            )
        self.methods, self.cache = methods, cache or Cache(None)
        self.measures = metrics(names)
        self.features = {name: CropFeatures(name) for name in NETWORKS if name in names}

    def add(self, case: Case, result: Result, folder: str = "") -> None:
        """Fill and measure a case.

        Args:
            case: what is filled.
            result: of the case's cell; takes its numbers and pictures.
            folder: of the photo, for the report.
        """
        pictures, seconds = {}, {}
        for method in self.methods:
            pictures[method.name], seconds[method.name] = self._fill(method, case)
        values = self._measure(case, pictures)
        for distance in self.features:
            kept = result.features.setdefault(distance, {})
            for name, found in self._features(distance, case, pictures).items():
                kept.setdefault(name, []).append(found)
        hole = float(case.mask.mean())
        row = Row(case.path.name, folder, hole, case.bucket, case.enlarged, values, seconds)
        result.rows.append(row)
        models = [method.name for method in self.methods if method.facts]
        result.gallery.add(case, pictures, values, models)

    def _fill(self, method: Method, case: Case) -> tuple[np.ndarray, float]:
        """The case as a method fills it, with the photo around the hole, and its seconds."""

        def make() -> tuple[np.ndarray, float]:
            began = time.perf_counter()
            filled = method.fill(case.rgb.copy(), case.mask)
            seconds = time.perf_counter() - began
            return np.where(case.mask[..., None], filled, case.rgb), seconds

        if method.version is None:
            return make()
        key = fingerprint("fill", method.name, method.version, case.rgb, case.mask)
        return self.cache.picture(key, make)

    def _measure(
        self, case: Case, pictures: Mapping[str, np.ndarray]
    ) -> dict[str, dict[str, float]]:
        """`values[method][metric]` of fills, as kept or as measured now."""
        keys = {
            name: fingerprint("numbers", VERSION, p, case.rgb, case.mask)
            for name, p in pictures.items()
        }
        kept = {name: self.cache.numbers(key) for name, key in keys.items()}
        photo, mask = to_tensor(case.rgb), to_tensor(case.mask)
        for metric, measure in self.measures.items():
            missing = [name for name in pictures if metric not in kept[name]]
            if missing:
                found = _at_once(measure, [pictures[name] for name in missing], photo, mask)
                for name, value in zip(missing, found, strict=True):
                    kept[name][metric] = value
        for name, key in keys.items():
            self.cache.keep_numbers(key, kept[name])
        return {name: {metric: kept[name][metric] for metric in self.measures} for name in pictures}

    def _features(
        self, distance: str, case: Case, pictures: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """(K, C) features for a kernel distance, by method and "photo"."""
        everything = {**pictures, "photo": case.rgb}
        keys = {
            name: fingerprint(distance, VERSION, p, case.mask) for name, p in everything.items()
        }
        found = {name: self.cache.array(key) for name, key in keys.items()}
        missing = [name for name, array in found.items() if array is None]
        if missing:
            new = self.features[distance]([everything[name] for name in missing], case.mask)
            for name, array in zip(missing, new, strict=True):
                found[name] = array
                self.cache.keep_array(keys[name], array)
        return {name: array for name, array in found.items() if array is not None}


def _at_once(
    measure: Metric, pictures: Sequence[np.ndarray], photo: torch.Tensor, mask: torch.Tensor
) -> list[float]:
    """A metric of several fills of one photo, in batches that keep memory in bounds."""
    most = max(1, 8 * 256**2 // (photo.shape[-1] * photo.shape[-2]))
    values: list[float] = []
    for start in range(0, len(pictures), most):
        batch = torch.cat([to_tensor(picture) for picture in pictures[start : start + most]])
        values += measure(batch, photo, mask).tolist()
    return values
