"""The fixed evaluation of a fine-tuned model, and the margin that it may lose."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from lama.arrays import to_tensor
from lama.training.judge import (
    GUARDS,
    METRICS,
    SAVED,
    compare,
    doubt,
    fixed_cases,
    measure,
    table,
)
from lama.training.logged import LoggedMasks
from lama.training.metrics import metrics
from lama.training.photos import PhotoFiles


@pytest.fixture
def material(tmp_path: Path) -> tuple[PhotoFiles, LoggedMasks]:
    rng = np.random.default_rng(0)
    paths = []
    for i, (height, width) in enumerate([(70, 91), (64, 64), (120, 77)]):
        paths.append(tmp_path / f"{i}.png")
        noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        cv2.imwrite(str(paths[-1]), noise)
    masks = []
    for i in range(2):
        mask = np.zeros((90, 131), np.uint8)
        mask[20:24, 10 + i : 100] = 255
        masks.append(cv2.imencode(".png", mask)[1].tobytes())
    return PhotoFiles(paths), LoggedMasks(masks)


def test_cases_are_the_same_each_time(material) -> None:
    photos, held = material
    first, second = (fixed_cases(photos, held, 5, 64) for _ in range(2))
    assert [case.cell.strategy for case in first] == [
        shape for shape in (SAVED, *GUARDS) for _ in range(5)
    ]
    for one, other in zip(first, second, strict=True):
        assert (one.mask == other.mask).all()
        assert (one.rgb == other.rgb).all()
        assert 0 < one.mask.mean() <= 0.5
    assert first[0].rgb.shape == (64, 64, 3)


def test_a_better_model_beats_a_poor_one(material) -> None:
    photos, held = material
    cases = fixed_cases(photos, held, 2, 64)

    def grey(rgb, mask):
        return np.full_like(rgb, 128)

    def black(rgb, mask):
        return np.zeros_like(rgb)

    report, exhibits = measure(cases, {"base": black, "new": grey}, ("l1", "psnr"))
    assert report[SAVED]["n"] == 2
    verdict = compare(report, "base", "new")
    assert verdict.accepted
    assert verdict.changes[SAVED]["l1"] < 0
    assert verdict.changes[SAVED]["psnr"] < 0, "a gain is below zero whichever way a metric goes"
    assert not compare(report, "new", "base").accepted
    assert "| saved | 2 | l1 |" in table(report, verdict, "base", "new")
    assert [exhibit.case for exhibit in exhibits] == cases
    assert list(exhibits[0].pictures) == ["base", "new"]


def test_means_are_those_of_each_hole_alone(material) -> None:
    """By hand: one fill at a time, blended into its photo, in the order of the cases."""
    photos, held = material
    cases, done = fixed_cases(photos, held, 9, 64), []
    fills = {
        "base": lambda rgb, mask: np.full_like(rgb, 128),
        "new": lambda rgb, mask: cv2.blur(rgb, (9, 9)),
    }
    report, exhibits = measure(cases, fills, METRICS, done.append)
    assert done == list(range(1, 37))
    shown = [exhibit.case.cell.strategy for exhibit in exhibits]
    assert shown == [SAVED] * 6 + [shape for shape in GUARDS for _ in range(2)]
    for shape in (SAVED, *GUARDS):
        some = [case for case in cases if case.cell.strategy == shape]
        assert report[shape]["n"] == 9
        for name, fill in fills.items():
            for metric, of in metrics(METRICS).items():
                values = []
                for case in some:
                    filled = np.where(case.mask[..., None], fill(case.rgb, case.mask), case.rgb)
                    values.append(of(*map(to_tensor, (filled, case.rgb, case.mask))).item())
                found = report[shape]["models"][name][metric]
                assert found == pytest.approx(np.mean(values), rel=1e-5)


def shapes(before: float, after: float, metric: str = "l1") -> dict:
    return {"thin": {"n": 1, "models": {"base": {metric: before}, "new": {metric: after}}}}


def test_the_margin_is_kept_and_named() -> None:
    assert compare(shapes(0.1, 0.1019), "base", "new", 0.02).accepted
    verdict = compare(shapes(0.1, 0.103), "base", "new", 0.02)
    assert not verdict.accepted
    assert verdict.reasons == ("l1 on thin holes is 3.0% worse than base's; 2.0% are allowed",)
    assert compare(shapes(0.1, 0.103), "base", "new", 0.05).accepted


@pytest.mark.parametrize("before", [0.1, 0.0])
def test_what_is_no_number_is_worse(before: float) -> None:
    assert not compare(shapes(before, float("nan")), "base", "new").accepted
    assert compare(shapes(before, before), "base", "new").accepted


@pytest.mark.parametrize(
    ("metric", "judges"), [("l1", True), ("lpips-vgg", True), ("lpips-alex", False)]
)
def test_what_was_trained_for_does_not_judge(metric: str, judges: bool) -> None:
    assert compare(shapes(0.1, 0.2, metric), "base", "new").accepted != judges


def test_photos_that_cannot_be_read_are_passed_over(material, tmp_path: Path) -> None:
    photos, held = material
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    mixed = PhotoFiles([broken, broken, *photos.paths])
    cases = fixed_cases(mixed, held, 2, 64)
    assert {case.path.name for case in cases} == {"0.png", "1.png"}


def test_no_hole_is_more_than_half_of_a_picture(material) -> None:
    """Not even where a saved mask covers nearly all at any zoom, and another one stands in."""
    photos, _ = material
    nearly = np.full((90, 131), 255, np.uint8)
    nearly[0, 0] = 0
    held = LoggedMasks([cv2.imencode(".png", nearly)[1].tobytes()])
    cases = fixed_cases(photos, held, 200, 64)
    shares = [case.mask.mean() for case in cases if case.cell.strategy == SAVED]
    assert min(shares) > 0
    assert max(shares) <= 0.5


def test_a_verdict_on_few_holes_says_so() -> None:
    assert doubt({"saved": {"n": 8}, "thin": {"n": 24}}, 8, 9) == ""
    assert "on 3 holes of each shape" in doubt({"saved": {"n": 3}, "thin": {"n": 24}}, 48, 24)
    assert "on 1 hole of each shape" in doubt({"saved": {"n": 24}, "box": {"n": 1}}, 48, 24)
    assert "1 saved mask and 24 photos" in doubt({"saved": {"n": 24}}, 1, 24)
    assert "48 saved masks and 7 photos" in doubt({"saved": {"n": 24}}, 48, 7)


def test_a_change_that_rounds_to_nothing_has_no_sign() -> None:
    models = {"base": {"l1": 1.0}, "new": {"l1": 0.9997}}
    report = {"saved": {"n": 9, "models": models}}
    assert "| +0.0% |" in table(report, compare(report, "base", "new"), "base", "new")
