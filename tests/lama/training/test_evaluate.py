import json

import numpy as np
import pytest
from PIL import Image

from lama.__main__ import main
from lama.training.evaluate import Case, evaluate, make_cases, table
from lama.training.fills import FILLS


@pytest.fixture
def folder(tmp_path):
    y, x = np.mgrid[:90, :120]
    for i in range(3):
        bands = np.stack([x * 2, y * 2, 128 + 90 * np.sin(x / (5 + i))], 2).astype(np.uint8)
        Image.fromarray(bands).save(tmp_path / f"{i}.png")
    return tmp_path


@pytest.mark.parametrize("name", FILLS)
def test_fills_change_the_hole_only(name, picture, hole):
    filled = FILLS[name](picture.copy(), hole)
    assert filled.dtype == np.uint8
    assert np.array_equal(filled[~hole], picture[~hole])
    assert np.abs(filled[hole].astype(int) - picture[hole]).mean() < 60


def test_cases_are_square_seeded_and_at_most_half_hole(folder):
    cases = make_cases([folder], "thick", 64)
    assert [c.rgb.shape for c in cases] == [(64, 64, 3)] * 3
    assert all(0 < c.mask.mean() <= 0.5 for c in cases)
    again = make_cases([folder], "thick", 64)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(cases, again, strict=True))
    other = make_cases([folder], "thick", 64, seed=1)
    assert not all(np.array_equal(a.mask, b.mask) for a, b in zip(cases, other, strict=True))


def test_a_perfect_fill_has_perfect_numbers(folder):
    cases = make_cases([folder], "thick", 64)
    truth = {case.mask.tobytes(): case.rgb for case in cases}
    fills = {
        "truth": lambda rgb, mask: truth[mask.tobytes()],
        "grey": lambda r, m: np.full_like(r, 99),
    }
    holed = [Case(c.path, c.rgb, c.mask) for c in cases]
    report, pictures = evaluate(holed, fills, ["l1", "psnr", "ssim", "lpips-alex"])
    best = report["truth"]["mean"]
    assert best["l1"] == 0
    assert best["psnr"] == pytest.approx(100)
    assert best["ssim"] == pytest.approx(1, abs=1e-4)
    assert best["lpips-alex"] == pytest.approx(0, abs=1e-5)
    assert report["grey"]["mean"]["l1"] > 0.05
    assert sum(b["n"] for b in report["grey"]["buckets"].values()) == 3
    assert "**0.0000**" in table(report).splitlines()[2]
    assert np.array_equal(pictures["truth"][0], cases[0].rgb)


def test_command_writes_a_report_and_a_sheet(folder, tmp_path, capsys):
    out = tmp_path / "out" / "report.json"
    arguments = ["evaluate", "--photos", str(folder), "--size", "64", "--output", str(out)]
    assert main([*arguments, "--metrics", "l1", "--fills", "telea", "--limit", "2"]) == 0
    report = json.loads(out.read_text())
    assert report["photos"] == 2
    assert set(report["methods"]) == {"telea", "lama-tiny"}
    assert Image.open(out.with_suffix(".png")).size == (4 * 64, 2 * 64)
    assert "| telea |" in capsys.readouterr().out
    assert main([*arguments, "--metrics", "beauty"]) == 2
    assert main([*arguments, "--fills", "magic"]) == 2
