"""Segmentation masks of whole folders, every limit counted again, and how large their holes are.

    python -m benchmarks.segmentation_masks FOLDER [FOLDER ...] --count 1000 --plot areas.svg

A folder's own annotation gives the objects, or else `masks.objects.find_objects` does. The plot has
the rule's own bounds in it: the smallest hole it keeps, and the largest that its largest object,
grown as far as allowed, can give.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.method import inputs, machine_line
from masks.arguments import LeavingParser, natural, positive
from masks.folders import labelled
from masks.presets import recipe
from masks.segmentation import Scene
from masks.segmentation_limits import Hole, breaches

LIMITS = {p.name: p.default for p in recipe("segmentation").parameters}
LARGEST = LIMITS["max_object_area"] * (1 + LIMITS["scale_change"]) ** 2
STEP = 0.02


def read_scenes(folders: list[Path]) -> list[Scene]:
    """Return the photos that have objects; ValueError if a folder cannot be read."""
    entries = [entry for folder in folders for entry in labelled(folder)]
    scenes = (Scene(entry.read(), LIMITS) for entry in entries)
    return [scene for scene in scenes if scene.things]


def holes(scenes: list[Scene], count: int, seed: int) -> Iterator[tuple[Hole, tuple[str, ...]]]:
    """Yield holes with the limits they break, photo after photo and round after round."""
    rng = np.random.default_rng(seed)
    made = 0
    while made < count and scenes:
        before = made
        for scene in scenes:
            earlier: dict[int, list[np.ndarray]] = {}
            for hole in scene.holes(rng):
                others = earlier.setdefault(hole.source, [])
                yield hole, breaches(hole, scene.labels, others, LIMITS)
                others.append(hole.mask)
                made += 1
                if made == count:
                    return
        if made == before:
            return


def plot(areas: np.ndarray) -> str:
    """Return an SVG of the hole areas with the bounds of the published defaults."""
    edges = np.arange(0, 0.5 + STEP, STEP)
    counts, _ = np.histogram(areas, edges)
    share = counts / len(areas)
    width, height, left, bottom = 640, 260, 56, 48
    across, up = width - left - 16, height - bottom - 40

    def x(area: float) -> float:
        return left + across * area / edges[-1]

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#555">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{left}" y="20" fill="#111">Hole area of {len(areas)} segmentation masks: mean '
        f"{areas.mean():.1%}, median {np.median(areas):.1%}</text>",
    ]
    for edge, value, number in zip(edges, share, counts, strict=False):
        tall = up * value / share.max()
        parts.append(
            f'<rect x="{x(edge) + 1:.1f}" y="{height - bottom - tall:.1f}" '
            f'width="{across * STEP / edges[-1] - 2:.1f}" height="{tall:.1f}" fill="#0d9488">'
            f"<title>{edge:.0%} to {edge + STEP:.0%}: {number}</title></rect>"
        )
    for k in range(6):
        parts.append(
            f'<text x="{x(k / 10):.1f}" y="{height - bottom + 18}" '
            f'text-anchor="middle">{10 * k} %</text>'
        )
    for area, words, anchor, line in (
        (LIMITS["min_mask_area"], "smallest hole kept", "start", 44),
        (LIMITS["max_object_area"], "largest object", "start", 44),
        (LARGEST, "largest hole", "end", 62),
    ):
        parts.append(
            f'<path d="M{x(area):.1f} 34V{height - bottom}" stroke="#b91c1c" '
            'stroke-dasharray="4 3"/>'
            f'<text x="{x(area) + (4 if anchor == "start" else -4):.1f}" y="{line}" '
            f'text-anchor="{anchor}" fill="#b91c1c">{words} {area:.0%}</text>'
        )
    parts.append(
        f'<text x="{left + across / 2}" y="{height - 8}" text-anchor="middle">'
        "share of the picture</text></svg>"
    )
    return "\n".join(parts)


def main() -> int:
    """Count, print, plot; 1 if any hole breaks a limit or there are too few."""
    parser = LeavingParser("python -m benchmarks.segmentation_masks")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--count", type=positive, default=1000)
    parser.add_argument("--seed", type=natural, default=0)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    with inputs():
        scenes = read_scenes(options.folders)
    areas, broken = [], Counter[str]()
    for hole, limits in holes(scenes, options.count, options.seed):
        areas.append(float(hole.mask.mean()))
        broken.update(limits)
    if not areas:
        print("no object of these photos can be moved", file=sys.stderr)
        return 1
    values = np.array(areas)
    figures = ", ".join(
        f"{q:.0%}: {np.quantile(values, q):.3f}" for q in (0.1, 0.25, 0.5, 0.75, 0.9)
    )
    print(f"{len(areas)} masks, hole area mean {values.mean():.3f}, {figures}")
    print(f"from {values.min():.4f} to {values.max():.4f}; limits broken: {dict(broken) or 'none'}")
    print(machine_line())
    if options.plot:
        options.plot.write_text(plot(values) + "\n")
    return int(bool(broken) or len(areas) < options.count)


if __name__ == "__main__":
    sys.exit(main())
