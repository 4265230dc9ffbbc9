import json

import numpy as np
import pytest
from PIL import Image

import masks
from lama.__main__ import main
from lama.files import code_digest, sha256_file
from lama.training.cache import Cache
from lama.training.cases import Case, Cell, cases, cells
from lama.training.evaluate import EvalConfig, Method, classical, evaluate, learned
from lama.training.report import by_size, gains, markdown, summarise, table
from tests.lama.training.toy import bomb

METRICS = ["l1", "psnr", "ssim", "lpips-alex", "kid-efficientnet-lite0", "kid-vgg16"]


def bands(i):
    y, x = np.mgrid[:90, :120]
    return np.stack([x * 2, y * 2, 128 + 90 * np.sin(x / (5 + i))], 2).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(3):
        Image.fromarray(bands(i)).save(photos / f"{i}.png")
    return photos


def grey(rgb, _mask):
    return np.full_like(rgb, 99)


def evaluate_on(folders, wanted, methods, names, *, cache=None, **options):
    return evaluate(EvalConfig(folders, wanted, names, **options), methods, cache)


def test_cases_are_square_seeded_and_at_most_half_hole():
    wanted = cells(["thick", "medium"], [64, 48])
    assert [str(cell) for cell in wanted] == ["thick-64", "thick-48", "medium-64", "medium-48"]

    def draw(number=0, seed=0):
        return list(cases("a.png", bands(0), number, wanted, seed))

    drawn = draw()
    assert not any(c.enlarged for c in drawn)
    assert next(cases("a.png", bands(0), 0, cells(["thick"], [96]), 0)).enlarged
    assert [c.rgb.shape for c in drawn] == [(64, 64, 3), (48, 48, 3)] * 2
    assert all(0 < c.mask.mean() <= 0.5 for c in drawn)
    low, high = drawn[0].bucket.removesuffix(" %").split("-")
    assert int(low) <= drawn[0].mask.mean() * 100 < int(high)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(drawn, draw(), strict=True))
    for other in (draw(number=1), draw(seed=1)):
        assert not all(np.array_equal(a.mask, b.mask) for a, b in zip(drawn, other, strict=True))


def test_impossible_tasks_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="wide"):
        cells(["nonsense"], [256])
    with pytest.raises(ValueError, match="32 at least"):
        cells(["thick"], [16])
    assert cells(["thick", "thin", "thick"], [64, 64]) == [Cell("thick", 64), Cell("thin", 64)]
    with pytest.raises(ValueError, match="telea"):
        classical(["magic"])
    everything = np.ones((64, 64), bool)
    monkeypatch.setattr("masks.get", lambda _: lambda rgb, rng: everything)
    with pytest.raises(ValueError, match="take another strategy"):
        next(cases("a.png", bands(0), 0, [Cell("thick", 64)], 0))


def test_a_perfect_fill_has_perfect_numbers(folder):
    truth = {}
    for number, path in enumerate(sorted(folder.iterdir())):
        for case in cases(path, np.asarray(Image.open(path)), number, [Cell("thick", 64)], 0):
            truth[case.mask.tobytes()] = case.rgb
    methods = [
        Method("truth", lambda rgb, mask: truth[mask.tobytes()], facts={"sha256": "0"}),
        Method("grey", grey),
    ]
    results = evaluate_on([folder], [Cell("thick", 64)], methods, METRICS)
    report = summarise(results, methods, {})
    cell = report["cells"][0]
    best = cell["methods"]["truth"]["mean"]
    assert cell["n"] == 3
    assert best["l1"] == 0
    assert best["psnr"] == pytest.approx(100)
    assert best["ssim"] == pytest.approx(1, abs=1e-4)
    assert best["lpips-alex"] == pytest.approx(0, abs=1e-5)
    assert best["kid-efficientnet-lite0"] == pytest.approx(0, abs=1e-9)
    worse = cell["methods"]["grey"]
    assert worse["mean"]["l1"] > 0.05
    assert worse["mean"]["kid-efficientnet-lite0"] > 0
    assert best["kid-vgg16"] == pytest.approx(0, abs=1e-6)
    assert worse["mean"]["kid-vgg16"] > 0
    assert [note.split(":")[0] for note in report["notes"]] == METRICS[-2:]
    assert sum(b["n"] for b in worse["buckets"].values()) == 3
    assert [row["file"] for row in worse["photos"]] == ["0.png", "1.png", "2.png"]
    assert "**0.0000** ± 0.0000" in table(cell["methods"]).splitlines()[2]
    assert "**0.0000**" in table(cell["methods"]).splitlines()[2]
    assert "| truth | thick 64 | -100.0% (grey, 3 of 3 photos)" in gains(report)


def test_models_are_compared_by_size(folder):
    methods = [Method("a", grey, facts={"sha256": "1"}), Method("b", grey, facts={"sha256": "2"})]
    results = evaluate_on([folder], cells(["thick"], [64, 48]), methods, ["l1"], limit=2)
    report = summarise(results, methods, {})
    lines = by_size(report).splitlines()
    assert lines[0] == "| model | holes | metric | 48 px | 64 px |"
    assert len(lines) == 4
    l1 = report["cells"][1]["methods"]["a"]["mean"]["l1"]
    assert f"| a | thick | l1 | {l1:.4f} |" in lines[2]
    assert "Models by size" in markdown(report)
    assert "photos (n = 2)" not in markdown(report), "one folder is the whole cell"
    assert "best classical" not in markdown(report)


def test_folders_are_told_apart(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(bands(7)).save(other / "7.png")
    methods = [Method("grey", grey)]
    results = evaluate_on([folder, other], [Cell("thick", 48)], methods, ["l1"])
    report = summarise(results, methods, {})
    groups = report["cells"][0]["methods"]["grey"]["folders"]
    assert {name: group["n"] for name, group in groups.items()} == {"photos": 3, "other": 1}
    rows = report["cells"][0]["methods"]["grey"]["photos"]
    assert groups["other"]["l1"] == rows[3]["l1"]
    assert "| l1 | other (n = 1) | photos (n = 3) |" in markdown(report)


def test_unreadable_photos_are_left_out(folder, caplog):
    (folder / "1.png").write_bytes(b"not a picture")
    results = evaluate_on([folder], [Cell("thick", 48)], [Method("grey", grey)], ["l1"])
    assert [row.file for row in results[Cell("thick", 48)].rows] == ["0.png", "2.png"]
    assert "1.png" in caplog.text
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 3 photos"):
        evaluate_on([folder], [Cell("thick", 48)], [Method("grey", grey)], ["l1"])


def test_a_photo_that_is_far_too_large_is_left_out(folder, caplog):
    (folder / "1.png").write_bytes(bomb())
    results = evaluate_on([folder], [Cell("thick", 48)], [Method("grey", grey)], ["l1"])
    assert [row.file for row in results[Cell("thick", 48)].rows] == ["0.png", "2.png"]
    assert "1.png" in caplog.text


@pytest.mark.parametrize("share", range(0, 101, 10))
def test_a_share_on_an_edge_is_in_the_bucket_that_the_masks_are_counted_in(share):
    mask = np.zeros((10, 20), bool)
    mask.flat[: 2 * share] = True
    low = 10 * masks.ops.area_bucket(share / 100)
    assert Case("a.png", Cell("thick", 20), mask, mask).bucket == f"{low}-{low + 10} %"


def test_distances_of_sets_alone_can_be_reported(folder, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    for i in (7, 8):
        Image.fromarray(bands(i)).save(other / f"{i}.png")
    arguments = ["evaluate", "--photos", str(folder), str(other), "--size", "48", "64"]
    arguments += ["--fills", "telea", "--metrics", "kid-efficientnet-lite0"]
    assert main([*arguments, "--output", str(tmp_path / "r.json")]) == 0
    printed = capsys.readouterr().out
    assert "| method | kid-efficientnet-lite0 | seconds |" in printed
    assert "Models by size" in printed
    assert "Folders:" not in printed, "one number for all of them"
    methods = json.loads((tmp_path / "r.json").read_text())["cells"][0]["methods"]
    assert methods["telea"]["folders"] == {"other": {"n": 2}, "photos": {"n": 3}}


def test_two_methods_need_two_names(folder):
    with pytest.raises(ValueError, match="same name"):
        evaluate_on([folder], [Cell("thick", 48)], [Method("a", grey), Method("a", grey)], ["l1"])


def test_what_is_kept_is_not_made_again_and_changes_nothing(folder, tmp_path):
    calls = []

    def counted(rgb, mask):
        calls.append(mask.shape)
        return grey(rgb, mask)

    def run(version, names=METRICS):
        methods = [Method("grey", counted, version)]
        results = evaluate_on(
            [folder], [Cell("thick", 48)], methods, names, cache=Cache(tmp_path / "kept")
        )
        means = summarise(results, methods, {})["cells"][0]["methods"]["grey"]["mean"]
        return means, len(calls)

    first, made = run("1", ["l1"])
    assert made == 3
    second, made = run("1")
    assert made == 3
    assert second["l1"] == first["l1"]
    assert run("1")[0] == second
    assert run("2")[1] == 6
    assert run(None)[1] == 9
    assert run(None)[1] == 12


def test_a_run_that_was_cut_off_goes_on(folder, tmp_path):
    calls = []

    def tired(rgb, mask):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return grey(rgb, mask)

    def run(cache):
        results = evaluate_on(
            [folder], [Cell("thick", 48)], [Method("grey", tired, "1")], ["l1"], cache=cache
        )
        return [row.values for row in results[Cell("thick", 48)].rows]

    with pytest.raises(KeyboardInterrupt):
        run(Cache(tmp_path / "kept"))
    whole = run(Cache(tmp_path / "kept"))
    assert len(calls) == 4
    assert run(Cache(None)) == whole


def test_models_with_one_file_name_get_their_folders_names(tmp_path, small_unet):
    from lama.checkpoint import save_checkpoint

    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        save_checkpoint(tmp_path / name / "generator.safetensors", small_unet, {})
    paths = [tmp_path / name / "generator.safetensors" for name in ("first", "second")]
    methods = learned(paths, "cpu", "fp32")
    assert [m.name for m in methods] == ["first/generator", "second/generator"]
    assert methods[0].facts["precision"] == "fp32"
    assert len(methods[0].facts["sha256"]) == 64


def test_command_writes_a_report_and_sheets(folder, tmp_path, capsys):
    out = tmp_path / "out" / "report.json"
    arguments = ["evaluate", "--photos", str(folder), "--output", str(out)]
    arguments += ["--size", "64", "96", "--strategy", "thick", "medium"]
    arguments += ["--cache", str(tmp_path / "kept"), "--limit", "2", "--fills", "telea"]
    assert main([*arguments, "--metrics", "l1", "lpips-alex"]) == 0
    report = json.loads(out.read_text())
    named = [(cell["strategy"], cell["size"]) for cell in report["cells"]]
    assert named == [("thick", 64), ("thick", 96), ("medium", 64), ("medium", 96)]
    assert set(report["cells"][0]["methods"]) == {"telea", "lama-tiny"}
    assert len(report["models"]["lama-tiny"]["sha256"]) == 64
    printed = capsys.readouterr().out
    assert out.with_suffix(".md").read_text() in printed
    assert "### thick, 96 px, 2 photos, 2 of them enlarged" in printed
    for cell, size in (("thick-64", 64), ("medium-96", 96)):
        for name in (f"report-{cell}.png", f"report-{cell}-worst-lama-tiny.png"):
            width, height = Image.open(out.with_name(name)).size
            assert width == 4 * size + 3 * 6
            assert height > 2 * size
    assert main([*arguments, "--metrics", "beauty"]) == 2
    assert main([*arguments, "--fills", "magic"]) == 2


def test_holes_of_a_folder_are_measured_and_their_sheets_written(folder, tmp_path):
    """The strategy's name is a path, and so may be a model's."""
    holes = tmp_path / "my holes"
    holes.mkdir()
    drawn = np.zeros((70, 90), np.uint8)
    drawn[20:50, 30:60] = 255
    Image.fromarray(drawn).save(holes / "0.png")
    out = tmp_path / "out" / "r.json"
    given = ["evaluate", "--photos", str(folder), "--output", str(out), "--size", "64"]
    given += ["--strategy", f"folder:{holes}", "--fills", "telea", "--metrics", "l1"]
    assert main(given) == 0
    sheets = sorted(path.name for path in out.parent.glob("*.png"))
    assert len(sheets) == 2
    assert all(name.startswith("r-folder-") and "my-holes-64" in name for name in sheets)


def test_a_report_says_what_it_was_measured_with(folder, tmp_path):
    out = tmp_path / "r.json"
    given = ["evaluate", "--photos", str(folder), "--output", str(out), "--size", "64"]
    assert main([*given, "--fills", "telea", "--metrics", "l1", "--limit", "2"]) == 0
    report = json.loads(out.read_text())
    assert report["limit"] == 2
    files = [folder / "0.png", folder / "1.png"]
    assert report["sha256"] == {str(path): sha256_file(path) for path in files}
    assert report["made_with"]["code"] == code_digest("lama", "masks")
    assert report["made_with"]["torch"].startswith("2.")


def test_a_fill_of_another_hole_is_not_taken_from_the_cache(folder, tmp_path):
    def run(seed, cache):
        methods = [Method("grey", grey, "1")]
        results = evaluate_on(
            [folder], [Cell("thick", 48)], methods, ["l1"], seed=seed, cache=cache
        )
        return [row.values for row in results[Cell("thick", 48)].rows]

    kept = Cache(tmp_path / "kept")
    assert run(0, kept) != run(1, kept)
    assert run(1, kept) == run(1, Cache(None))


def test_a_fill_that_works_in_place_spoils_nothing_for_the_others(folder):
    def blackens(rgb, _mask):
        rgb[:] = 0
        return rgb

    def measured(*methods):
        results = evaluate_on([folder], [Cell("thick", 48)], methods, ["l1"])
        return [row.values["grey"] for row in results[Cell("thick", 48)].rows]

    assert measured(Method("black", blackens), Method("grey", grey)) == measured(
        Method("grey", grey)
    )


def test_what_a_fill_does_outside_of_the_hole_is_not_measured(folder):
    def careful(rgb, mask):
        return np.where(mask[..., None], grey(rgb, mask), rgb)

    methods = [Method("everywhere", grey), Method("careful", careful)]
    results = evaluate_on([folder], [Cell("thick", 48)], methods, ["l1", "psnr", "ssim"])
    for row in results[Cell("thick", 48)].rows:
        assert row.values["everywhere"] == row.values["careful"]
