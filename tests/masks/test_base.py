import numpy as np
import pytest

import masks
from masks.base import draw
from tests.masks.scenes import noise


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (None, "not NoneType"),
        (np.zeros((32, 32, 3)), "not float64"),
        (np.zeros((32, 32), np.uint8), r"\(32, 32\)"),
        (np.zeros((32, 32, 4), np.uint8), r"\(32, 32, 4\)"),
        (np.zeros((15, 400, 3), np.uint8), "400 x 15 pixels; masks need both sides between 16"),
    ],
)
def test_images_that_break_the_convention_are_refused(image, complaint):
    with pytest.raises(ValueError, match=complaint):
        masks.get("wide")(image, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("mask", "complaint"),
    [
        ("hole", "not str"),
        (np.zeros((9, 7), np.uint8), r"uint8 \(9, 7\); mask > 0 makes one"),
        (np.zeros((9, 7), bool), "no hole"),
        (np.ones((9, 7), bool), "covers the whole picture"),
        (np.zeros((0, 7), bool), "expected a mask"),
    ],
)
def test_masks_that_break_the_convention_are_refused(mask, complaint):
    with pytest.raises(ValueError, match=complaint):
        masks.check_mask(mask)


def test_a_good_mask_passes_with_its_size():
    assert masks.check_mask(np.eye(5, 9, dtype=bool)) == (5, 9)


def test_labels_of_another_size_or_kind_are_refused():
    image = noise(40, 60)
    with pytest.raises(ValueError, match="they must agree"):
        masks.generate("segmentation", image, 1, 0, labels=np.zeros((60, 40), int))
    with pytest.raises(ValueError, match="whole numbers"):
        masks.generate("segmentation", image, 1, 0, labels=np.zeros((40, 60)))


def test_lengths_shrink_below_the_published_size_and_grow_only_when_asked():
    wide, growing = masks.get("wide"), masks.get("wide", scale_with_image=1)
    assert [wide.scale_for(side, 900) for side in (64, 256, 700)] == [0.25, 1.0, 1.0]
    assert [growing.scale_for(side, 900) for side in (64, 256, 768)] == [0.25, 1.0, 3.0]
    thick = masks.get("thick", scale_with_image=1)
    assert [thick.scale_for(side, side) for side in (128, 384, 512, 1024)] == [0.5, 1.5, 1.0, 2.0]
    assert masks.get("thick").scale_for(400, 400) == 1.0


def test_a_pair_is_checked_at_the_size_that_is_drawn():
    """The rectangles of thick have up to 150 pixels at 256, and up to 300 at 512."""
    thick, rng = masks.get("thick", min_side=200, box_share=1), np.random.default_rng(0)
    complaint = r"min_side \(200\) is above max_side \(150\) on a picture of 300 x 256 pixels"
    with pytest.raises(ValueError, match=complaint):
        thick(noise(256, 300), rng)
    with pytest.raises(ValueError, match=complaint):
        thick.values_for(256, 300)
    large = thick(noise(512, 530), rng)
    assert large.any(axis=0).sum() >= 200
    assert large.any(axis=1).sum() >= 200


@pytest.mark.parametrize(
    ("name", "values", "fitting"),
    [
        ("medium", {"min_chains": 6}, 512),
        ("medium", {"min_side": 60}, 512),
        ("thin", {"min_chains": 60}, 512),
        ("medium", {"max_side": 20}, 256),  # the other way round: 10 there, 30 at 512
    ],
)
def test_a_value_that_fits_at_one_size_is_taken_there(name, values, fitting):
    strategy = masks.get(name, **values)
    masks.check_mask(strategy(noise(fitting, fitting), np.random.default_rng(0)))
    other = 768 - fitting
    with pytest.raises(ValueError, match=f"is above .* on a picture of {other} x {other} pixels"):
        strategy(noise(other, other), np.random.default_rng(0))


def test_a_pair_that_fits_at_no_size_is_refused_at_once():
    with pytest.raises(ValueError, match=r"min_side \(301\) is above max_side \(300\): lower"):
        masks.get("thick", min_side=301)
    with pytest.raises(ValueError, match=r"min_chains \(8\) is above max_chains \(7\): lower"):
        masks.get("thin", min_chains=8, max_chains=7)


def test_a_painter_that_fills_everything_gets_shorter_strokes():
    def paint(height, width, values, scale, rng):
        canvas = np.zeros((height, width), np.uint8)
        canvas[: int(np.ceil(height * scale))] = 1
        return canvas

    mask = draw(paint, 20, 30, {}, 1.0, np.random.default_rng(0))
    assert mask.mean() == 0.7


@pytest.mark.parametrize("value", [0, 1])
def test_a_painter_that_never_succeeds_is_mended_by_one_pixel(value):
    def paint(height, width, values, scale, rng):
        return np.full((height, width), value, np.uint8)

    mask = draw(paint, 16, 17, {}, 1.0, np.random.default_rng(0))
    assert mask.sum() == (1 if value == 0 else 16 * 17 - 1)
