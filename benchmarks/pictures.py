"""The sheet of fills in the README: what should go is painted over, and each method fills it.

python -m benchmarks.pictures [--output docs/pictures/fills.jpg] [--model NAME_OR_PATH]

The photos are free ones (`assets/samples`, and scikit-image's own). The last row is a failure, and
stays in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from skimage import data

import lama
from benchmarks.method import inputs
from lama.photo import Photo, open_photo
from lama.photo_write import save_photo
from lama.training.cases import Case, Cell
from lama.training.fills import FILLS
from lama.training.gallery import Exhibit, contact_sheet
from masks.arguments import LeavingParser

SAMPLES = Path(__file__).parents[1] / "assets" / "samples"
METHODS = ("navier-stokes", "patchmatch", "exemplar")
SIDE = 256  # pixels of a picture in the sheet
Way = tuple[int, tuple[tuple[int, int], ...]]  # of a brush: its width, where it goes


def main() -> int:
    """Fill and draw."""
    parser = LeavingParser("python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("docs/pictures/fills.jpg"))
    parser.add_argument("--model", default="lama-tiny")
    options = parser.parse_args()
    with inputs():
        model = lama.load(options.model, precision="fp32")
    fills = {name: FILLS[name] for name in METHODS} | {model.name: model.fill}
    sheet = contact_sheet([_exhibit(name, fills) for name in PHOTOS])
    save_photo(Photo(sheet, "JPEG"), options.output)
    print(f"written: {options.output}")
    return 0


def _exhibit(name: str, fills: dict[str, Callable[..., np.ndarray]]) -> Exhibit:
    photo, (top, left, side), ways = PHOTOS[name]()
    rgb = np.ascontiguousarray(photo[top : top + side, left : left + side])
    drawn = np.zeros(photo.shape[:2], np.uint8)
    for width, way in ways:
        cv2.polylines(drawn, [np.array(way, np.int32)], False, 1, width, cv2.LINE_AA)
    mask = drawn[top : top + side, left : left + side] > 0
    pictures = {title: _small(fill(rgb.copy(), mask)) for title, fill in fills.items()}
    hole = cv2.resize(mask.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0
    case = Case(Path(name), Cell("drawn", SIDE), _small(rgb), hole)
    return Exhibit(case, pictures, {})


def _small(rgb: np.ndarray) -> np.ndarray:
    return cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _rocket() -> tuple[np.ndarray, tuple[int, int, int], tuple[Way, ...]]:
    left = ((24, ((201, 118), (200, 200))), (46, ((199, 196), (192, 372))))
    right = ((24, ((447, 118), (448, 200))), (46, ((449, 196), (459, 372))))
    return open_photo(SAMPLES / "rocket.jpg").rgb, (0, 106, 427), (*left, *right)


def _astronaut() -> tuple[np.ndarray, tuple[int, int, int], tuple[Way, ...]]:
    shuttle = (95, ((418, 0), (414, 160)))
    wings = (60, ((380, 200), (450, 200), (450, 235), (380, 235)))
    return data.astronaut(), (0, 0, 512), (shuttle, wings, (40, ((385, 270), (455, 270))))


def _brick() -> tuple[np.ndarray, tuple[int, int, int], tuple[Way, ...]]:
    grey = data.brick()
    return np.repeat(grey[..., None], 3, axis=2), (0, 0, 512), ((110, ((120, 400), (380, 130))),)


def _coffee() -> tuple[np.ndarray, tuple[int, int, int], tuple[Way, ...]]:
    bowl = (80, ((366, 270), (364, 292)))
    handle = (30, ((372, 250), (392, 200), (405, 140), (412, 76)))
    return open_photo(SAMPLES / "coffee.jpg").rgb, (0, 100, 400), (bowl, handle)


PHOTOS = {"rocket": _rocket, "astronaut": _astronaut, "brick": _brick, "coffee": _coffee}

if __name__ == "__main__":
    sys.exit(main())
