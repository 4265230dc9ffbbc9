"""The Python and the command line that give exactly the masks of a wish again."""

import shlex

from masks.base import Number
from space.mask_lab.wishes import Wish

FOLDER = "masks-out"


def python(wish: Wish) -> str:
    """A script whose `holes` are the masks, bool (H, W) each."""
    values = "".join(f", {name}={_number(value)}" for name, value in wish.values.items())
    lines = ["import masks", ""]
    if wish.view.handle is None:
        lines.append(f"image = masks.scene(height={wish.view.height}, width={wish.view.width})")
    else:
        if not wish.view.readable:
            lines.append("# Save the photo as PNG first: OpenCV does not read this file as it is.")
        lines.append(f"image = masks.read_image({wish.view.handle.name!r})")
    lines += [
        f'drawn = masks.generate("{wish.strategy.name}", image, count={wish.count}, '
        f"seed={wish.seed}{values})",
        "holes = [item.mask for item in drawn]  # bool (H, W), True = hole",
    ]
    return "\n".join(lines)


def command(wish: Wish, output: str = FOLDER) -> str:
    """A shell command that writes the masks as PNG files into a folder."""
    words = ["python", "-m", "masks", "--strategy", wish.strategy.name]
    words += ["--count", str(wish.count), "--seed", str(wish.seed)]
    if wish.view.handle is None:
        words += ["--size", f"{wish.view.width}x{wish.view.height}"]
    else:
        words += ["--image", wish.view.handle.name]
    for name, value in wish.values.items():
        words += ["--parameter", f"{name}={_number(value)}"]
    return shlex.join([*words, "--output", output])


def _number(value: Number) -> str:
    return repr(round(value, 6)) if isinstance(value, float) else str(value)
