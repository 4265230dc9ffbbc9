"""Every strategy by name, with the published figures in one table.

thin, medium and thick were published for 256 and for 512 pixels; the picture's short side chooses.
Everything else was published for 256.
"""

from masks import borders, boxes, fitted, folders, mixture, segmentation, strokes
from masks.base import LARGEST_SIDE, Figures, Recipe, Strategy
from masks.parameter import SCALE_WITH_IMAGE, Number, Parameter

SMALL_UP_TO = 384
"""Largest short side that takes the figures published for 256 pixels."""

CHAIN_PAIRS = (("min_chains", "max_chains"),)
BOX_PAIRS = (("min_boxes", "max_boxes"), ("min_side", "max_side"))
BOTH_PAIRS = CHAIN_PAIRS + BOX_PAIRS

EVALUATION_BOX_SHARE = 0.23
"""The published weights are 1 for chains and 0.3 for rectangles: 0.3 / 1.3 of the masks."""

FALLBACK = "medium"
"""Drawn in place of `segmentation` on a picture without objects."""


def _two_sizes(**small: Number) -> tuple[Figures, Figures]:
    """Return the figures for 256 (given) and for 512 pixels (the recipe's own defaults)."""
    return (
        Figures(SMALL_UP_TO, 256, 256, small),
        Figures(LARGEST_SIDE, 512, SMALL_UP_TO + 1),
    )


def _mixed(box_share: float, *dials: Parameter) -> tuple[Parameter, ...]:
    return (mixture.share(box_share), *dials, SCALE_WITH_IMAGE)


_RECIPES = (
    Recipe(
        "wide",
        "Few thick polygonal chains: the paper's large holes.",
        "LaMa training, irregular part",
        (*strokes.parameters(1, 5, max_width=100, max_length=200), SCALE_WITH_IMAGE),
        strokes.paint,
        pairs=CHAIN_PAIRS,
    ),
    Recipe(
        "box",
        "A few rectangles of any aspect that keep off the border.",
        "LaMa training, rectangular part",
        (*boxes.parameters(1, 4, min_side=30, max_side=150, margin=10), SCALE_WITH_IMAGE),
        boxes.paint,
        pairs=BOX_PAIRS,
    ),
    segmentation.RECIPE,
    Recipe(
        "narrow",
        "Many slender chains or one rectangle: the policy of earlier methods.",
        "LaMa ablation, narrow training masks",
        _mixed(
            0.5,
            *strokes.parameters(4, 12, max_width=40, max_length=80),
            *boxes.parameters(1, 1, min_side=30, max_side=128, margin=0),
        ),
        mixture.paint,
        pairs=BOTH_PAIRS,
    ),
    Recipe(
        "outpaint",
        "Strips along the border, to let a picture grow.",
        "LaMa code, outpainting generator",
        borders.PARAMETERS,
        borders.paint,
        pairs=(("min_share", "max_share"),),
    ),
    Recipe(
        "training",
        "What the published models were trained on: wide chains or boxes, half and half.",
        "LaMa training",
        _mixed(
            0.5,
            *strokes.parameters(1, 5, max_width=100, max_length=200),
            *boxes.parameters(1, 4, min_side=30, max_side=150, margin=10),
        ),
        mixture.paint,
        pairs=BOTH_PAIRS,
    ),
    Recipe(
        "thin",
        "Dozens of fine chains, the paper's narrow evaluation masks.",
        "LaMa evaluation, random_thin_256 and _512",
        (*strokes.parameters(4, 70, max_width=20, max_length=100), SCALE_WITH_IMAGE),
        strokes.paint,
        _two_sizes(max_chains=50, max_width=10, max_length=40),
        CHAIN_PAIRS,
    ),
    Recipe(
        "medium",
        "Several chains of middling width, now and then rectangles.",
        "LaMa evaluation, random_medium_256 and _512",
        _mixed(
            EVALUATION_BOX_SHARE,
            *strokes.parameters(4, 10, max_width=100, max_length=200),
            *boxes.parameters(1, 5, min_side=30, max_side=150, margin=0),
        ),
        mixture.paint,
        _two_sizes(max_chains=5, max_width=50, max_length=100, min_side=10, max_side=50),
        BOTH_PAIRS,
    ),
    Recipe(
        "thick",
        "Few very thick chains, now and then large rectangles: the paper's wide evaluation masks.",
        "LaMa evaluation, random_thick_256 and _512",
        _mixed(
            EVALUATION_BOX_SHARE,
            *strokes.parameters(1, 5, max_width=250, max_length=450),
            *boxes.parameters(1, 4, min_side=30, max_side=300, margin=10),
        ),
        mixture.paint,
        _two_sizes(max_width=100, max_length=200, max_boxes=3, max_side=150),
        BOTH_PAIRS,
    ),
)
_BY_NAME = {recipe.name: recipe for recipe in _RECIPES}


def names() -> tuple[str, ...]:
    """Return the names of all strategies in the order in which they should be offered."""
    return tuple(_BY_NAME)


def recipe(name: str) -> Recipe:
    """Return what is known of a strategy: summary, source, parameters.

    `fitted:PATH.json` is a strategy that was fitted to masks (`masks.fitted`), `folder:DIR` takes
    them from a folder (`masks.folders`).

    Raises:
        ValueError: listing the names, for a name that is none of them.
    """
    if name.startswith(folders.PREFIX):
        return folders.recipe(name)
    if name.startswith(fitted.PREFIX):
        return fitted.load(name.removeprefix(fitted.PREFIX)).recipe(name)
    if name not in _BY_NAME:
        raise ValueError(f"there is no mask strategy {name!r}; there are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def parameters(name: str, short_side: int = 512) -> tuple[Parameter, ...]:
    """Return the dials of a strategy with the published values for this short side as defaults.

    Raises:
        ValueError: for an unknown name.
    """
    return recipe(name).parameters_for(short_side)


def get(name: str, /, **values: Number) -> Strategy:
    """Return a strategy, with some of its parameters changed if wished.

    `masks.get("wide", max_width=40)(image, rng)` gives one mask; `masks.get("folder:DIR")` takes
    them from a folder (`masks.folders`).

    Raises:
        ValueError: for an unknown name (lists the names), an unknown parameter (lists the
            parameters) or a value out of range (tells the range).
    """
    chosen = recipe(name)
    if chosen.paint is None:
        return segmentation.Segmentation(values, fallback=get(FALLBACK))
    return Strategy(chosen, values)
