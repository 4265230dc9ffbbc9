"""The pictures of an evaluation: all methods side by side, and where a model lost worst.

Numbers alone do not show seams, dots or veils, so each cell gets a contact sheet, and each model
a sheet of the photos on which it fell farthest behind the best classical fill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

import masks
from lama.training.cases import Case
from lama.training.metrics import PREFERRED

ROWS = 12  # of a contact sheet at 256 pixels; larger pictures get fewer
FEWEST_ROWS = 4
WORST = 5
GAP = 6  # pixels between pictures
STRIP = 22  # pixels of a strip with words
BACKGROUND, INK = 255, (30, 30, 30)


@dataclass(frozen=True)
class Exhibit:
    """A case, its fills by method, and a line of words for each."""

    case: Case
    pictures: Mapping[str, np.ndarray]
    words: Mapping[str, str]


@dataclass
class Gallery:
    """Collects as cases pass by; keeps no more than it shows."""

    first: list[Exhibit] = field(default_factory=list)
    worst: dict[str, list[tuple[float, int, Exhibit]]] = field(default_factory=dict)
    seen: int = 0

    def add(
        self,
        case: Case,
        pictures: Mapping[str, np.ndarray],
        values: Mapping[str, Mapping[str, float]],
        models: Sequence[str],
    ) -> None:
        """Consider a case with its fills and `values[method][metric]`."""
        self.seen += 1
        metric = next((m for m in PREFERRED if m in _any(values)), None)
        words = {name: f"{v[metric]:.3f}" if metric else "" for name, v in values.items()}
        exhibit = Exhibit(case, pictures, words)
        if len(self.first) < max(FEWEST_ROWS, ROWS * 256 // case.cell.size):
            self.first.append(exhibit)
        classical = [name for name in values if name not in models]
        if metric is None or not classical:
            return
        best = min(values[name][metric] for name in classical)
        for model in models:
            found = self.worst.setdefault(model, [])
            # The count breaks ties, so that pictures are never compared.
            found.append((values[model][metric] - best, self.seen, exhibit))
            found.sort(key=lambda entry: entry[:2], reverse=True)
            del found[WORST:]

    def sheet(self) -> np.ndarray:
        """The first cases, a row each: hole, every method, photo; uint8 RGB."""
        return contact_sheet(self.first)

    def worst_sheet(self, model: str) -> np.ndarray:
        """The cases with the largest gap between a model and the best classical fill, in LPIPS."""
        return contact_sheet([exhibit for _, _, exhibit in self.worst[model]])


def contact_sheet(exhibits: Sequence[Exhibit]) -> np.ndarray:
    """A row a case: hole, every method, photo, with names above and words below; uint8 RGB."""
    size = exhibits[0].case.rgb.shape[1]
    names = ["hole", *exhibits[0].pictures, "photo"]
    rows = [_strip(names, size)]
    for exhibit in exhibits:
        case = exhibit.case
        pictures = [masks.overlay(case.rgb, case.mask), *exhibit.pictures.values(), case.rgb]
        rows.append(_beside(pictures))
        words = [exhibit.words.get(name, "") for name in exhibit.pictures]
        rows.append(_strip([case.path.name, *words, f"hole {case.mask.mean():.0%}"], size))
    return np.vstack(rows)


def _any(values: Mapping[str, Mapping[str, float]]) -> Mapping[str, float]:
    return next(iter(values.values()), {})


def _beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    gap = np.full((pictures[0].shape[0], GAP, 3), BACKGROUND, np.uint8)
    return np.hstack([part for picture in pictures for part in (picture, gap)][:-1])


def _strip(words: Sequence[str], width: int) -> np.ndarray:
    strip = np.full((STRIP, len(words) * (width + GAP) - GAP, 3), BACKGROUND, np.uint8)
    for i, word in enumerate(words):
        most = max(4, width // 8)  # characters that fit
        text = word if len(word) <= most else word[: most - 2] + ".."
        place = (i * (width + GAP) + 2, STRIP - 7)
        cv2.putText(strip, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return strip
