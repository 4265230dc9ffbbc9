import numpy as np
import pytest
import torch

from lama import inside
from lama.checkpoint import build
from lama.config import RegularConfig, UNetConfig
from lama.generator import Generator
from lama.inference import Inpainter
from masks.ops import Box
from tests.conftest import randomised


def loaded(generator):
    return Inpainter(generator, device="cpu", precision="fp32")


@pytest.fixture
def fourier(small_fourier):
    return loaded(small_fourier)


@pytest.fixture
def copying():
    config = UNetConfig(width=8, n_blocks=2, detail=4, base=32, copies=True)
    return loaded(randomised(build(config)))


@pytest.fixture
def scene(rng):
    """A picture of 131 x 203 with one hole well inside."""
    rgb = rng.integers(0, 256, (131, 203, 3), dtype=np.uint8)
    mask = np.zeros((131, 203), bool)
    mask[50:83, 90:121] = True
    return rgb, mask


def test_everything_has_the_size_that_was_looked_at(fourier, scene):
    found = inside.look(fourier, *scene)
    height, width = found.hole.shape
    assert height % 8 == 0
    assert width % 8 == 0
    assert found.rgb.shape == found.result.shape == (height, width, 3)
    assert found.reach.influence.shape == (height, width)
    assert [block.local.shape[1:] for block in found.blocks] == [(height // 8, width // 8)] * 2
    assert found.blocks[0].before.shape == found.blocks[0].after.shape == (height // 8, width // 8)
    assert np.array_equal(found.result[~found.hole], found.rgb[~found.hole])
    assert not found.rgb[found.hole].any()


class RowMeans(Generator):
    """Answers with the mean of what is known in each row, twice as much of what is on the right."""

    config = RegularConfig()

    def __init__(self) -> None:
        super().__init__()
        self.one = torch.nn.Parameter(torch.ones(()))

    def forward(self, image, mask, copied=None):
        weight = (1 - mask) * (1 + (torch.arange(image.shape[-1]) >= 100))
        row = (image * weight).sum(-1, keepdim=True) / weight.sum(-1, keepdim=True)
        return self.one * row.expand_as(image)


def test_influence_is_the_derivative(scene):
    rgb, mask = scene
    rgb, mask = rgb[:128, :200], mask[:128, :200]
    found = inside.look(loaded(RowMeans()), rgb, mask, point=(110, 60))
    assert found.crop == Box(0, 0, 200, 128)
    assert found.point == (110, 60)
    expected = np.zeros((128, 200), np.float32)
    expected[60] = np.where(np.arange(200) >= 100, 2, 1)
    expected[mask] = 0
    assert np.allclose(found.reach.influence, expected / expected.sum(), atol=1e-6)
    # From the middle of the row outwards, a tenth of it lies farther than this.
    far = np.abs(np.arange(200) - 110)
    beyond = expected[60][far > found.reach.radius].sum() / expected.sum()
    assert 0.09 < beyond <= 0.1
    assert found.silenced is None


def test_fourier_units_see_farther_than_convolutions(fourier, scene):
    found = inside.look(fourier, *scene)
    assert found.silenced is not None
    assert found.silenced.radius < found.reach.radius
    assert (found.silenced.influence > 0).mean() < (found.reach.influence > 0).mean()


def test_silence_ends(fourier, scene):
    rgb, mask = scene
    before = fourier(rgb, mask)
    hooks = [len(module._forward_hooks) for module in fourier.generator.modules()]
    inside.look(fourier, rgb, mask)
    assert [len(module._forward_hooks) for module in fourier.generator.modules()] == hooks
    assert np.array_equal(fourier(rgb, mask), before)


def test_levels_go_from_coarse_to_fine(copying, scene):
    found = inside.look(copying, *scene)
    assert len(found.levels) == 3
    assert all(level.copied is not None and level.share is not None for level in found.levels)
    assert all(0 <= level.share.min() <= level.share.max() <= 1 for level in found.levels)
    assert all(not level.share[~level.hole].any() for level in found.levels)
    heights = [level.hole.shape[0] for level in found.levels]
    assert heights == sorted(heights)


def test_a_network_without_fourier_units_has_a_reach(scene):
    plain = loaded(randomised(build(RegularConfig(ngf=4, n_blocks=1))))
    found = inside.look(plain, *scene)
    assert found.silenced is None
    assert found.blocks == ()
    assert found.levels == ()
    assert found.reach.radius > 0


def test_the_point_belongs_to_its_own_hole(fourier, rng):
    rgb = rng.integers(0, 256, (401, 900, 3), dtype=np.uint8)
    mask = np.zeros((401, 900), bool)
    mask[40:140, 30:160] = True  # the largest
    mask[300:330, 820:860] = True
    found = inside.look(fourier, rgb, mask, point=(840, 311))
    assert found.crop.left <= 820
    assert found.crop.right >= 860
    x, y = found.point
    assert found.hole[y, x]
    assert inside.look(fourier, rgb, mask).crop.left < 30


def test_a_thin_hole_in_a_large_photo_is_still_there(fourier, rng):
    rgb = rng.integers(0, 256, (1203, 1601, 3), dtype=np.uint8)
    mask = np.zeros((1203, 1601), bool)
    mask[100:1100, 800] = True
    found = inside.look(fourier, rgb, mask)
    assert found.hole.any()
    assert max(found.hole.shape) <= inside.LONGEST + 8


@pytest.mark.parametrize(("height", "width"), [(64, 9001), (6007, 80), (300, 2401)])
def test_a_long_and_narrow_photo_takes_no_more_than_a_square_one(fourier, height, width):
    rgb, mask = np.full((height, width, 3), 90, np.uint8), np.zeros((height, width), bool)
    mask[height // 3 : height * 2 // 3, width // 40 : -width // 40] = True
    image, hole = inside._shown(fourier.generator, rgb, mask)
    assert image.shape[2:] == hole.shape
    assert hole.any()
    assert not hole.all()
    assert hole.size <= 1.25 * inside.LONGEST**2  # sides are rounded
    assert min(hole.shape) >= fourier.generator.smallest


@pytest.mark.parametrize("point", [(3, 3), (-1, 60), (100, 4000)])
def test_a_known_pixel_has_no_reach(fourier, scene, point):
    with pytest.raises(ValueError, match="is not in the hole"):
        inside.look(fourier, *scene, point=point)
