"""Many masks of one picture from one seed, alike in Python, on the command line and in the app.

Mask i is drawn with the i-th child of the seed, so that the first n masks are the same however many
are asked for. What draws for many photos (training, evaluation, `masks.folders`) seeds a generator
for each photo itself.
"""

from collections.abc import Iterator
from numbers import Integral

import numpy as np

from masks import presets
from masks.base import GeneratedMask, Image, Labels, Strategy
from masks.parameter import Number


def generate(
    name: str,
    image: Image,
    count: int,
    seed: int,
    labels: Labels | None = None,
    **values: Number,
) -> list[GeneratedMask]:
    """Draw `count` masks for an image.

    Args:
        name: one of `masks.names()`.
        image: uint8 (H, W, 3). Only `segmentation` looks at its content.
        count: how many, 1 or more.
        seed: a whole number, 0 or more; the same seed gives the same masks.
        labels: objects of the image for `segmentation`, (H, W) whole numbers, 0 = background.
        **values: parameters that differ from the published ones.

    Raises:
        ValueError: saying which argument is wrong and what is accepted.
    """
    return draw(presets.get(name, **values), image, count, seed, labels)


def draw(
    strategy: Strategy, image: Image, count: int, seed: int, labels: Labels | None = None
) -> list[GeneratedMask]:
    """Draw `count` masks of a strategy; otherwise as `generate`."""
    return list(each(strategy, image, count, seed, labels))


def each(
    strategy: Strategy, image: Image, count: int, seed: int, labels: Labels | None = None
) -> Iterator[GeneratedMask]:
    """As `draw`, but each mask is drawn when it is asked for; bad arguments are told at once."""
    _check_whole("count", count, 1)
    _check_whole("seed", seed, 0)
    session, parent = strategy.on(image, labels), np.random.SeedSequence(seed)
    return (session(np.random.default_rng(parent.spawn(1)[0])) for _ in range(count))


def generators(seed: int, count: int) -> list[np.random.Generator]:
    """Return one independent random generator for each mask of a run.

    Raises:
        ValueError: if the seed is not a whole number from 0 up.
    """
    _check_whole("seed", seed, 0)
    return [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(count)]


def _check_whole(name: str, value: object, minimum: int) -> None:
    if not isinstance(value, Integral) or value < minimum:
        raise ValueError(f"{name} must be a whole number, {minimum} or more, not {value!r}")
