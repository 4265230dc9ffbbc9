"""A ZIP with the masks of a wish, their figures and how to make them again."""

import io
import json
import zipfile
from dataclasses import asdict

from masks.files import encode_mask
from space.mask_lab import reproduce
from space.mask_lab.drawing import draw, figures
from space.mask_lab.scenery import Scenery
from space.mask_lab.wishes import Wish


def pack(wish: Wish, scenery: Scenery) -> bytes:
    """The ZIP file: one PNG a mask (255 = hole), `masks.json` and `reproduce.txt`."""
    stream = io.BytesIO()
    listed = []
    # PNG files do not get smaller by packing them again.
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for k, item in enumerate(draw(wish, scenery)):
            name = f"{wish.strategy.name}_{k:04d}.png"
            archive.writestr(name, encode_mask(item.mask))
            listed.append({"file": name, **asdict(figures(item))})
        archive.writestr("masks.json", json.dumps(recipe(wish) | {"masks": listed}, indent=1))
        text = f"{reproduce.python(wish)}\n\n{reproduce.command(wish)}\n"
        archive.writestr("reproduce.txt", text)
    return stream.getvalue()


def recipe(wish: Wish) -> dict[str, object]:
    """What the masks were drawn with, as plain values."""
    return {
        "strategy": wish.strategy.name,
        "parameters": dict(wish.strategy.values_for(wish.view.height, wish.view.width)),
        "seed": wish.seed,
        "count": wish.count,
        "width": wish.view.width,
        "height": wish.view.height,
    }
