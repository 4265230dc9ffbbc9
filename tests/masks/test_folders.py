"""Masks made once for a folder, every limit of the rule checked anew, and drawn from the folder."""

import csv
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import masks
from masks import folders
from masks.__main__ import main
from masks.folders import precompute
from masks.presets import recipe
from masks.segmentation import Scene
from tests.masks.scenes import desk

DEFAULTS = {p.name: p.default for p in recipe("segmentation").parameters}


def some_objects(seed, height, width):
    """Ellipses over each other, numbered with gaps."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.int32)
    for number in range(int(rng.integers(1, 9))):
        centre = int(rng.integers(width)), int(rng.integers(height))
        axes = tuple(int(a) for a in rng.integers(3, max(5, min(height, width) // 2), 2))
        cv2.ellipse(labels, centre, axes, float(rng.uniform(0, 180)), 0, 360, 3 * number + 2, -1)
    return labels


def assert_limits(holes, labels, limit):
    """Count everything again, in the plainest way."""
    by_source = {}
    for hole in holes:
        seen, own = hole.mask.sum(), labels == hole.source
        assert own.mean() < limit["max_object_area"]
        assert hole.mask.mean() > limit["min_mask_area"]
        assert not hole.mask.all()
        assert 1 - limit["scale_change"] <= hole.scale <= 1 + limit["scale_change"]
        assert hole.area - seen <= limit["max_hidden_area"] * hole.area
        for other in (own, *by_source.get(hole.source, [])):
            common = (hole.mask & other).sum()
            shared = limit["max_mask_intersection"]
            assert common <= shared * other.sum()
            assert common <= seen - (1 - shared) * hole.area
        for number in set(np.unique(labels)) - {0}:
            if not (limit["rigid"] or number == hole.source):
                continue
            common = (hole.mask & (labels == number)).sum()
            assert common <= limit["max_foreground_coverage"] * (labels == number).sum()
            assert common <= limit["max_foreground_intersection"] * seen
        by_source.setdefault(hole.source, []).append(hole.mask)
    assert all(len(copies) <= limit["variants"] for copies in by_source.values())


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    height=st.integers(16, 190),
    width=st.integers(16, 190),
    rigid=st.integers(0, 1),
    hidden=st.floats(0, 0.5),
    shared=st.floats(0, 1),
)
def test_every_hole_keeps_every_limit(seed, height, width, rigid, hidden, shared):
    labels = some_objects(seed, height, width)
    limit = DEFAULTS | {
        "rigid": rigid,
        "max_hidden_area": hidden,
        "max_mask_intersection": shared,
        "max_foreground_coverage": max(0.1, shared),
    }
    assert_limits(Scene(labels, limit).holes(np.random.default_rng(seed)), labels, limit)


def test_the_rule_gives_holes_at_all():
    found = [
        len(Scene(some_objects(seed, 150, 190), DEFAULTS).holes(np.random.default_rng(0)))
        for seed in range(20)
    ]
    assert sum(found) > 40
    assert max(found) > 4


@pytest.fixture
def annotated(tmp_path):
    """Two photos of different sizes with label maps."""
    folder = tmp_path / "photos"
    (folder / "labels").mkdir(parents=True)
    for name, size in (("one", (140, 201)), ("two", (181, 120))):
        image, labels = desk(*size)
        masks.files.write_image(folder / f"{name}.png", image)
        cv2.imwrite(str(folder / "labels" / f"{name}.png"), labels.astype(np.uint8))
    return folder


def test_precomputed_masks_are_listed_and_the_same_again(annotated, tmp_path):
    made = precompute(annotated, tmp_path / "a", 3)
    again = precompute(annotated, tmp_path / "b", 3)
    assert made.photos == 2
    assert made.masks > 2
    assert made == again
    with (tmp_path / "a" / "masks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == made.masks
    for row in rows:
        mask = cv2.imread(str(tmp_path / "a" / row["file"]), cv2.IMREAD_GRAYSCALE)
        assert (mask == cv2.imread(str(tmp_path / "b" / row["file"]), 0)).all()
        assert mask.shape == ((140, 201) if row["photo"] == "one.png" else (181, 120))
        assert (mask > 0).mean() == pytest.approx(float(row["area"]), abs=1e-4)


def test_a_folder_is_a_strategy_at_any_size(annotated, tmp_path):
    precompute(annotated, tmp_path / "made", 0)
    strategy = masks.get(f"folder:{tmp_path / 'made'}")
    for size in ((64, 64), (37, 180), (256, 300)):
        image = np.zeros((*size, 3), np.uint8)
        drawn = [strategy(image, np.random.default_rng(k)) for k in range(8)]
        assert all(masks.check_mask(mask) == size for mask in drawn)
        assert len({mask.tobytes() for mask in drawn}) > 2
    assert (strategy(image, np.random.default_rng(5)) == drawn[5]).all()
    again = pickle.loads(pickle.dumps(strategy))  # a loader's worker gets a copy
    assert (again(image, np.random.default_rng(5)) == drawn[5]).all()
    item = masks.generate(f"folder:{tmp_path / 'made'}", image, 1, 0, flip=0)[0]
    assert item.strategy_used.startswith("folder:")


@pytest.mark.parametrize("kind", ["0 and 1", "black on clear", "dark blue"])
def test_masks_are_read_as_everywhere(tmp_path, kind):
    mask = np.zeros((64, 64), np.uint8)
    mask[10:40, 20:50] = 1
    black = mask * 0
    pixels = {
        "0 and 1": mask,
        "black on clear": np.dstack([black, black, black, mask * 255]),
        "dark blue": np.dstack([mask * 90, black, black]),
    }[kind]
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    image = np.zeros((64, 64, 3), np.uint8)
    drawn = masks.get(f"folder:{tmp_path}", flip=0)(image, np.random.default_rng(0))
    assert np.array_equal(drawn, mask > 0)
    assert main(["--fit", str(tmp_path), "--output", str(tmp_path / "f.json")]) == 0
    assert masks.fitted.load(tmp_path / "f.json").rows[0].area == pytest.approx(0.2197, abs=1e-4)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((20, 30), np.uint8), "a.png is no hole"),
        (np.full((20, 30), 255, np.uint8), "a.png is all hole"),
        (
            np.dstack([np.eye(20, 30, dtype=np.uint8)] * 3 + [np.zeros((20, 30), np.uint8)]),
            "no hole",
        ),
    ],
)
def test_a_file_that_is_no_mask_is_named(tmp_path, pixels, words):
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    with pytest.raises(ValueError, match=words):
        masks.get(f"folder:{tmp_path}")(np.zeros((64, 64, 3), np.uint8), np.random.default_rng(0))


def test_a_damaged_annotation_is_named_and_not_guessed_around(annotated, tmp_path):
    (annotated / "instances.json").write_text('{"annotations": [')
    with pytest.raises(ValueError, match=r"instances\.json cannot be read as JSON"):
        precompute(annotated, tmp_path / "made", 0)
    assert not (tmp_path / "made").exists()


def test_a_file_that_is_no_mask_does_not_end_a_run(tmp_path, caplog):
    hole = np.zeros((20, 30), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), hole)
    hole[5:9] = 255
    cv2.imwrite(str(tmp_path / "b.png"), hole)
    strategy, rng = masks.get(f"folder:{tmp_path}"), np.random.default_rng(0)
    for _ in range(20):
        drawn = strategy(np.zeros((64, 64, 3), np.uint8), rng)
        assert 0 < drawn.mean() < 1
    assert caplog.text.count("a.png is no hole") == 1


def test_the_command_line_makes_and_uses_them(annotated, tmp_path, capsys):
    out = tmp_path / "made"
    assert main(["--precompute", str(annotated), "--output", str(out)]) == 0
    assert "segmentation masks of 2 photos" in capsys.readouterr().out
    sheet = tmp_path / "sheet.png"
    assert main(["--strategy", f"folder:{out}", "--count", "4", "--output", str(sheet)]) == 0
    assert (
        main(["--strategy", f"folder:{out}", "--count", "2", "--output", str(tmp_path / "n")]) == 0
    )
    assert len(list((tmp_path / "n").glob("*.png"))) == 2


def test_what_is_missing_is_said(tmp_path, capsys):
    with pytest.raises(ValueError, match="precompute"):
        masks.get(f"folder:{tmp_path}")
    assert main(["--precompute", str(tmp_path), "--output", str(tmp_path / "m")]) == 2
    assert main(["--precompute", str(tmp_path), "--output", "sheet.png"]) == 2
    assert "has no photos" in capsys.readouterr().err


def test_photos_that_share_a_name_keep_their_masks(annotated, tmp_path):
    masks.files.write_image(annotated / "one.bmp", desk(140, 201)[0])
    made = precompute(annotated, tmp_path / "a", 3)
    assert made.photos == 3
    with (tmp_path / "a" / "masks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["file"] for row in rows}) == made.masks
    assert len(list((tmp_path / "a").glob("*.png"))) == made.masks
    for row in rows:
        shared = row["photo"].startswith("one.")
        assert row["file"].startswith(f"{row['photo'] if shared else 'two'}_mask")


def test_photos_of_several_folders_are_told_apart():
    def told(*paths: str) -> list[str]:
        return folders._names([Path(path) for path in paths])

    assert told("x/a.jpg", "y/b.jpg") == ["a", "b"]
    assert told("x/a.jpg", "y/a.jpg", "y/b.jpg") == ["x_a.jpg", "y_a.jpg", "b"]
    with pytest.raises(ValueError, match=r"several photos are called x_a\.jpg"):
        told("1/x/a.jpg", "2/x/a.jpg")


def test_masks_do_not_go_where_the_photos_are(annotated):
    before = sorted(annotated.rglob("*"))
    with pytest.raises(ValueError, match="holds something already"):
        precompute(annotated, annotated / "." / "labels" / "..", 3)
    assert sorted(annotated.rglob("*")) == before


def test_masks_do_not_mix_with_those_of_another_time(annotated, tmp_path):
    precompute(annotated, tmp_path / "made", 3)
    before = {path: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    with pytest.raises(ValueError, match="take a new folder"):
        precompute(annotated, tmp_path / "made", 3, {"variants": 1})
    assert {path: path.read_bytes() for path in (tmp_path / "made").iterdir()} == before
    with pytest.raises(ValueError, match="take a new folder"):
        precompute(annotated, annotated / "one.png", 3)


def test_a_photo_that_cannot_be_used_is_skipped_and_named(annotated, tmp_path, caplog, capsys):
    whole = precompute(annotated, tmp_path / "whole", 3)
    (annotated / "labels" / "one.png").write_bytes(b"no picture")
    made = precompute(annotated, tmp_path / "made", 3)
    assert (made.photos, made.skipped, whole.skipped) == (1, 1, 0)
    assert "skipped: " in caplog.text
    assert "one.png is not a label map" in caplog.text
    for file in (tmp_path / "made").glob("*.png"):  # the others' seeds do not move
        assert file.read_bytes() == (tmp_path / "whole" / file.name).read_bytes()
    assert main(["--precompute", str(annotated), "--output", str(tmp_path / "cli")]) == 0
    assert "masks of 1 photos (1 skipped)" in capsys.readouterr().out


def test_photos_that_all_cannot_be_used_leave_nothing(annotated, tmp_path):
    for name in ("one", "two"):
        (annotated / "labels" / f"{name}.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"none of 2 photos can be used; .*one\.png"):
        precompute(annotated, tmp_path / "made", 3)
    assert list((tmp_path / "made").iterdir()) == []


def test_masks_that_cannot_be_written_leave_no_part(annotated, tmp_path, monkeypatch):
    def full(path, mask):
        path.write_bytes(b"half")
        raise ValueError("no space")

    monkeypatch.setattr(folders, "write_mask", full)
    with pytest.raises(ValueError, match="no space"):
        precompute(annotated, tmp_path / "made", 3)
    assert list((tmp_path / "made").iterdir()) == []


def test_without_any_mask_there_is_no_table(annotated, tmp_path):
    assert precompute(annotated, tmp_path / "made", 3, {"max_object_area": 0}).masks == 0
    assert list((tmp_path / "made").iterdir()) == []


def test_a_label_map_of_another_size_is_refused(annotated, tmp_path, caplog):
    turned = cv2.imread(str(annotated / "labels" / "one.png"), -1).T
    cv2.imwrite(str(annotated / "labels" / "one.png"), turned)
    assert precompute(annotated, tmp_path / "made", 3).skipped == 1
    assert "labels/one.png is 140 x 201 pixels" in caplog.text
    assert "photos/one.png upright 201 x 140" in caplog.text


def test_the_summary_says_where_the_objects_come_from(annotated, tmp_path, capsys):
    assert main(["--precompute", str(annotated), "--output", str(tmp_path / "a")]) == 0
    assert f"objects from {annotated / 'labels'};" in capsys.readouterr().out
    (annotated / "labels").rename(tmp_path / "labels")
    (annotated / "images").mkdir()
    for name in ("one.png", "two.png"):
        (annotated / name).rename(annotated / "images" / name)
    assert main(["--precompute", str(annotated), "--output", str(tmp_path / "b")]) == 0
    assert "objects from a search" in capsys.readouterr().out


def test_an_annotation_of_other_photos_is_not_guessed_around(annotated, tmp_path):
    (annotated / "labels" / "one.png").rename(annotated / "labels" / "one_labels.png")
    (annotated / "labels" / "two.png").unlink()
    with pytest.raises(ValueError, match=r"labels fits no photo: .*labels/one\.png is not there"):
        precompute(annotated, tmp_path / "made", 0)
    assert not (tmp_path / "made").exists()


def test_another_seed_makes_other_masks(annotated, tmp_path):
    made = {seed: precompute(annotated, tmp_path / str(seed), seed) for seed in (3, 4)}
    assert made[3].areas != made[4].areas
