"""Masks against the published generator: hole areas and speed.

    python -m benchmarks.masks

Prints two tables. The published figures were measured with the published code on one idle core;
compare speeds only on a machine that does nothing else.
"""

import sys
import time

import numpy as np

import masks
from benchmarks.method import machine_line
from masks.arguments import LeavingParser

PUBLISHED = {
    # hole area: mean, 10 %, 25 %, 50 %, 75 %, 90 % quantile; masks a second
    ("wide", 256): ((0.460, 0.159, 0.297, 0.472, 0.627, 0.735), 2034),
    ("box", 256): ((0.250, 0.090, 0.165, 0.253, 0.335, 0.398), 13526),
    ("training", 256): ((0.349, 0.107, 0.196, 0.315, 0.475, 0.659), 3661),
    ("narrow", 256): ((0.223, 0.051, 0.086, 0.178, 0.355, 0.461), 1937),
    ("thin", 512): ((0.296, 0.091, 0.185, 0.312, 0.412, 0.473), 296),
    ("medium", 512): ((0.306, 0.074, 0.175, 0.321, 0.430, 0.507), 1700),
    ("thick", 512): ((0.454, 0.130, 0.249, 0.445, 0.661, 0.786), 2262),
}
HEAD = ("mean", "10 %", "25 %", "median", "75 %", "90 %")


def hole_areas(name: str, side: int, count: int, seed: int = 0) -> np.ndarray:
    """Return the hole areas of so many masks, as shares of the picture."""
    image = np.zeros((side, side, 3), np.uint8)
    return np.array([m.mask.mean() for m in masks.generate(name, image, count, seed)])


def masks_a_second(name: str, side: int, seconds: float = 1.0, repeats: int = 5) -> float:
    """Return the best of several runs, with one generator for all masks as in training."""
    session = masks.get(name).on(np.zeros((side, side, 3), np.uint8))
    rng = np.random.default_rng(0)
    best = 0.0
    for _ in range(repeats):
        count, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds / repeats:
            session(rng)
            count += 1
        best = max(best, count / passed)
    return best


def main() -> int:
    """Print hole areas and speeds as Markdown."""
    LeavingParser("python -m benchmarks.masks", description=__doc__).parse_args()
    print("| strategy | " + " | ".join(HEAD) + " | largest difference |")
    print("|---|" + "---|" * 7)
    for (name, side), (published, _) in PUBLISHED.items():
        areas = hole_areas(name, side, 3000)
        ours = [areas.mean(), *np.quantile(areas, (0.1, 0.25, 0.5, 0.75, 0.9))]
        cells = [f"{a:.3f} ({b:.3f})" for a, b in zip(ours, published, strict=True)]
        worst = max(abs(a - b) for a, b in zip(ours, published, strict=True))
        print(f"| {name} {side} | " + " | ".join(cells) + f" | {worst:.3f} |")
    print("\n| strategy | masks a second | published |\n|---|---|---|")
    for (name, side), (_, rate) in PUBLISHED.items():
        print(f"| {name} {side} | {masks_a_second(name, side):,.0f} | {rate:,} |")
    print(f"\n{machine_line()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
