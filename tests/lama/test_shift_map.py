import pytest
import torch
import torch.nn.functional as F

from lama.shift_map import shift_map_fill
from tests.lama.test_offsets import hole, wall


def blurred(image: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(image, 9, 1, 4, count_include_pad=False)


def error(filled: torch.Tensor, image: torch.Tensor, mask: torch.Tensor) -> float:
    return float(((filled - image).abs() * mask).sum() / (3 * mask.sum()))


# The last one has its offsets chosen on a grid of half the size.
@pytest.mark.parametrize(
    ("shape", "cell"), [((101, 133), (23, 31)), ((180, 201), (26, 33)), ((401, 457), (51, 63))]
)
def test_a_wall_goes_on_as_sharp_as_it_is(shape, cell):
    image, mask = wall(*shape, cell), hole(*shape)
    guide = blurred(image)
    filled = shift_map_fill(image * (1 - mask), mask, guide)
    assert error(guide, image, mask) > 0.05
    assert error(filled, image, mask) < 0.005


def test_the_guide_decides_where_one_piece_ends():
    """A wall that is dark on the left and light on the right; the hole covers where they meet."""
    dark = wall(121, 161, (13, 17)) * 0.4
    pictures = {}
    for meet in (64, 96):
        pictures[meet] = torch.cat([dark[..., :meet], dark[..., meet:] + 0.5], dim=-1)
    mask = torch.zeros(1, 1, 121, 161)
    mask[..., 45:80, 50:110] = 1
    for meet, other in ((64, 96), (96, 64)):
        filled = shift_map_fill(pictures[meet], mask, blurred(pictures[meet]))
        assert error(filled, pictures[meet], mask) < 0.08
        assert error(filled, pictures[other], mask) > 0.15


def test_a_hole_that_no_offset_crosses_is_filled_from_its_edge_on():
    shape = (121, 241)
    image, mask = wall(*shape, (13, 17)), torch.zeros(1, 1, *shape)
    mask[..., 20:, 70:] = 1  # three quarters of its rows, to the corner
    guide = torch.full_like(image, 0.5)
    filled = shift_map_fill(image * (1 - mask), mask, guide)
    far = torch.zeros_like(mask)
    far[..., -30:, -40:] = 1
    assert error(filled, guide, far) > 0.05
    assert error(filled, image, far) < 0.05
    assert float((filled == guide).float().mean()) < 0.05


def test_known_pixels_stay_and_the_holes_content_is_not_seen():
    source = torch.Generator().manual_seed(0)
    shape = (97, 131)
    image = torch.rand(1, 3, *shape, generator=source)
    mask = (torch.rand(1, 1, *shape, generator=source) > 0.998).float()
    mask = F.max_pool2d(mask, 9, 1, 4)
    guide = torch.rand(1, 3, *shape, generator=source)
    filled = shift_map_fill(image, mask, guide)
    known = (mask == 0).expand_as(image)
    assert torch.equal(filled[known], image[known])
    assert not torch.equal(filled, torch.where(known, image, guide))
    assert torch.equal(shift_map_fill(torch.where(known, image, 1 - image), mask, guide), filled)
    assert filled.min() >= 0
    assert filled.max() <= 1


def test_pictures_of_a_batch_do_not_see_each_other():
    shape = (101, 133)
    images = torch.cat([wall(*shape, (23, 31)), wall(*shape, (19, 29), seed=1)])
    masks = torch.cat([hole(*shape), hole(*shape).flip(-1)])
    guides = blurred(images)
    together = shift_map_fill(images, masks, guides)
    for i in range(2):
        one = slice(i, i + 1)
        assert torch.equal(together[one], shift_map_fill(images[one], masks[one], guides[one]))


def test_without_a_hole_or_anything_known_or_room():
    image, guide = wall(67, 81, (11, 13)), torch.full((1, 3, 67, 81), 0.25)
    assert torch.equal(shift_map_fill(image, torch.zeros(1, 1, 67, 81), guide), image)
    assert torch.equal(shift_map_fill(image, torch.ones(1, 1, 67, 81), guide), guide)
    small = shift_map_fill(image[..., :5, :9], torch.ones(1, 1, 5, 9), guide[..., :5, :9])
    assert torch.equal(small, guide[..., :5, :9])


def test_the_middle_of_a_hole_out_of_every_offsets_reach_has_texture_too():
    image = wall(60, 400, (9, 400))
    mask = torch.zeros(1, 1, 60, 400)
    mask[..., 30:300] = 1
    guide = torch.full_like(image, 0.25)
    filled = shift_map_fill(image, mask, guide)
    known = (mask == 0).expand_as(image)
    assert torch.equal(filled[known], image[known])
    middle = filled[..., 140:190]  # farther from both ends than anything known could be moved
    assert 0.7 < float(middle.std() / image.std()) < 1.3


def test_halves_are_taken_and_a_pause_ends_it():
    image, mask = wall(101, 133, (23, 31)), hole(101, 133)
    guide = blurred(image)
    rough = shift_map_fill(image, mask, guide.bfloat16())
    assert rough.dtype == torch.float32
    assert error(rough, image, mask) < 0.005
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shift_map_fill(image, mask, guide, stop)


def test_pieces_meet_without_a_seam():
    """Brightness falls from left to right: pieces from either side differ where they meet."""
    image = wall(161, 241, (23, 31)) * 0.4 + torch.linspace(0.6, 0, 241)
    mask = torch.zeros(1, 1, 161, 241)
    mask[..., 50:110, 60:180] = 1
    filled = shift_map_fill(image, mask, blurred(image))
    lit = F.avg_pool2d(filled, (60, 1), 1)[..., 50, 60:180].mean(1)  # means of the hole's columns
    steps, true = lit.diff().abs(), F.avg_pool2d(image, (60, 1), 1)[..., 50, 60:180].mean(1)
    assert steps.max() < true.diff().abs().max() + 0.03


def test_it_computes_in_32_bits_whatever_the_network_around_it_does():
    image, mask = wall(101, 133, (23, 31)), hole(101, 133)
    guide = blurred(image)
    filled = shift_map_fill(image, mask, guide)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(shift_map_fill(image, mask, guide), filled)
    assert torch.equal(shift_map_fill(image.double(), mask > 0, guide).float(), filled)
