import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lama
from lama.__main__ import main
from lama.batch import _mask_for, inpaint_files
from lama.compiled import int8_works
from lama.photo import open_photo
from masks.ops import grown


def invert(rgb, _mask):
    return 255 - rgb


@pytest.fixture
def folder(tmp_path, picture, hole):
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    photos.mkdir()
    masks.mkdir()
    for name in ("a.png", "b.jpg", "c.webp"):
        Image.fromarray(picture).save(photos / name)
    for name in ("a.png", "b.png"):
        Image.fromarray(hole).save(masks / name)
    return tmp_path


def test_one_photo(folder, picture, hole):
    out = folder / "out.png"
    inpaint_files(invert, folder / "photos/a.png", folder / "masks/a.png", out)
    result = open_photo(out).rgb
    assert np.array_equal(result[~hole], picture[~hole])
    assert np.array_equal(result[hole], 255 - picture[hole])


def test_noise_of_a_mask_that_is_a_jpeg_is_not_filled(folder, picture, hole):
    drawn = Image.fromarray(hole.astype(np.uint8) * 255)
    drawn.save(folder / "mask.jpg", quality=75)
    assert (np.asarray(Image.open(folder / "mask.jpg")) > 0).sum() > 1.05 * hole.sum()
    inpaint_files(invert, folder / "photos/a.png", folder / "mask.jpg", folder / "out.png")
    changed = (open_photo(folder / "out.png").rgb != picture).any(axis=2)
    assert (changed != hole).mean() < 0.01
    code = main(
        [
            *("inpaint", str(folder / "photos/a.png"), "--mask", str(folder / "mask.jpg")),
            *("--output", str(folder / "cli.png"), "--precision", "fp32"),
        ]
    )
    assert code == 0
    by_cli = (open_photo(folder / "cli.png").rgb != picture).any(axis=2)
    assert not (by_cli & ~changed).any()


def test_a_folder_goes_on_after_a_failure(folder):
    outcome = inpaint_files(invert, folder / "photos", folder / "masks", folder / "out")
    assert outcome.filled == 2
    assert [(p.name, why) for p, why in outcome.failed] == [("c.webp", "no mask named c")]
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["a.png", "b.png"]


def test_no_failure_of_one_photo_ends_the_others(folder, picture):
    Image.fromarray(picture[:-3]).save(folder / "photos" / "a.png")

    def breaks(rgb, _mask):
        if len(rgb) != len(picture):
            raise RuntimeError("CUDA out of memory.\n  Tried to allocate")
        return 255 - rgb

    Image.fromarray(np.eye(*picture[:-3].shape[:2], dtype=np.uint8) * 255).save(
        folder / "masks" / "a.png"
    )
    outcome = inpaint_files(breaks, folder / "photos", folder / "masks", folder / "out")
    assert outcome.filled == 1
    assert ("a.png", "CUDA out of memory. Tried to allocate") in [
        (path.name, why) for path, why in outcome.failed
    ]


def test_what_a_system_leaves_among_photos_is_no_photo(folder):
    for place in ("photos", "masks"):
        (folder / place / "._a.png").write_bytes(b"Mac OS X")
    outcome = inpaint_files(invert, folder / "photos", folder / "masks", folder / "out")
    assert [path.name for path, _ in outcome.failed] == ["c.webp"]


def test_masks_are_found_by_their_whole_name(tmp_path, picture, hole):
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    photos.mkdir()
    masks.mkdir()
    for number, name in enumerate(("a", "a.b", "img[1]", "*")):
        Image.fromarray(picture).save(photos / f"{name}.png")
        Image.fromarray(np.roll(hole, number, axis=0)).save(masks / f"{name}.png")
    outcome = inpaint_files(invert, photos, masks, tmp_path / "out")
    assert (outcome.filled, outcome.failed) == (4, [])
    for number, name in enumerate(("a", "a.b", "img[1]", "*")):
        changed = (open_photo(tmp_path / "out" / f"{name}.png").rgb != picture).any(axis=2)
        assert np.array_equal(changed, np.roll(hole, number, axis=0)), name


def test_one_photo_takes_its_mask_from_a_folder(folder, picture, hole):
    inpaint_files(invert, folder / "photos/b.jpg", folder / "masks", folder / "out.png")
    assert (open_photo(folder / "out.png").rgb != open_photo(folder / "photos/b.jpg").rgb).any()
    with pytest.raises(ValueError, match="no mask named c"):
        inpaint_files(invert, folder / "photos/c.webp", folder / "masks", folder / "c.png")


def test_of_several_masks_the_one_with_the_photos_suffix_is_taken(folder, picture, hole):
    Image.fromarray(np.roll(hole, 9, axis=1)).save(folder / "masks/a.tif")
    inpaint_files(invert, folder / "photos/a.png", folder / "masks", folder / "out.png")
    changed = (open_photo(folder / "out.png").rgb != picture).any(axis=2)
    assert np.array_equal(changed, hole)
    (folder / "masks/a.png").rename(folder / "masks/a.bmp")
    with pytest.raises(ValueError, match=r"a\.bmp and a\.tif could both be its mask"):
        inpaint_files(invert, folder / "photos/a.png", folder / "masks", folder / "out.png")


def test_photos_that_would_share_a_result_are_refused(folder, picture):
    Image.fromarray(picture).save(folder / "photos/a.tif")
    with pytest.raises(ValueError, match=r"a\.png and a\.tif .* would have one result, a\.png"):
        inpaint_files(invert, folder / "photos", folder / "masks/a.png", folder / "out")
    assert not (folder / "out").exists()


def test_one_photo_does_not_replace_another(folder, picture):
    Image.fromarray(picture).save(folder / "photos/other.jpg")
    (folder / "photos/other.png").write_bytes(b"somebody else's")
    with pytest.raises(ValueError, match="would be overwritten"):
        inpaint_files(
            invert, folder / "photos/other.jpg", folder / "masks/a.png", folder / "photos"
        )
    assert (folder / "photos/other.png").read_bytes() == b"somebody else's"


def test_originals_are_never_overwritten(folder, monkeypatch):
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    photos, masks = folder / "photos", folder / "masks"
    (folder / "link").symlink_to(photos)
    monkeypatch.chdir(photos)
    for image, mask, output in (
        (photos, masks, photos),
        (photos, masks, folder / "link"),
        (photos, masks, folder / "photos/../photos"),
        (photos, masks, masks),
        (photos / "a.png", masks / "a.png", photos),
        (photos / "a.png", masks / "a.png", photos / "a.png"),
        (photos / "a.png", masks / "a.png", masks / "a.png"),
        (photos / "a.png", masks, masks),
    ):
        with pytest.raises(ValueError, match="would be overwritten"):
            inpaint_files(invert, image, mask, output)
    os.utime(photos / "a.png")  # newer than what would be its result
    outcome = inpaint_files(invert, photos, masks / "a.png", masks)
    assert ["a.png" for p, why in outcome.failed if "would be overwritten" in why] == ["a.png"]
    assert (masks / "a.png").read_bytes() == before[masks / "a.png"]
    del before[masks / "b.png"]  # this one is a result now
    assert {p: p.read_bytes() for p in before} == before


def test_a_photo_that_is_gone_does_not_end_the_others(folder):
    (folder / "photos/b2.png").symlink_to(folder / "nowhere.png")
    (folder / "o").mkdir()
    (folder / "o/b2.png").write_bytes(b"a result from when it was there")
    outcome = inpaint_files(invert, folder / "photos", folder / "masks/a.png", folder / "o")
    assert outcome.filled == 3
    assert [p.name for p, _ in outcome.failed] == ["b2.png"]


def test_one_mask_for_all(folder):
    outcome = inpaint_files(invert, folder / "photos", folder / "masks/a.png", folder / "o")
    assert outcome.filled == 3


def test_a_second_run_makes_only_what_is_missing_or_old(folder):
    places = folder / "photos", folder / "masks/a.png", folder / "o"
    inpaint_files(invert, *places)
    (folder / "o/b.png").unlink()
    (folder / "o/c.png").write_bytes((folder / "o/c.png").read_bytes()[:20])  # another program's
    for path in (folder / "photos").iterdir():  # when something was written says little
        os.utime(path)
    outcome = inpaint_files(invert, *places, workers=2)
    assert (outcome.filled, outcome.already) == (2, 1)
    assert inpaint_files(invert, *places).already == 3


def test_results_of_other_weights_are_made_anew(folder, picture, hole):
    places = folder / "photos", folder / "masks/a.png", folder / "o"
    inpaint_files(invert, *places, made_with="a full fp32")
    before = (folder / "o/a.png").read_bytes()

    def black(rgb, _mask):
        return np.zeros_like(rgb)

    assert inpaint_files(black, *places, made_with="a full fp32").already == 3
    assert (folder / "o/a.png").read_bytes() == before
    assert inpaint_files(black, *places, made_with="b full fp32").filled == 3
    assert not open_photo(folder / "o/a.png").rgb[hole].any()
    Image.fromarray(picture).save(folder / "o/a.png")  # an old result, which does not say
    outcome = inpaint_files(black, *places, made_with="b full fp32")
    assert (outcome.filled, outcome.already) == (1, 2)


def test_a_mask_of_the_photos_own_kind_goes_first(tmp_path):
    photo = tmp_path / "a.jpg"
    masks = {"a": [tmp_path / "a.png", tmp_path / "a.jpg"]}
    assert _mask_for(photo, masks).suffix == ".jpg"


def test_sixteen_bits_and_a_photo_that_was_a_result_say_what_they_were_made_of(tmp_path, rng):
    photos = tmp_path / "photos"
    photos.mkdir()
    deep = rng.integers(0, 2**16, (40, 50), dtype=np.uint16)
    Image.fromarray(deep).save(photos / "a.png")
    mask = Image.new("L", (50, 40))
    mask.paste(255, (5, 5, 20, 20))
    mask.save(tmp_path / "m.png")
    inpaint_files(invert, photos, tmp_path / "m.png", tmp_path / "o")
    assert inpaint_files(invert, photos, tmp_path / "m.png", tmp_path / "o").already == 1
    inpaint_files(invert, tmp_path / "o", tmp_path / "m.png", tmp_path / "p")
    assert inpaint_files(invert, tmp_path / "o", tmp_path / "m.png", tmp_path / "p").already == 1
    inpaint_files(invert, tmp_path / "p/a.png", tmp_path / "m.png", tmp_path / "alone.png")
    assert "lama-inpaint" in open_photo(tmp_path / "p/a.png").text
    assert "lama-inpaint" not in open_photo(tmp_path / "alone.png").text


def test_processes_share_a_folder(folder, monkeypatch):
    places = folder / "photos", folder / "masks/a.png", folder / "o"
    monkeypatch.setenv("WORLD_SIZE", "2")
    counts = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        counts.append(inpaint_files(invert, *places).filled)
    assert counts == [2, 1]
    assert len(list((folder / "o").iterdir())) == 3


@pytest.mark.parametrize(
    ("rank", "processes"),
    [("1", None), (None, "2"), ("2", "2"), ("-1", "2"), ("0", "0"), ("one", "2"), ("0", "")],
)
def test_a_share_that_there_is_not_is_refused(folder, monkeypatch, rank, processes):
    for name, value in (("RANK", rank), ("WORLD_SIZE", processes)):
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="RANK is .* and WORLD_SIZE .*: set both"):
        inpaint_files(invert, folder / "photos", folder / "masks/a.png", folder / "o")
    assert not (folder / "o").exists()


def test_holes_are_made_wider_as_asked_and_a_folder_follows(folder, picture, hole):
    def filled(*places: Path) -> np.ndarray:
        inpaint_files(invert, *places, grow=3)
        return (open_photo(folder / "o/a.png").rgb != picture).any(axis=2)

    places = folder / "photos/a.png", folder / "masks/a.png", folder / "o/a.png"
    assert np.array_equal(filled(*places), grown(hole, 3))
    many = folder / "photos", folder / "masks/a.png", folder / "o"
    counts = [inpaint_files(invert, *many, grow=grow) for grow in (0, 0, 3, 3)]
    assert [count.filled for count in counts] == [3, 0, 3, 0]
    assert np.array_equal(filled(*many), grown(hole, 3))


def test_threads_give_the_same_pictures(folder):
    inpainter = lama.load("lama-tiny", "cpu", "fp32")
    places = folder / "photos", folder / "masks/a.png"
    inpaint_files(inpainter.fill, *places, folder / "one")
    workers, _ = inpainter.share_cores()
    inpaint_files(inpainter.fill, *places, folder / "many", workers=max(2, workers))
    for path in (folder / "one").iterdir():
        assert path.read_bytes() == (folder / "many" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["inpaint", "none.png", "--mask", "m.png", "--output", "o.png"],
            "none.png does not exist",
        ),
        (["inpaint", ".", "--mask", ".", "--output", "o", "--model", "x"], "neither a model"),
        (["train", "--photos", "none", "--run-dir", "r"], "no photos below none"),
        (["train", "--photos", "p", "--run-dir", "r", "--preset", "x"], "unknown preset 'x'"),
        (["models", "--download", "x"], "unknown model 'x'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_inpaint_verb_runs_the_shipped_model(folder, picture, hole, capsys):
    arguments = ["inpaint", str(folder / "photos/a.png"), "--mask", str(folder / "masks/a.png")]
    assert main([*arguments, "--output", str(folder / "o.png")]) == 0
    assert "1 filled, 0 failed, with lama-tiny" in capsys.readouterr().out
    result = open_photo(folder / "o.png").rgb
    assert np.array_equal(result[~hole], picture[~hole])


def test_another_mask_or_photo_is_filled_anew_however_old_it_is(folder, picture, hole):
    places = folder / "photos", folder / "masks/a.png", folder / "o"
    inpaint_files(invert, *places)
    Image.fromarray(np.roll(hole, 5, axis=1)).save(folder / "masks/a.png")
    os.utime(folder / "masks/a.png", (1, 1))
    assert inpaint_files(invert, *places).filled == 3
    Image.fromarray(np.ascontiguousarray(picture[::-1])).save(folder / "photos/a.png")
    os.utime(folder / "photos/a.png", (1, 1))
    assert inpaint_files(invert, *places).filled == 1


def test_another_refinement_or_precision_of_the_verb_is_another_result(folder, capsys):
    (folder / "photos/c.webp").unlink()
    flags = ["inpaint", str(folder / "photos"), "--mask", str(folder / "masks"), "--device", "cpu"]
    flags += ["--output", str(folder / "o")]
    calls = [
        (["--precision", "fp32"], "2 filled, 0 failed, with lama-tiny fp32"),
        (["--precision", "fp32"], "0 filled, 0 failed, 2 were there already, with lama-tiny fp32"),
        (["--precision", "fp32", "--refine"], "2 filled, 0 failed, with lama-tiny fp32"),
    ]
    if int8_works():
        calls.append((["--precision", "int8"], "2 filled, 0 failed, with lama-tiny int8"))
    for more, said in calls:
        assert main([*flags, *more]) == 0
        assert said in capsys.readouterr().out


def test_a_heic_becomes_a_png(tmp_path):
    (tmp_path / "photos").mkdir()
    heic = (Path(__file__).parent / "pictures" / "turned.heic").read_bytes()
    (tmp_path / "photos" / "IMG_1.HEIC").write_bytes(heic)
    hole = np.zeros((52, 36), bool)
    hole[5:14, 3:30] = True
    Image.fromarray(hole).save(tmp_path / "mask.png")
    outcome = inpaint_files(invert, tmp_path / "photos", tmp_path / "mask.png", tmp_path / "out")
    assert (outcome.filled, outcome.failed) == (1, [])
    before, after = open_photo(heic).rgb, open_photo(tmp_path / "out" / "IMG_1.png").rgb
    assert np.array_equal(after, np.where(hole[..., None], 255 - before, before))
