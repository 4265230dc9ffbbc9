"""What the page asks for, checked once: picture, strategy, parameters, seed and count."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import masks
from masks.base import Image, Number, Strategy, check_size
from space.mask_lab.scenery import Scenery, View
from space.strategies import known_strategy
from space.words import whole

MOST_SHOWN = 64


@dataclass(frozen=True)
class Wish:
    """One set of masks as it was asked for; all of it has been checked."""

    view: View
    strategy: Strategy
    seed: int
    count: int

    @property
    def values(self) -> dict[str, Number]:
        """The parameters that differ from the published ones on this picture."""
        published = self.strategy.recipe.parameters_for(min(self.view.height, self.view.width))
        defaults = {p.name: p.default for p in published}
        return {k: v for k, v in self.strategy.given.items() if v != defaults[k]}

    @property
    def image(self) -> Image:
        """The picture, uint8 (H, W, 3)."""
        return self.view.image


def read(data: Mapping[str, Any], scenery: Scenery, most: int = MOST_SHOWN) -> Wish:
    """Read what the page sent: `photo`, `name`; or `width`, `height`; `strategy`...

    Args:
        data: As the page's script writes it.
        scenery: Where pictures come from.
        most: Largest count that is accepted.

    Raises:
        ValueError: What is wrong, in the reader's words.
    """
    photo = str(data.get("photo") or "")
    if photo:
        view = scenery.photo(photo, str(data.get("name") or ""))
    else:
        width = whole(data.get("width", 512), "The width", 16, 8192)
        height = whole(data.get("height", 512), "The height", 16, 8192)
        check_size(height, width)
        view = scenery.landscape(width, height)
    values = data.get("values") or {}
    if not isinstance(values, Mapping):
        raise ValueError("The parameters could not be read. Reload the page.")
    name = known_strategy(data.get("strategy"), "wide")
    strategy = masks.get(name, **{str(k): v for k, v in values.items()})
    return Wish(
        view,
        strategy,
        whole(data.get("seed", 0), "The seed", 0, 2**63 - 1),
        whole(data.get("count", 16), "The number of masks", 1, most),
    )
