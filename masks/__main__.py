"""Masks from the command line: a contact sheet, or one file per mask.

python -m masks --strategy wide --count 16 --size 512x512 --seed 0 --output sheet.png
python -m masks --strategy thick --image photo.jpg --parameter max_width=120 --output masks/
python -m masks --fit FOLDER_OF_MASKS --output mine.json
python -m masks --precompute photos/ --seed 0 --output masks/
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import masks
from masks import files, fitted, folders, preview, seeding
from masks.arguments import Parser, line
from masks.base import Image, Mask, check_size
from masks.ops import within
from masks.parameter import Number
from masks.statistics import SetStatistics, summarize

SHEET_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
TILE = 256
USED: dict[str, tuple[str, ...]] = {
    "list": (),
    "fit": ("output",),
    "precompute": ("output", "seed", "parameter"),
}
"""What does something else than drawing, and the flags that change it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 after one line about bad input."""
    try:
        print(_answer(_parser(), arguments))
    except (ValueError, OSError) as error:
        print(f"masks: {line(error)}", file=sys.stderr)
        return 2
    except MemoryError:
        print("masks: there is not enough memory: ask for fewer or smaller masks", file=sys.stderr)
        return 2
    return 0


def _answer(parser: Parser, arguments: Sequence[str] | None) -> str:
    options = parser.parse_args(arguments)
    given = [name for name in vars(options) if getattr(options, name) != parser.get_default(name)]
    for verb, used in USED.items():
        foreign = [name for name in given if name not in (verb, *used)]
        if verb in given and foreign:
            raise ValueError(f"--{foreign[0]} does nothing with --{verb}: leave it out")
    if options.list:
        return _listing()
    if options.fit:
        return _fit(options.fit, options.output)
    return _precompute(options) if options.precompute else _run(options)


def _parser() -> Parser:
    parser = Parser(prog="python -m masks", description="Draw masks (holes) for a picture.")
    parser.add_argument(
        "--strategy",
        default="wide",
        help=f"{', '.join(masks.names())} (default wide), fitted:FILE.json or folder:DIR",
    )
    parser.add_argument("--count", type=int, default=16, help="how many masks (default 16)")
    parser.add_argument(
        "--size", help="WIDTHxHEIGHT in pixels; default 512x512, or the picture's own size"
    )
    parser.add_argument(
        "--image", type=Path, help="the photo under the masks; a drawn landscape without it"
    )
    parser.add_argument("--seed", type=int, default=0, help="same seed, same masks (default 0)")
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a parameter of the strategy; may be given several times (see --list)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("sheet.png"),
        help="a .png, .jpg or .webp file for a contact sheet (default sheet.png), or a new "
        "folder for one PNG per mask",
    )
    parser.add_argument(
        "--columns", type=int, help="overlays side by side on the sheet (default: near a square)"
    )
    parser.add_argument(
        "--tile", type=int, help=f"longer side of an overlay in pixels (default {TILE})"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--fit",
        type=Path,
        metavar="FOLDER",
        help="learn from the masks in a folder; --strategy fitted:FILE.json draws like them",
    )
    instead.add_argument(
        "--precompute",
        type=Path,
        metavar="PHOTOS",
        help="write all segmentation masks of a folder of photos, from its own annotation if it "
        "has one; take them with the strategy folder:DIR",
    )
    instead.add_argument("--list", action="store_true", help="list strategies and parameters")
    return parser


def _run(options: argparse.Namespace) -> str:
    masks.get(options.strategy)
    as_sheet = _is_sheet(options)
    for name, least in (("columns", 1), ("tile", 32)):
        value = getattr(options, name)
        if value is not None and not as_sheet:
            raise ValueError(f"--{name} does nothing without a sheet: leave it out")
        if value is not None and value < least:
            raise ValueError(f"--{name} is too small: {value}")
    tile = options.tile or TILE
    image = _picture(options.image, options.size)
    strategy = masks.get(options.strategy, **dict(_parameter(text) for text in options.parameter))
    areas: list[float] = []
    notes: Counter[str] = Counter()
    tiles: list[Mask] = []
    for item in seeding.each(strategy, image, options.count, options.seed):
        if as_sheet:
            tiles.append(preview.shrink_mask(item.mask, tile))
        else:
            name = f"{item.strategy_used.partition(':')[0]}_{len(areas):04d}.png"
            files.write_mask(options.output / name, item.mask)
        areas.append(float(item.mask.mean()))
        notes[item.note] += bool(item.note)
    if as_sheet:
        small, _ = within(image, tile)
        files.write_image(options.output, preview.sheet(small, tiles, options.columns, tile))
    told = [f"{n} of {len(areas)} masks: {note}" for note, n in sorted(notes.items()) if n]
    return "\n".join(
        [f"{options.output}: {_summary(options.strategy, image, summarize(areas))}", *told]
    )


def _is_sheet(options: argparse.Namespace) -> bool:
    """Whether the output is a contact sheet; otherwise it is a folder, which must be new."""
    output: Path = options.output
    if not output.is_dir() and output.suffix.lower() in SHEET_SUFFIXES:
        return True
    if not output.is_dir() and output.suffix:
        raise ValueError(f"{output}: a sheet ends in .png, .jpg or .webp; a folder has no suffix")
    files.check_new_folder(output)
    return False


def _fit(folder: Path, output: Path) -> str:
    """Fit a strategy to the masks in a folder, searched recursively, and write it."""
    if output.suffix != ".json":
        raise ValueError(f"--fit writes a .json file; name one with --output, not {output}")
    found = files.find_files(folder, recursive=True)
    if not found:
        raise ValueError(f"there is no picture of a mask in {folder}")
    output.parent.mkdir(parents=True, exist_ok=True)
    made = fitted.fit(files.read_mask(path) for path in found)
    made.save(output)
    return f"{output}: fitted to {made.masks} masks; --strategy fitted:{output} draws like them"


def _precompute(options: argparse.Namespace) -> str:
    if options.output.suffix and not options.output.is_dir():
        raise ValueError(f"{options.output}: --precompute writes into a folder, without a suffix")
    values = dict(_parameter(text) for text in options.parameter)
    made = folders.precompute(options.precompute, options.output, options.seed, values)
    if not made.masks:
        raise ValueError(f"no photo of {options.precompute} has an object that can be moved")
    share = sum(made.areas) / made.masks
    skipped = f" ({made.skipped} skipped)" if made.skipped else ""
    sources = ", ".join(map(str, made.sources)) or "a search, as there is no annotation"
    return (
        f"{options.output}: {made.masks} segmentation masks of {made.photos} photos{skipped}, "
        f"hole area mean {share:.1%}, objects from {sources}; use them as the strategy "
        f"folder:{options.output}"
    )


def _picture(path: Path | None, size: str | None) -> Image:
    shape = _size(size) if size else None
    if path is None:
        return masks.scene(*(shape or (512, 512)))
    image = files.read_image(path)
    return files.fit(image, *shape) if shape else image


def _size(text: str) -> tuple[int, int]:
    """Return (height, width) of a text such as 640x480."""
    match = re.fullmatch(r"(\d{1,6})[xX×](\d{1,6})", text.strip())
    if not match:
        raise ValueError(f"--size is WIDTHxHEIGHT in pixels, such as 640x480, not {text!r}")
    width, height = int(match[1]), int(match[2])
    check_size(height, width)
    return height, width


def _parameter(text: str) -> tuple[str, Number]:
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        equals, number = "", 0.0
    if not equals:
        raise ValueError(f"--parameter is NAME=NUMBER, such as max_width=80, not {text!r}")
    return name.strip(), number


def _summary(strategy: str, image: Image, summary: SetStatistics) -> str:
    height, width = image.shape[:2]
    return (
        f"{summary.count} '{strategy}' masks of {width} x {height}, hole area mean "
        f"{summary.mean:.1%}, median {summary.median:.1%}, "
        f"{summary.smallest:.1%} to {summary.largest:.1%}"
    )


def _listing() -> str:
    lines = []
    for name in masks.names():
        recipe = masks.recipe(name)
        lines += [f"{name}: {recipe.summary} ({recipe.source})"]
        small = {p.name: p.default for p in masks.parameters(name, short_side=256)}
        for p in masks.parameters(name):
            default = f"{p.default:g}"
            if small[p.name] != p.default:
                default = f"{small[p.name]:g} up to 384 px, else {p.default:g}"
            lines.append(f"    {p.name}={default}  [{p.minimum:g} to {p.maximum:g}] {p.help}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
