"""Whether a fine-tuned model may be used: it and its base fill the same holes.

No judged metric may be worse than the base's by more than a stated margin.

What is filled is fixed by the held-out photos and masks alone: holes of people's masks, which is
what fine-tuning is for, and generated holes of other shapes, because a model that learns one
shape forgets the others (the known failure of fine-tuning this network). What is held out:
`lama.training.holdout`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import masks
from lama.training.cases import MOST_HOLE, Case, Cell
from lama.training.defaults import MARGIN
from lama.training.evaluate import Evaluator, Method, Result
from lama.training.fills import Fill
from lama.training.gallery import Exhibit
from lama.training.logged import LoggedMasks, fit_mask
from lama.training.metrics import LOWER_IS_BETTER
from lama.training.photos import Indexed
from lama.training.validation import centre_square

SAVED = "saved"  # the shape of people's masks
GUARDS = ("thin", "thick", "box")  # the other shapes
METRICS = ("l1", "lpips-alex", "lpips-vgg")
JUDGED = ("l1", "lpips-vgg")  # LPIPS on AlexNet is part of the loss: it does not judge
SIZE = 256
SHOWN, SHOWN_GUARDS = 6, 2  # pictures of saved masks, and of each other shape
FEW = 8  # holes of a shape, masks or photos; a mean over fewer says little


@dataclass(frozen=True)
class Verdict:
    """What the comparison came to."""

    accepted: bool
    reasons: tuple[str, ...]  # why not, a sentence each
    changes: dict[str, dict[str, float]]  # by shape and metric: relative, below 0 = better


def fixed_cases(photos: Indexed, held: LoggedMasks, count: int, size: int = SIZE) -> list[Case]:
    """`count` holes of people's masks and as many of each other shape, on held-out photos.

    Args:
        photos: held out; those that cannot be read are passed over.
        held: masks, held out.
        count: of each shape.
        size: side of the squares in pixels.

    Raises:
        ValueError: No photo can be read, or none of the masks has a hole.
    """
    squares: list[tuple[Path, np.ndarray]] = []
    for index in range(len(photos)):
        if len(squares) == count:
            break
        photo = photos.read(index)
        if photo is not None:
            squares.append((Path(photos.name(index)), centre_square(photo.image, size)))
    if not squares:
        raise ValueError("none of the held-out photos can be read")
    drawn = [mask for i in range(len(held)) if (mask := held.read(i)) is not None and mask.any()]
    if not drawn:
        raise ValueError("none of the held-out masks has a hole")
    found = []
    for shape in (SAVED, *GUARDS):
        for number in range(count):
            path, rgb = squares[number % len(squares)]
            hole = _hole(shape, drawn[number % len(drawn)], rgb, number)
            found.append(Case(path, Cell(shape, size), rgb, hole))
    return found


def _hole(shape: str, drawn: np.ndarray, rgb: np.ndarray, number: int) -> np.ndarray:
    """A hole of at most half of the picture, the same each time.

    Raises:
        ValueError: None was drawn.
    """
    rng = np.random.default_rng([17, number])
    for attempt in range(1000):
        if shape == SAVED and attempt < 100:
            hole = fit_mask(drawn, len(rgb), rng)
        else:  # a saved mask may cover nearly everything at any zoom
            hole = masks.get("medium" if shape == SAVED else shape)(rgb, rng)
        if 0 < hole.mean() <= MOST_HOLE:
            return hole
    raise ValueError(f"no hole of {shape} covers at most {MOST_HOLE:.0%} of {len(rgb)} pixels")


def measure(
    cases: Sequence[Case],
    fills: Mapping[str, Fill],
    names: Sequence[str] = METRICS,
    on_case: Callable[[int], None] = lambda _done: None,
) -> tuple[dict[str, Any], list[Exhibit]]:
    """Mean of every metric by shape and model, and pictures of a few of the cases.

    Args:
        cases: of `fixed_cases`.
        fills: models by name.
        names: of metrics.
        on_case: told how many are done.

    Returns:
        `{shape: {"n": ..., "models": {name: {metric: mean}}}}`, and the first `SHOWN` of the saved
        masks and `SHOWN_GUARDS` of each other shape.
    """
    evaluator = Evaluator([Method(name, fill) for name, fill in fills.items()], names)
    results: dict[str, Result] = {}
    for done, case in enumerate(cases, 1):
        evaluator.add(case, results.setdefault(case.cell.strategy, Result(case.cell)))
        on_case(done)
    report = {
        shape: {"n": len(result.rows), "models": {name: _means(result, name) for name in fills}}
        for shape, result in results.items()
    }
    exhibits = [
        exhibit
        for shape, result in results.items()
        for exhibit in result.gallery.first[: SHOWN if shape == SAVED else SHOWN_GUARDS]
    ]
    return report, exhibits


def _means(result: Result, name: str) -> dict[str, float]:
    values = [row.values[name] for row in result.rows]
    return {metric: float(np.mean([one[metric] for one in values])) for metric in values[0]}


def compare(report: Mapping[str, Any], base: str, new: str, margin: float = MARGIN) -> Verdict:
    """Accept the new model unless it is worse than its base by more than the margin anywhere.

    Args:
        report: of `measure`.
        base: the name of the model that it started from.
        new: its name.
        margin: largest relative loss of any judged metric on any shape.
    """
    changes: dict[str, dict[str, float]] = {}
    reasons = []
    for shape, entry in report.items():
        changes[shape] = {}
        for metric, before in entry["models"][base].items():
            after = entry["models"][new][metric]
            change = (after / before - 1) if before else (0.0 if after == 0 else float("inf"))
            change = change if LOWER_IS_BETTER[metric] else -change
            changes[shape][metric] = change
            # Written so that a value that is no number is worse, too.
            if metric in JUDGED and not change <= margin:
                reasons.append(
                    f"{metric} on {shape} holes is {change:.1%} worse than {base}'s; "
                    f"{margin:.1%} are allowed"
                )
    return Verdict(not reasons, tuple(reasons), changes)


def table(report: Mapping[str, Any], verdict: Verdict, base: str, new: str) -> str:
    """Both models' means as a Markdown table, a row a shape and metric."""
    lines = [f"| holes | n | metric | {base} | {new} | change |", "|---|---|---|---|---|---|"]
    for shape, entry in report.items():
        for metric, before in entry["models"][base].items():
            after = entry["models"][new][metric]
            lines.append(
                f"| {shape} | {entry['n']} | {metric} | {before:.4f} | {after:.4f} "
                f"| {round(verdict.changes[shape][metric], 3) + 0.0:+.1%} |"
            )
    return "\n".join(lines)


def doubt(report: Mapping[str, Any], drawn: int, photos: int) -> str:
    """A sentence of warning where a verdict rests on very little, else nothing.

    Args:
        report: of `measure`.
        drawn: how many different masks were held out; each may be filled more than once.
        photos: how many photos.
    """
    holes = min(entry["n"] for entry in report.values())
    if min(holes, drawn, photos) >= FEW:
        return ""
    counted = (f"{n} {word}" + "s" * (n != 1) for n, word in (
        (holes, "hole"), (drawn, "saved mask"), (photos, "photo")
    ))  # fmt: skip
    return (
        "Judged on {} of each shape, from {} and {} only: "
        "differences this small may be chance.".format(*counted)
    )
