from pathlib import Path

import numpy as np

from lama.training.cases import Case, Cell
from lama.training.gallery import FEWEST_ROWS, ROWS, WORST, Gallery


def shown(gaps, size=40):
    gallery = Gallery()
    for i, gap in enumerate(gaps):
        rgb = np.full((size, size, 3), i, np.uint8)
        mask = np.zeros((size, size), bool)
        mask[5:9, 5:9] = True
        case = Case(Path(f"{i}.png"), Cell("thick", size), rgb, mask)
        values = {
            "poor": {"lpips-alex": 0.9},
            "best": {"lpips-alex": 0.3},
            "model": {"lpips-alex": 0.3 + gap},
        }
        gallery.add(case, dict.fromkeys(values, rgb), values, ["model"])
    return gallery


def test_worst_are_those_behind_the_best_classical_fill():
    gaps = [0.0, 0.5, -0.2, 0.1, 0.4, 0.3, 0.2, -0.1]
    gallery = shown(gaps)
    found = [exhibit.case.path.name for _, _, exhibit in gallery.worst["model"]]
    assert found == ["1.png", "4.png", "5.png", "6.png", "3.png"]
    assert len(found) == WORST
    assert gallery.worst["model"][0][2].words == {
        "poor": "0.900",
        "best": "0.300",
        "model": "0.800",
    }
    sheet = gallery.worst_sheet("model")
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] == 5 * 40 + 4 * 6
    assert (sheet[23:60, -40:] == 1).all(), "the first row is photo 1, and ends in the photo itself"


def test_ties_and_missing_rivals_are_no_trouble():
    assert len(shown([0.1] * 9).worst["model"]) == WORST
    gallery = Gallery()
    rgb = np.zeros((32, 32, 3), np.uint8)
    case = Case(Path("a.png"), Cell("thick", 32), rgb, rgb[..., 0] == 0)
    gallery.add(case, {"model": rgb}, {"model": {"l1": 0.1}}, ["model"])
    assert gallery.worst == {}
    assert gallery.sheet().shape[1] == 3 * 32 + 2 * 6


def test_sheets_of_large_pictures_have_fewer_rows():
    assert len(shown([0.0] * 20, 256).first) == ROWS
    assert len(shown([0.0] * 20, 1024).first) == FEWEST_ROWS
