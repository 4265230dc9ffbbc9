import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import masks
from masks import files, seeding
from masks.__main__ import main
from tests.masks.scenes import desk


def test_the_command_of_the_manual_makes_a_sheet(tmp_path, capsys):
    out = tmp_path / "sheet.png"
    code = main(
        [
            "--strategy",
            "wide",
            "--count",
            "16",
            "--size",
            "512x512",
            "--seed",
            "0",
            "--output",
            str(out),
        ]
    )
    assert code == 0
    assert cv2.imread(str(out)).shape == (4 * 262 + 6, 4 * 262 + 6, 3)
    assert "16 'wide' masks of 512 x 512, hole area mean" in capsys.readouterr().out


def test_a_folder_gets_the_masks_that_python_gives(tmp_path):
    image, _ = desk(120, 200)
    files.write_image(tmp_path / "photo.png", image)
    arguments = ["--strategy", "segmentation", "--count", "3", "--seed", "5"]
    arguments += ["--parameter", "max_hidden_area=0.1", "--parameter", "flip=0"]
    assert (
        main(
            [*arguments, "--image", str(tmp_path / "photo.png"), "--output", str(tmp_path / "out")]
        )
        == 0
    )
    expected = masks.generate("segmentation", image, 3, 5, max_hidden_area=0.1, flip=0)
    for k, item in enumerate(expected):
        read = cv2.imread(str(tmp_path / "out" / f"segmentation_{k:04d}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(read > 0, item.mask)


def test_size_is_width_by_height_and_fits_the_photo(tmp_path):
    files.write_image(tmp_path / "photo.png", desk(120, 200)[0])
    arguments = ["--count", "1", "--size", "96x64", "--output", str(tmp_path / "out")]
    assert main([*arguments, "--image", str(tmp_path / "photo.png")]) == 0
    assert cv2.imread(str(tmp_path / "out" / "wide_0000.png"), -1).shape == (64, 96)


def test_a_fallback_is_told(tmp_path, capsys):
    out = str(tmp_path / "sheet.png")
    files.write_image(tmp_path / "grey.png", np.full((90, 90, 3), 128, np.uint8))
    arguments = ["--strategy", "segmentation", "--count", "2", "--output", out]
    assert main([*arguments, "--image", str(tmp_path / "grey.png")]) == 0
    told = capsys.readouterr().out
    assert "2 of 2 masks: " in told
    assert "'medium' drew this mask" in told
    arguments = [*arguments[:-1], str(tmp_path / "out"), "--image", str(tmp_path / "grey.png")]
    assert main(arguments) == 0
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "medium_0000.png", "medium_0001.png"
    ]  # fmt: skip


def test_masks_of_two_runs_do_not_mix(tmp_path, capsys):
    out = tmp_path / "run.1"
    out.mkdir()
    arguments = ["--count", "3", "--size", "40x32", "--output", str(out)]
    assert main(arguments) == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert main([*arguments, "--seed", "1", "--count", "2"]) == 2
    assert "run.1 holds something already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_a_folder_may_be_called_like_a_file(tmp_path):
    files.write_image(tmp_path / "photos" / "a.png", desk(120, 153)[0])
    for name in ("a.png", "b.1"):
        (tmp_path / name).mkdir()
    assert main(["--count", "1", "--size", "40x32", "--output", str(tmp_path / "a.png")]) == 0
    assert [path.name for path in (tmp_path / "a.png").iterdir()] == ["wide_0000.png"]
    assert main(["--precompute", str(tmp_path / "photos"), "--output", str(tmp_path / "b.1")]) == 0
    assert (tmp_path / "b.1" / "masks.csv").exists()


def test_masks_are_written_as_they_are_drawn(tmp_path, monkeypatch, capsys):
    write, written = files.write_mask, []

    def once(path, mask):
        if written:
            raise MemoryError
        written.append(path)
        write(path, mask)

    monkeypatch.setattr(files, "write_mask", once)
    monkeypatch.setattr(seeding, "draw", lambda *_: pytest.fail("all are drawn before one is kept"))
    out = tmp_path / "out"
    assert main(["--count", "5", "--size", "40x32", "--output", str(out)]) == 2
    assert list(out.iterdir()) == written
    error = capsys.readouterr().err
    assert "not enough memory" in error
    assert error.count("\n") == 1


def test_the_list_names_every_strategy_and_parameter(capsys):
    assert main(["--list"]) == 0
    listing = capsys.readouterr().out
    for name in masks.names():
        assert f"\n{name}: " in "\n" + listing
        for p in masks.parameters(name):
            assert f" {p.name}=" in listing


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--strategy", "wude"], "there is no mask strategy 'wude'"),
        (["--count", "0"], "count must be"),
        (["--seed", "-1"], "seed must be"),
        (["--size", "512"], "--size is WIDTHxHEIGHT"),
        (["--size", "8x512"], "8 x 512 pixels"),
        (["--parameter", "max_width"], "--parameter is NAME=NUMBER"),
        (["--parameter", "max_width=wide"], "--parameter is NAME=NUMBER"),
        (["--parameter", "max_width=0"], "max_width must be a whole number from 1 to 500"),
        (
            ["--strategy", "thick", "--size", "256x256", "--parameter", "min_side=200"],
            "min_side (200) is above max_side (150) on a picture of 256 x 256 pixels",
        ),
        (["--parameter", "brush=3"], "'wide' has no parameter 'brush'"),
        (["--parameter", "seed=3"], "'wide' has no parameter 'seed'"),
        (["--image", "nowhere.jpg"], "nowhere.jpg cannot be read"),
        (["--output", "masks.gif"], "a sheet ends in .png"),
        (["--tile", "3"], "--tile is too small"),
        (["--columns", "0"], "--columns is too small"),
        (["--columns", "3", "--output", "out"], "--columns does nothing without a sheet"),
        (["--tile", "99", "--output", "out"], "--tile does nothing without a sheet"),
        (["--list", "--count", "3"], "--count does nothing with --list"),
        (["--fit", "m", "--output", "f.json", "--seed", "3"], "--seed does nothing with --fit"),
        (["--precompute", "p", "--size", "64x64"], "--size does nothing with --precompute"),
        (["--precompute", "p", "--fit", "m"], "--fit: not allowed with argument --precompute"),
        (["--list", "--fit", "m"], "--fit: not allowed with argument --list"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, complaint, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_parameter_counts_by_the_size_of_the_picture(tmp_path, capsys):
    given = ["--strategy", "thick", "--size", "512x512", "--parameter", "min_side=200"]
    assert main([*given, "--count", "1", "--output", str(tmp_path / "sheet.png")]) == 0, (
        capsys.readouterr().err
    )


def test_errors_of_the_system_get_one_line_too(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for arguments in (
        ["--fit", str(tmp_path), "--output", str(tmp_path / "file" / "mine.json")],
        ["--count", "1", "--output", str(tmp_path / "file" / "sheet.png")],
        ["--count", "1", "--output", str(tmp_path / "file" / "folder")],
    ):
        files.write_mask(tmp_path / "mask.png", desk(40, 51)[1] > 0)
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert "file" in error
        assert error.count("\n") == 1


def test_it_runs_as_a_module(tmp_path):
    command = [sys.executable, "-m", "masks", "--count", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_the_manual_documents_every_strategy_and_parameter():
    manual = (Path(__file__).parents[2] / "docs" / "masks.md").read_text()
    for name in masks.names():
        assert f"| `{name}` |" in manual
        assert (Path(__file__).parents[2] / "docs" / "masks" / f"{name}.png").exists()
        for p in masks.parameters(name):
            assert f"`{p.name}`" in manual
    for flag in (
        "--strategy",
        "--count",
        "--size",
        "--image",
        "--seed",
        "--parameter",
        "--output",
        "--columns",
        "--tile",
        "--list",
    ):
        assert flag in manual


def test_fit_to_a_folder_and_draw_like_it(tmp_path, capsys):
    folder = tmp_path / "mine"
    assert (
        main(["--strategy", "thick", "--count", "5", "--size", "80x64", "--output", str(folder)])
        == 0
    )
    (folder / "._thick_0000.png").write_bytes(b"Mac OS X")
    learned = tmp_path / "mine.json"
    assert main(["--fit", str(folder), "--output", str(learned)]) == 0
    assert "fitted to 5 masks" in capsys.readouterr().out
    again = ["--strategy", f"fitted:{learned}", "--count", "2", "--size", "80x64"]
    assert main([*again, "--output", str(tmp_path / "drawn")]) == 0
    assert [path.name for path in sorted((tmp_path / "drawn").iterdir())] == [
        "fitted_0000.png", "fitted_0001.png"
    ]  # fmt: skip
    assert main(["--fit", str(folder), "--output", str(tmp_path / "new" / "mine.json")]) == 0
    assert (tmp_path / "new" / "mine.json").read_bytes() == learned.read_bytes()
    assert main(["--fit", str(folder), "--output", str(learned / "mine.json")]) == 2
    assert main(["--fit", str(folder), "--output", str(tmp_path / "no.png")]) == 2
    assert main(["--fit", str(tmp_path / "empty"), "--output", str(learned)]) == 2
