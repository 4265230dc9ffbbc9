import numpy as np
import pytest
import torch
from PIL import Image

import lama
from lama.checkpoint import build
from lama.config import DilatedConfig, FourierConfig, RegularConfig
from lama.groups import hole_groups
from lama.inference import Inpainter, as_mask
from tests.conftest import randomised
from tests.lama.reference import forward


@pytest.fixture
def inpainter(small_unet) -> Inpainter:
    return Inpainter(small_unet, name="small", precision="fp32")


@pytest.mark.parametrize("size", [(16, 16), (67, 101), (128, 64), (1, 2), (3, 200), (33, 34)])
def test_known_pixels_are_identical_at_any_size(inpainter, size, rng):
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    mask = rng.random(size) > 0.6
    mask[0, 0], mask[-1, -1] = True, False
    before = image.copy()
    result = inpainter(image, mask)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert np.array_equal(result[~mask], image[~mask])
    assert np.array_equal(image, before), "the input was changed"


def test_the_result_does_not_know_what_was_in_the_hole(inpainter, picture, hole):
    other = picture.copy()
    other[hole] = 255 - other[hole]
    assert np.array_equal(inpainter(picture, hole), inpainter(other, hole))


def test_big_holes_are_filled_at_a_smaller_scale(inpainter, rng):
    image = rng.integers(0, 256, (1100, 900, 3), dtype=np.uint8)
    mask = np.zeros((1100, 900), bool)
    mask[50:1050, 60:700] = True
    result = inpainter(image, mask)
    assert np.array_equal(result[~mask], image[~mask])
    assert (result[mask] != image[mask]).mean() > 0.9
    other = image.copy()
    other[mask] = 0
    assert np.array_equal(inpainter(other, mask), result)


def test_a_small_hole_in_a_large_photo_costs_what_the_hole_costs(inpainter, monkeypatch):
    seen = []
    original = inpainter._fill_tensor
    monkeypatch.setattr(
        inpainter, "_fill_tensor", lambda i, m: seen.append(i.shape) or original(i, m)
    )
    mask = np.zeros((3000, 4000), bool)
    mask[1500:1600, 2000:2100] = True
    inpainter(np.zeros((3000, 4000, 3), np.uint8), mask)
    assert seen == [(1, 3, 320, 320)]


def test_a_16_bit_photo_is_not_clipped(inpainter, picture, hole):
    """Filled, it is what the same photo of 8 bits is."""
    deep = Image.fromarray(picture[..., 0].astype(np.uint16) * 257)
    result = inpainter(deep, Image.fromarray(hole))
    shallow = inpainter(Image.fromarray(picture[..., 0]), Image.fromarray(hole))
    assert result.mode == "I;16"
    assert np.abs(np.asarray(result) / 257 - np.asarray(shallow)).max() <= 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_pil_images_come_back_as_they_came(inpainter, picture, hole, mode):
    image = Image.fromarray(picture).convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray((picture[..., 0] > 90).astype(np.uint8) * 200))
    result = inpainter(image, Image.fromarray(hole))
    kept = mode if mode in ("RGB", "RGBA", "L", "LA") else "RGB"
    assert (result.mode, result.size) == (kept, image.size)
    before, after = np.asarray(image.convert(kept)), np.asarray(result)
    assert np.array_equal(after[~hole], before[~hole])
    assert not np.array_equal(after[hole], before[hole])
    if "A" in kept:
        assert np.array_equal(after[..., -1], before[..., -1])


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64])
def test_masks_of_any_kind_mean_the_same(hole, kind):
    assert np.array_equal(as_mask(hole.astype(kind) * kind(3)), hole)
    assert np.array_equal(as_mask(Image.fromarray(hole.astype(np.uint8) * 7)), hole)


@pytest.mark.parametrize(
    ("image", "mask", "words"),
    [
        (np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), bool), "has no hole"),
        (np.zeros((20, 30, 3), np.uint8), np.ones((20, 30), bool), "covers the whole picture"),
        (np.zeros((20, 30, 3), np.uint8), np.ones((30, 20), bool), "size"),
        (np.zeros((20, 30, 4), np.uint8), np.ones((20, 30), bool), r"uint8 \(H, W, 3\)"),
        (np.zeros((20, 30, 3), np.float32), np.ones((20, 30), bool), "uint8"),
        (np.zeros((20, 30, 3), np.uint8), np.ones((20, 30, 1), bool), "a mask is"),
        (np.zeros((20, 30, 3), np.uint8), np.ones((20, 30), float), "a mask is"),
    ],
)
def test_bad_input_says_what_is_wrong(inpainter, image, mask, words):
    with pytest.raises(ValueError, match=words):
        inpainter(image, mask)


def test_published_generators_work_too(small_fourier, picture, hole):
    result = Inpainter(small_fourier)(picture, hole)
    assert np.array_equal(result[~hole], picture[~hole])


def test_a_fill_is_what_the_published_predictor_makes_of_it(small_fourier, picture, hole):
    """RGB in [0, 1], mirrored on the right and below to a multiple of 8, cropped, rounded."""
    state = {key: value.double().numpy() for key, value in small_fourier.state_dict().items()}
    image, mask = picture.transpose(2, 0, 1) / 255, hole[None].astype(float)
    image, mask = (np.pad(x, ((0, 0), (0, 5), (0, 3)), mode="symmetric") for x in (image, mask))
    predicted = forward(state, image, mask)[:, :67, :101].transpose(1, 2, 0)
    assert predicted[hole].std() > 0.05, "the comparison would mean nothing"
    expected = np.where(hole[..., None], np.rint(predicted * 255), picture)
    result = Inpainter(small_fourier, device="cpu", precision="fp32").fill(picture, hole)
    assert np.abs(result - expected).max() <= 1


@pytest.mark.parametrize(
    "config",
    [
        FourierConfig(ngf=3, n_blocks=1, n_downsampling=5),
        RegularConfig(ngf=4, n_blocks=1, n_downsampling=1),
        RegularConfig(ngf=2, n_blocks=1, n_downsampling=4),
        DilatedConfig(ngf=1, n_blocks=1, dilation_num=8),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(1, 2), (20, 21), (12, 75)])
def test_networks_of_any_depth_fill_photos_of_any_size(config, size):
    image = np.full((*size, 3), 90, np.uint8)
    hole = np.zeros(size, bool)
    hole[0, -1:] = True
    result = Inpainter(randomised(build(config)), precision="fp32")(image, hole)
    assert np.array_equal(result[~hole], image[~hole])


def test_bf16_stays_close(small_unet, picture, hole):
    exact = Inpainter(small_unet, precision="fp32")(picture, hole).astype(int)
    low = Inpainter(small_unet, precision="bf16")(picture, hole).astype(int)
    assert np.abs(exact - low).mean() < 3


@pytest.mark.parametrize("keyword", [{"precision": "fp8"}, {"device": "toaster"}])
def test_unknown_device_or_precision(small_unet, keyword):
    with pytest.raises(ValueError, match="precision must be|cannot be used"):
        Inpainter(small_unet, **keyword)


def test_unknown_names_list_the_known(tmp_path):
    with pytest.raises(ValueError, match="lama-tiny"):
        lama.load("lama-huge")


def test_importing_lama_does_not_load_torch():
    import subprocess
    import sys

    code = "import sys, lama, lama.photo, lama.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_generator_is_a_torch_module_in_eval(inpainter):
    assert isinstance(inpainter.generator, torch.nn.Module)
    assert not inpainter.generator.training
    assert inpainter.parameter_count == sum(p.numel() for p in inpainter.generator.parameters())


def test_filling_in_place_needs_no_second_picture(inpainter, picture, hole):
    expected = inpainter.fill(picture, hole)
    own = picture.copy()
    assert inpainter.fill(own, hole, out=own) is own
    assert np.array_equal(own, expected)
    other = np.empty_like(picture)
    inpainter.fill(picture, hole, out=other)
    assert np.array_equal(other, expected)
    with pytest.raises(ValueError, match="out must be"):
        inpainter.fill(picture, hole, out=np.empty((3, 4, 3), np.uint8))


def test_a_quick_look_is_coarse_where_the_crop_is_large(inpainter, monkeypatch):
    seen = []
    original = inpainter._fill_tensor
    monkeypatch.setattr(
        inpainter, "_fill_tensor", lambda i, m: seen.append(max(i.shape[-2:])) or original(i, m)
    )
    mask = np.zeros((701, 903), bool)
    mask[20:50, 30:60] = True
    small = mask.copy()
    mask[300:600, 500:800] = True
    picture = np.zeros((*mask.shape, 3), np.uint8)
    inpainter.fill(picture, mask, quality="quick")
    assert sorted(seen) == [256, 384]
    assert np.array_equal(inpainter.coarse(mask), mask & ~small)
    seen.clear()
    inpainter.fill(picture, mask)
    assert sorted(seen) == [256, 768]


def test_quick_fills_run_on_their_own_number_of_cores(inpainter, picture, hole, monkeypatch):
    used = []
    original = inpainter._fill_tensor
    monkeypatch.setattr(
        inpainter,
        "_fill_tensor",
        lambda i, m: used.append(torch.get_num_threads()) or original(i, m),
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        inpainter.preview_cores = 1
        for quality in ("quick", "full"):
            inpainter.fill(picture, hole, quality=quality)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert used == [1, 2]


def test_several_holes_in_one_pass_are_filled_as_one_by_one(inpainter, rng, monkeypatch):
    rgb = rng.integers(0, 256, (701, 903, 3), dtype=np.uint8)
    holes = []
    for y, x in ((120, 130), (130, 700), (520, 410)):
        hole = np.zeros(rgb.shape[:2], bool)
        hole[y : y + 31, x : x + 45] = True
        holes.append(hole)
    one_by_one = rgb
    for hole in holes:
        one_by_one = inpainter.fill(one_by_one, hole)
    seen, shares = [], []
    original = inpainter._fill_tensor
    monkeypatch.setattr(
        inpainter, "_fill_tensor", lambda i, m: seen.append(len(i)) or original(i, m)
    )
    together = inpainter.fill(rgb, np.logical_or.reduce(holes), progress=shares.append)
    assert seen == [3]
    assert np.abs(together.astype(int) - one_by_one).max() <= 1
    assert shares[-1] == 1


def test_a_hole_that_is_filled_is_context_for_the_next(inpainter, rng, monkeypatch):
    rgb = rng.integers(0, 256, (301, 420, 3), dtype=np.uint8)
    mask = np.zeros(rgb.shape[:2], bool)
    mask[100:130, 60:90] = mask[100:160, 250:330] = True  # they see each other
    assert len(list(hole_groups(mask))) == 2
    open_pixels = []
    original = inpainter._fill_tensor
    monkeypatch.setattr(
        inpainter, "_fill_tensor", lambda i, m: open_pixels.append(int(m.sum())) or original(i, m)
    )
    inpainter.fill(rgb, mask)
    assert len(open_pixels) == 2
    assert open_pixels[1] in (900, 4800), "the first one is closed by then"


def test_pictures_smaller_than_a_dilation_reaches_are_padded(rng):
    generator = randomised(build(DilatedConfig(ngf=4, n_blocks=1)))
    rgb = rng.integers(0, 256, (33, 41, 3), dtype=np.uint8)
    mask = np.zeros((33, 41), bool)
    mask[10:20, 10:20] = True
    result = Inpainter(generator, precision="fp32")(rgb, mask)
    assert np.array_equal(result[~mask], rgb[~mask])


@pytest.mark.parametrize(
    ("mask", "quality", "words"),
    [
        ([[True]], "full", "got list"),
        (None, "refine", "one of .*'refined'.* got 'refine'"),
    ],
)
def test_other_kinds_and_qualities_are_refused(inpainter, picture, hole, mask, quality, words):
    with pytest.raises(ValueError, match=words):
        inpainter.fill(picture, hole if mask is None else mask, quality=quality)


@pytest.mark.parametrize("quality", ["quick", "refined"])
def test_pil_images_are_filled_as_asked(inpainter, picture, hole, quality):
    told, answers = [], iter([False, True])
    by_array = inpainter.fill(picture, hole, quality=quality)
    image, mask = Image.fromarray(picture), Image.fromarray(hole)
    result = inpainter(image, mask, quality=quality, progress=told.append)
    assert np.array_equal(np.asarray(result), by_array)
    assert told[-1] == 1
    with pytest.raises(ValueError, match="the quality is one of"):
        inpainter(image, mask, quality="best")
    with pytest.raises(lama.Cancelled):
        inpainter(picture, hole, quality=quality, cancelled=lambda: next(answers))
