import pytest
import torch

from lama.exemplar import FAST, PATIENT, coherent_fill, exemplar_fill
from lama.pullpush import pull_push


def checks(height: int, width: int) -> torch.Tensor:
    """A board of 5-pixel squares in two colours, (1, 3, H, W)."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    board = ((x // 5 + y // 5) % 2).float() * 0.8 + 0.1
    return torch.stack([board, 1 - board, board / 2])[None]


def hole(height: int, width: int, rows: slice, columns: slice) -> torch.Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., rows, columns] = 1
    return mask


def error(filled: torch.Tensor, image: torch.Tensor, mask: torch.Tensor) -> float:
    return float(((filled - image).abs() * mask).sum() / (3 * mask.sum()))


@pytest.mark.parametrize("effort", [FAST, PATIENT])
@pytest.mark.parametrize("shape", [(101, 67), (150, 211), (64, 64)])
def test_a_repeating_pattern_goes_on(shape, effort):
    board, mask = checks(*shape), hole(*shape, slice(25, 47), slice(20, 45))
    filled = exemplar_fill(board, mask, effort)
    assert error(filled, board, mask) < 0.02
    assert error(pull_push(board, mask), board, mask) > 0.15


@pytest.mark.parametrize("effort", [FAST, PATIENT])
@pytest.mark.parametrize("side", [257, 514])
def test_what_shows_between_strokes_fills_them(side, effort):
    """A red band behind bars: made small, the gaps are too narrow for a patch."""
    source = torch.Generator().manual_seed(0)
    image = 0.1 * torch.rand(1, 3, side, side, generator=source)
    band = slice(side // 4, side * 3 // 4)
    image[:, 1] += 0.8
    image[:, 0, band] += 0.8
    image[:, 1, band] -= 0.8
    mask = torch.zeros(1, 1, side, side)
    for left in range(12, side - 30, 30):
        mask[..., band, left : left + 20] = 1
    filled = exemplar_fill(image, mask, effort)
    inside = torch.zeros_like(mask)
    inside[..., band.start + 20 : band.stop - 20, :] = mask[
        ..., band.start + 20 : band.stop - 20, :
    ]
    assert error(filled, image, inside) < 0.1


def test_copies_in_one_piece_are_coherent():
    """A texture twice, side by side, and a hole in one of the two; then without the other one."""
    source = torch.Generator().manual_seed(0)
    noise = (torch.rand(1, 3, 97, 100, generator=source) for _ in range(2))
    one, other = (torch.nn.functional.avg_pool2d(x, 3, 1, 1) for x in noise)
    mask = torch.zeros(1, 1, 97, 203)
    mask[..., 30:60, 40:70] = 1
    gap = one[..., :3]
    for beside, coherent in ((one, True), (other, False)):
        image = torch.cat([one, gap, beside], dim=-1)
        filled, coherence = coherent_fill(image, mask)
        assert torch.equal(filled, exemplar_fill(image, mask))
        assert coherence.shape == mask.shape
        middle = coherence[..., 35:55, 45:65]
        assert middle.min() > 0.9 if coherent else middle.max() < 0.85
        assert torch.equal(coherence[..., 80:, :], torch.ones(1, 1, 17, 203)), "far from the hole"
    nothing, whole = coherent_fill(image, torch.zeros_like(mask))
    assert torch.equal(nothing, image)
    assert torch.equal(whole, torch.ones_like(mask))


@pytest.mark.parametrize("shape", [(97, 131), (70, 64)])
def test_known_pixels_stay_and_the_holes_content_is_not_seen(shape):
    source = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, *shape, generator=source)
    mask = (torch.rand(1, 1, *shape, generator=source) > 0.995).float()
    mask = torch.nn.functional.max_pool2d(mask, 9, 1, 4)
    filled = exemplar_fill(image, mask)
    known = (mask == 0).expand_as(image)
    assert torch.equal(filled[known], image[known])
    other = torch.where(known, image, 1 - image)
    assert torch.equal(exemplar_fill(other, mask), filled)
    assert filled.min() >= 0
    assert filled.max() <= 1 + 1e-5


def test_pictures_of_a_batch_do_not_see_each_other():
    shape = (75, 90)
    images = torch.cat([checks(*shape), torch.rand(1, 3, *shape)])
    masks = torch.cat([hole(*shape, slice(9), slice(40)), hole(*shape, slice(30, 50), slice(80))])
    together = exemplar_fill(images, masks)
    for i in range(2):
        assert torch.equal(together[i], exemplar_fill(images[i : i + 1], masks[i : i + 1])[0])


@pytest.mark.parametrize("shape", [(16, 16), (33, 90), (5, 200), (64, 64)])
def test_where_no_patch_is_known_it_is_pull_push(shape):
    board, mask = checks(*shape), torch.ones(1, 1, *shape)
    mask[..., 0, 0] = 0
    torch.testing.assert_close(exemplar_fill(board, mask), pull_push(board, mask))
    mask[..., :3, :] = 0
    assert torch.equal(exemplar_fill(board, mask)[..., :3, :], board[..., :3, :])


def test_holes_at_the_edges_and_corners_are_filled():
    board, mask = checks(140, 150), hole(140, 150, slice(0, 20), slice(0, 150))
    mask[..., 140:] = 1
    smooth = error(pull_push(board, mask), board, mask)
    assert error(exemplar_fill(board, mask), board, mask) < smooth / 3


def test_no_hole_changes_nothing():
    board = checks(40, 50)
    assert torch.equal(exemplar_fill(board, torch.zeros(1, 1, 40, 50)), board)


def test_many_patches_are_worked_on_in_blocks(monkeypatch):
    board, mask = checks(140, 133), hole(140, 133, slice(30, 90), slice(20, 100))
    whole = exemplar_fill(board, mask)
    monkeypatch.setattr("lama.patch_level.BLOCK", 512)
    torch.testing.assert_close(exemplar_fill(board, mask), whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("period", [2, 5, 6, 7, 9, 13])
def test_holes_that_are_too_small_for_the_coarse_sizes(period):
    board, mask = checks(140, 135), torch.zeros(1, 1, 140, 135)
    mask[..., ::period, ::period] = 1
    filled = exemplar_fill(board, mask)
    assert error(filled, board, mask) < 0.5
    assert torch.equal(filled * (1 - mask), board * (1 - mask))


def test_a_scratch_in_a_large_picture_continues_the_pattern():
    board, mask = checks(530, 410), hole(530, 410, slice(100, 103), slice(20, 390))
    assert error(exemplar_fill(board, mask), board, mask) < 0.02


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_flat_picture_stays_flat(value):
    image, mask = torch.full((1, 3, 90, 101), value), hole(90, 101, slice(20, 50), slice(20, 60))
    torch.testing.assert_close(exemplar_fill(image, mask), image, atol=1e-5, rtol=0)


def test_it_computes_in_32_bits_whatever_the_network_around_it_does():
    board, mask = checks(101, 67), hole(101, 67, slice(25, 47), slice(20, 45))
    with torch.autocast("cpu", torch.bfloat16):
        filled = exemplar_fill(board, mask)
    assert torch.equal(filled, exemplar_fill(board, mask))


def test_patience_finds_more_of_a_large_pattern():
    mask = hole(253, 301, slice(60, 190), slice(80, 230))
    errors = {FAST: 0.0, PATIENT: 0.0}
    for seed in range(5):  # on a single pattern either may have the luck
        source = torch.Generator().manual_seed(seed)
        tile = torch.nn.functional.interpolate(torch.rand(1, 3, 9, 11, generator=source), (45, 57))
        board = tile.repeat(1, 1, 6, 6)[..., :253, :301]
        for effort in errors:
            errors[effort] += error(exemplar_fill(board, mask, effort), board, mask)
    assert errors[PATIENT] < 0.9 * errors[FAST]


def test_it_can_be_ended_between_pieces():
    image, mask = torch.rand(1, 3, 96, 131), torch.zeros(1, 1, 96, 131)
    mask[..., 20:70, 30:100] = 1
    calls = []
    filled = exemplar_fill(image, mask, pause=lambda: calls.append(1))
    assert torch.equal(filled, exemplar_fill(image, mask))
    assert len(calls) > 30

    def enough() -> None:
        calls.pop()
        if not calls:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        exemplar_fill(image, mask, pause=enough)


def test_where_no_patch_is_known_at_the_full_size_a_smaller_fill_is_enlarged():
    """One large hole, and single missing pixels so close that every 7 x 7 patch has one."""
    board = checks(192, 208)
    coarse = torch.nn.functional.interpolate(checks(96, 104), scale_factor=2, mode="nearest")
    for picture, bound in ((coarse, 0.12), (board, 1.0)):
        mask = hole(192, 208, slice(60, 110), slice(70, 120))
        mask[..., ::7, ::7] = 1
        filled = exemplar_fill(picture, mask)
        known = (mask == 0).expand_as(picture)
        assert torch.equal(filled[known], picture[known])
        assert error(filled, picture, mask) < bound
    assert error(pull_push(coarse, mask), coarse, mask) > 0.15


def test_masks_and_pictures_of_other_kinds_are_taken():
    board, mask = checks(64, 75), hole(64, 75, slice(25, 40), slice(20, 45))
    filled = exemplar_fill(board, mask)
    assert torch.equal(exemplar_fill(board, mask > 0), filled)
    double = exemplar_fill(board.double(), mask.double())
    assert double.dtype == torch.float64
    assert torch.equal(double.float(), filled)
