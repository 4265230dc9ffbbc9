"""What a strategy is: its recipe, its checks and the rule by which its masks are drawn.

The convention, once: an image is uint8 (H, W, 3) in RGB, a mask is bool (H, W) with True where the
hole is. Every mask that leaves this package has at least one hole pixel and one known pixel.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from masks.parameter import SCALE_WITH_IMAGE, Number, Parameter

Image: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Labels: TypeAlias = NDArray[np.integer]
Values: TypeAlias = Mapping[str, Number]
Painter: TypeAlias = Callable[[int, int, Values, float, np.random.Generator], NDArray[np.uint8]]
"""(height, width, values, scale, rng) -> uint8 (H, W) of 0 and 1; `scale` multiplies lengths."""

SMALLEST_SIDE = 16
LARGEST_SIDE = 32_767
"""OpenCV draws with 16-bit coordinates."""

FAITHFUL_TRIES = 16
SHRINKING_TRIES = 8
SHRINK = 0.7


@dataclass(frozen=True)
class Figures:
    """Published figures and the sizes of picture they are meant for.

    Attributes:
        up_to: largest short side that takes them.
        published_for: the short side of the pictures they were published for.
        whole_from: a length in pixels is drawn as it is from this short side up; below it all
            lengths shrink in proportion to the short side.
        defaults: what differs from the recipe's own parameter defaults.
    """

    up_to: int
    published_for: int
    whole_from: int
    defaults: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A strategy before any of its parameters is chosen: one row of the registry.

    Attributes:
        name: under which `masks.get` finds it.
        summary: one sentence for a person.
        source: where it was published.
        parameters: its dials.
        paint: draws one mask; None for a strategy that looks at the picture, whose class says how.
        figures: by the short side of the picture, smallest first.
        pairs: parameters of which the first must not be above the second.
    """

    name: str
    summary: str
    source: str
    parameters: tuple[Parameter, ...]
    paint: Painter | None
    figures: tuple[Figures, ...] = (Figures(LARGEST_SIDE, 256, 256),)
    pairs: tuple[tuple[str, str], ...] = ()

    def figures_for(self, short_side: int) -> Figures:
        """Return the published figures that a picture of this short side takes."""
        return next(f for f in self.figures if short_side <= f.up_to)

    def parameters_for(self, short_side: int) -> tuple[Parameter, ...]:
        """Return the parameters with the defaults published for this short side."""
        defaults = self.figures_for(short_side).defaults
        return tuple(replace(p, default=defaults.get(p.name, p.default)) for p in self.parameters)


@dataclass(frozen=True)
class GeneratedMask:
    """One mask and where it came from.

    Attributes:
        mask: bool (H, W), True = hole.
        strategy_used: the strategy that drew it; differs from the one asked for after a fallback.
        note: why another strategy was used, in one sentence; empty otherwise.
    """

    mask: Mask
    strategy_used: str
    note: str = ""


Session: TypeAlias = Callable[[np.random.Generator], GeneratedMask]
"""A strategy made ready for one image; called once for every mask."""


class Strategy:
    """A way to draw holes with all its parameters fixed: `mask = strategy(image, rng)`.

    Only `segmentation` looks at the image's content; the others take its size.

    Args:
        recipe: name, summary, source and parameters.
        given: the parameters that the caller chose, in place of the published ones.

    Attributes: as the arguments.

    Raises:
        ValueError: an unknown parameter, a value out of range, or the smaller end of a pair above
            the larger one at all sizes of picture. One that fits at some sizes is refused at the
            others, by `values_for`.
    """

    def __init__(self, recipe: Recipe, given: Values) -> None:
        known = {p.name: p for p in recipe.parameters}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ValueError(
                f"'{recipe.name}' has no parameter {', '.join(map(repr, unknown))}; "
                f"it has {', '.join(known)}"
            )
        self.recipe = recipe
        self.given = {name: known[name].check(value) for name, value in given.items()}
        # The published ends of a pair differ by size: what fits at one of them may be asked for.
        troubles = [self._trouble(self._resolve(figures.up_to)) for figures in recipe.figures]
        if all(troubles):
            raise ValueError(troubles[-1])

    @property
    def name(self) -> str:
        """The name under which `masks.get` finds it."""
        return self.recipe.name

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters, with the defaults for a 512 x 512 picture."""
        return self.recipe.parameters_for(512)

    @property
    def values(self) -> dict[str, Number]:
        """The values in force on a 512 x 512 picture; raises as `values_for`."""
        return self.values_for(512, 512)

    def values_for(self, height: int, width: int) -> dict[str, Number]:
        """Return the values in force on a picture of this size, before lengths are scaled.

        Raises:
            ValueError: with the figures published for this size, a minimum is above its maximum.
        """
        values = self._resolve(min(height, width))
        if trouble := self._trouble(values, f" on a picture of {width} x {height} pixels"):
            raise ValueError(trouble)
        return values

    def scale_for(self, height: int, width: int) -> float:
        """Return the factor that every length is multiplied by on a picture of this size."""
        short_side = min(height, width)
        figures = self.recipe.figures_for(short_side)
        if self._resolve(short_side).get(SCALE_WITH_IMAGE.name):
            return short_side / figures.published_for
        return min(1.0, short_side / figures.whole_from)

    def on(self, image: Image, labels: Labels | None = None) -> Session:
        """Make the strategy ready for one image, so that drawing many masks on it is quick.

        Args:
            image: uint8 (H, W, 3).
            labels: (H, W) whole numbers, 0 = background, any other number one object each. Only
                `segmentation` uses it; without it the objects are found in the image itself.

        Raises:
            ValueError: for an image or a label map that breaks the convention, and as `values_for`.
        """
        height, width = check_image(image)
        check_labels(labels, (height, width))
        values, scale = self.values_for(height, width), self.scale_for(height, width)
        paint = self.recipe.paint
        assert paint is not None, "a strategy that does not paint has an `on` of its own"

        def session(rng: np.random.Generator) -> GeneratedMask:
            mask = draw(paint, height, width, values, scale, rng)
            return GeneratedMask(mask, self.name)

        return session

    def __call__(
        self, image: Image, rng: np.random.Generator, labels: Labels | None = None
    ) -> Mask:
        """Draw one mask for the image: bool (H, W), True = hole. See `on` for the arguments."""
        return self.on(image, labels)(rng).mask

    def _resolve(self, short_side: int) -> dict[str, Number]:
        defaults = {p.name: p.default for p in self.recipe.parameters_for(short_side)}
        return {**defaults, **self.given}

    def _trouble(self, values: Values, where: str = "") -> str:
        """Return which minimum is above its maximum, in words, or nothing."""
        for low, high in self.recipe.pairs:
            if values[low] > values[high]:
                return (
                    f"{low} ({values[low]:g}) is above {high} ({values[high]:g}){where}: "
                    f"lower the first or raise the second"
                )
        return ""


def draw(
    paint: Painter,
    height: int,
    width: int,
    values: Values,
    scale: float,
    rng: np.random.Generator,
) -> Mask:
    """Paint until there is a hole and something known beside it.

    A picture that stays full gets shorter and thinner strokes with every further try; should even
    that fail, one pixel of it is handed back.
    """
    area = height * width
    canvas = np.zeros((height, width), np.uint8)
    for attempt in range(FAITHFUL_TRIES + SHRINKING_TRIES):
        shrink = SHRINK ** max(0, attempt - FAITHFUL_TRIES + 1)
        canvas = paint(height, width, values, scale * shrink, rng)
        if 0 < np.count_nonzero(canvas) < area:
            return canvas.view(np.bool_)
    mask = canvas.view(np.bool_)
    mask[rng.integers(height), rng.integers(width)] ^= True
    return mask


def check_size(height: int, width: int) -> None:
    """Check that masks can be drawn at this size.

    Raises:
        ValueError: if a side is under 16 or over 32767 pixels.
    """
    if min(height, width) < SMALLEST_SIDE or max(height, width) > LARGEST_SIDE:
        raise ValueError(
            f"the picture is {width} x {height} pixels; masks need both sides between "
            f"{SMALLEST_SIDE} and {LARGEST_SIDE}"
        )


def check_image(image: Image) -> tuple[int, int]:
    """Check the image convention and return (height, width).

    Raises:
        ValueError: saying what came and what is expected.
    """
    expected = "expected an image as a numpy array, uint8 (H, W, 3) in RGB"
    if not isinstance(image, np.ndarray):
        raise ValueError(f"{expected}, not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"{expected}, not {image.dtype} {image.shape}")
    height, width = image.shape[:2]
    check_size(height, width)
    return height, width


def check_mask(mask: Mask) -> tuple[int, int]:
    """Check the mask convention and return (height, width).

    Raises:
        ValueError: if it is not bool (H, W), is empty, or leaves nothing known.
    """
    expected = "expected a mask as a numpy array, bool (H, W), True = hole"
    if not isinstance(mask, np.ndarray):
        raise ValueError(f"{expected}, not {type(mask).__name__}")
    if mask.dtype != np.bool_ or mask.ndim != 2 or mask.size == 0:
        hint = "; mask > 0 makes one" if mask.ndim == 2 and mask.size else ""
        raise ValueError(f"{expected}, not {mask.dtype} {mask.shape}{hint}")
    if not mask.any():
        raise ValueError("the mask has no hole: mark at least one pixel")
    if mask.all():
        raise ValueError("the mask covers the whole picture: leave at least one pixel known")
    height, width = mask.shape
    return height, width


def check_labels(labels: Labels | None, shape: tuple[int, int]) -> None:
    """Check that a label map, if there is one, is made of whole numbers and has the image's size.

    Raises:
        ValueError: saying what came and what is expected.
    """
    if labels is None:
        return
    if not isinstance(labels, np.ndarray) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError("labels must be a numpy array of whole numbers, 0 = background")
    if labels.shape != shape:
        raise ValueError(
            f"labels have the shape {labels.shape}, the image {shape}: they must agree"
        )
