"""Every strategy at every size, and hole areas against those of the published generator."""

import pickle

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import masks
from tests.masks.scenes import noise

PUBLISHED = {
    # mean, then the 10, 25, 50, 75 and 90 % quantiles of the published generator's hole area
    ("wide", 256): (0.460, 0.159, 0.297, 0.472, 0.627, 0.735),
    ("box", 256): (0.250, 0.090, 0.165, 0.253, 0.335, 0.398),
    ("training", 256): (0.349, 0.107, 0.196, 0.315, 0.475, 0.659),
    ("narrow", 256): (0.223, 0.051, 0.086, 0.178, 0.355, 0.461),
    ("thin", 512): (0.296, 0.091, 0.185, 0.312, 0.412, 0.473),
    ("medium", 512): (0.306, 0.074, 0.175, 0.321, 0.430, 0.507),
    ("thick", 512): (0.454, 0.130, 0.249, 0.445, 0.661, 0.786),
}


CHAINS = ("min_chains", "max_chains", "max_width", "max_length", "max_angle", "continuous_angles")
BOXES = ("min_boxes", "max_boxes", "min_side", "max_side", "margin")
FIGURES = {
    # the published settings: chains, rectangles, share of rectangles
    ("wide", 256): ((1, 5, 100, 200, 4, 0), (), None),
    ("wide", 512): ((1, 5, 100, 200, 4, 0), (), None),
    ("box", 256): ((), (1, 4, 30, 150, 10), None),
    ("training", 256): ((1, 5, 100, 200, 4, 0), (1, 4, 30, 150, 10), 1 / 2),
    ("narrow", 256): ((4, 12, 40, 80, 4, 0), (1, 1, 30, 128, 0), 1 / 2),
    ("thin", 256): ((4, 50, 10, 40, 4, 0), (), None),
    ("thin", 512): ((4, 70, 20, 100, 4, 0), (), None),
    ("medium", 256): ((4, 5, 50, 100, 4, 0), (1, 5, 10, 50, 0), 0.3 / 1.3),
    ("medium", 512): ((4, 10, 100, 200, 4, 0), (1, 5, 30, 150, 0), 0.3 / 1.3),
    ("thick", 256): ((1, 5, 100, 200, 4, 0), (1, 3, 30, 150, 10), 0.3 / 1.3),
    ("thick", 512): ((1, 5, 250, 450, 4, 0), (1, 4, 30, 300, 10), 0.3 / 1.3),
}
OTHER_FIGURES = {
    "outpaint": {
        "min_share": 0.04, "max_share": 0.25, "left": 0.5, "top": 0.5, "right": 0.5, "bottom": 0.5
    },
    "segmentation": {
        "max_object_area": 0.3, "min_mask_area": 0.02, "variants": 4, "scale_change": 0.25,
        "flip": 1, "vertical_shift": 0.1, "max_hidden_area": 0.2, "max_mask_intersection": 0.5,
        "max_foreground_coverage": 0.5, "max_foreground_intersection": 0.5, "rigid": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize(("name", "side"), FIGURES)
def test_chains_and_rectangles_have_the_published_figures(name, side):
    chains, rectangles, share = FIGURES[name, side]
    expected = dict(zip(CHAINS, chains, strict=False)) | dict(zip(BOXES, rectangles, strict=False))
    if share is not None:
        expected["box_share"] = round(share, 2)
    expected["scale_with_image"] = 0
    assert {p.name: p.default for p in masks.parameters(name, side)} == expected


@pytest.mark.parametrize("name", OTHER_FIGURES)
def test_strips_and_objects_have_the_published_figures(name):
    found = {p.name: p.default for p in masks.parameters(name)}
    assert {key: found[key] for key in OTHER_FIGURES[name]} == OTHER_FIGURES[name]
    assert set(found) - set(OTHER_FIGURES[name]) <= {"scale_with_image"}


def areas(name, height, width, count, seed=0, **values):
    image = np.zeros((height, width, 3), np.uint8)
    return np.array([m.mask.mean() for m in masks.generate(name, image, count, seed, **values)])


def figures(sample):
    return np.array([sample.mean(), *np.quantile(sample, (0.1, 0.25, 0.5, 0.75, 0.9))])


@pytest.mark.parametrize(("name", "side"), PUBLISHED)
def test_hole_areas_are_those_of_the_published_generator(name, side):
    count = 1500 if side == 256 else 600
    # Five standard errors of a quartile of a distribution as broad as these.
    tolerance = 5 * 0.3 / count**0.5
    difference = np.abs(figures(areas(name, side, side, count)) - PUBLISHED[name, side])
    assert difference.max() < tolerance


@pytest.mark.parametrize("side", [32, 64, 128])
def test_small_pictures_keep_the_distribution(side):
    small, published = figures(areas("wide", side, side, 800)), PUBLISHED["wide", 256]
    assert np.abs(small - published).max() < 0.07


def test_large_pictures_keep_pixels_unless_asked_to_scale():
    assert areas("wide", 1024, 1024, 60).mean() < 0.12
    assert abs(areas("wide", 1024, 1024, 150, scale_with_image=1).mean() - 0.46) < 0.08


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(masks.names()),
    height=st.integers(16, 300),
    width=st.integers(16, 300),
    seed=st.integers(0, 2**32),
)
def test_every_mask_has_a_hole_and_something_known(name, height, width, seed):
    image = noise(height, width)
    mask = masks.get(name)(image, np.random.default_rng(seed))
    assert masks.check_mask(mask) == (height, width)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data(), name=st.sampled_from([n for n in masks.names() if n != "segmentation"]))
def test_any_accepted_values_give_good_masks(data, name):
    parameters = masks.parameters(name)
    values = {
        p.name: data.draw(
            st.integers(int(p.minimum), int(p.maximum))
            if p.integer
            else st.floats(p.minimum, p.maximum)
        )
        for p in parameters
        if not p.name.startswith(("min_", "max_"))
    }
    by_name = {p.name: p for p in parameters}
    for low, high in masks.recipe(name).pairs:
        pair = [
            data.draw(
                st.integers(int(p.minimum), int(p.maximum))
                if p.integer
                else st.floats(p.minimum, p.maximum)
            )
            for p in (by_name[low], by_name[high])
        ]
        values[low], values[high] = sorted(pair)
    side = data.draw(st.integers(16, 120))
    for drawn in masks.generate(name, noise(side, 2 * side), 2, 5, **values):
        masks.check_mask(drawn.mask)


@pytest.mark.parametrize("name", masks.names())
def test_the_extremes_of_every_dial_work(name):
    small = noise(16, 23)
    for p in masks.parameters(name):
        for value in (p.minimum, p.maximum):
            # Move the other end of a pair along, so that the pair stays in order.
            partner = {
                low: high for pair in masks.recipe(name).pairs for low, high in (pair, pair[::-1])
            }
            values = {p.name: value, **({partner[p.name]: value} if p.name in partner else {})}
            masks.check_mask(masks.get(name, **values)(small, np.random.default_rng(1)))


@pytest.mark.parametrize("name", masks.names())
def test_defaults_lie_within_their_ranges_and_are_explained(name):
    for side in (256, 512):
        for p in masks.parameters(name, side):
            assert p.check(p.default) == p.default
            assert p.help.endswith(".")
            assert 0 < p.step <= p.maximum - p.minimum


def test_evaluation_presets_take_the_figures_for_256_up_to_384():
    thick = masks.get("thick")
    assert thick.values_for(384, 2000)["max_width"] == 100
    assert thick.values_for(385, 2000)["max_width"] == 250
    assert thick.values["max_width"] == 250
    assert masks.get("thick", max_width=77).values_for(256, 256)["max_width"] == 77


def test_unknown_names_are_answered_with_those_that_exist():
    with pytest.raises(ValueError, match="no mask strategy 'wude'; there are wide, box"):
        masks.get("wude")
    with pytest.raises(ValueError, match="'box' has no parameter 'max_width'; it has min_boxes"):
        masks.get("box", max_width=3)
    with pytest.raises(ValueError, match="'box' has no parameter 'name'"):
        masks.get("box", name=3)
    with pytest.raises(ValueError, match=r"min_chains \(9\) is above max_chains \(5\)"):
        masks.get("wide", min_chains=9)


@pytest.mark.parametrize("name", masks.names())
def test_a_loaders_worker_gets_a_copy(name):
    image, again = masks.scene(64, 77), pickle.loads(pickle.dumps(masks.get(name)))
    drawn = again(image, np.random.default_rng(5))
    assert np.array_equal(drawn, masks.get(name)(image, np.random.default_rng(5)))
