from unittest import mock

import pytest
import torch
import torch.nn.functional as F

from lama import contrast
from lama.checkpoint import build
from lama.config import UNetConfig
from lama.exemplar import FAST, PATIENT, coherent_fill, exemplar_fill
from lama.pullpush import pull_push
from lama.shift_map import shift_map_fill
from tests.conftest import randomised


@pytest.mark.parametrize("size", [(64, 64), (128, 136), (272, 264)])
def test_only_the_hole_changes_and_its_content_is_not_seen(small_unet, size):
    image, mask = torch.rand(1, 3, *size), torch.zeros(1, 1, *size)
    mask[..., 8:50, 16:44] = 1
    other = image * (1 - mask) + torch.rand_like(image) * mask
    with torch.inference_mode():
        out = small_unet(image, mask)
        assert torch.equal(out, small_unet(other, mask))
    assert ((out - image) * (1 - mask)).abs().max() < 2e-4
    assert (out - pull_push(image, mask))[..., 8:50, 16:44].abs().max() > 0.01


def test_large_pictures_start_from_the_small_answer(small_unet):
    image, mask = torch.rand(1, 3, 256, 128), torch.zeros(1, 1, 256, 128)
    mask[..., 40:120, 30:90] = 1
    with torch.inference_mode():
        guess = small_unet.first_guess(image, mask)
    assert not torch.allclose(guess, pull_push(image, mask), atol=1e-3)
    assert torch.equal(guess * (1 - mask), image * (1 - mask))


@pytest.mark.parametrize("size", [(280, 136), (200, 264)])
def test_training_sees_the_answer_at_every_size(copying, size):
    """Heights and widths at which halves have to be padded."""
    generator = torch.Generator().manual_seed(5)
    image, mask = torch.rand(2, 3, *size, generator=generator), torch.zeros(2, 1, *size)
    mask[..., 21:90, 31:100] = 1
    copying.train()
    answers = copying.answers(image, mask)
    with torch.no_grad():
        # What batch norm remembers does not matter while training.
        assert torch.equal(answers[0].prediction, copying(image, mask))
    assert torch.equal(answers[0].image, image)
    height, width = size[0] // 2, size[1] // 2
    assert [tuple(x.shape) for x in answers[1]] == [
        (2, 3, height, width),
        (2, 1, height, width),
        (2, 3, height, width),
    ]
    _, hole, prediction = answers[1]
    assert torch.equal(hole == 1, torch.nn.functional.avg_pool2d(mask, 2) == 1)
    wanted = torch.nn.functional.avg_pool2d(image, 2)
    torch.testing.assert_close(answers[1].image * hole, wanted * hole)
    known = torch.nn.functional.avg_pool2d(mask, 2) == 0
    assert ((prediction - answers[1].image) * known).abs().max() < 2e-4
    assert len(copying.answers(image, mask, smallest=min(height, width))) == 2
    assert len(copying.answers(image, mask, smallest=min(height, width) + 1)) == 1


def test_what_is_hidden_is_compared_with_and_not_seen(copying):
    image, mask = torch.rand(1, 3, 128, 136), torch.zeros(1, 1, 128, 136)
    mask[..., 20:70, 30:90] = 1
    other = image * (1 - mask) + torch.rand_like(image) * mask
    copying.train()
    for one, two in zip(copying.answers(image, mask), copying.answers(other, mask), strict=True):
        assert torch.equal(one.prediction, two.prediction)
        assert not torch.equal(one.image, two.image)


@pytest.fixture
def copying():
    """A network that looks at a copied fill, small."""
    return randomised(build(UNetConfig(width=8, n_blocks=1, detail=4, copies=True)))


def test_what_is_copied_may_be_made_ahead(copying):
    image, mask = torch.rand(1, 3, 136, 152), torch.zeros(1, 1, 136, 152)
    mask[..., 40:90, 30:90] = 1
    copied = copying.copier(image, mask)
    assert torch.equal(copied, exemplar_fill(image, mask))
    with torch.inference_mode():
        out = copying(image, mask)
        assert torch.equal(out, copying(image, mask, copied))
        assert not torch.allclose(out, copying(image, mask, 1 - copied), atol=1e-3)
    assert ((out - image) * (1 - mask)).abs().max() < 2e-4


def test_it_can_take_the_copy_as_it_is(copying):
    last = copying.detail[-1]
    torch.nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 30.0]))
    image, mask = torch.rand(1, 3, 72, 88) * 0.9 + 0.05, torch.zeros(1, 1, 72, 88)
    mask[..., 20:50, 30:60] = 1
    with torch.inference_mode():
        out = copying(image, mask)
    torch.testing.assert_close(out, exemplar_fill(image, mask), atol=1e-4, rtol=0)


def test_one_that_does_not_copy_has_no_copier(small_unet):
    assert small_unet.copier is None
    assert small_unet.copies(torch.rand(1, 3, 72, 88), torch.ones(1, 1, 72, 88)) is None


@pytest.mark.parametrize(("size", "halvings"), [((152, 136), 1), ((264, 272), 2)])
def test_large_pictures_are_copied_in_large_pieces(copying, size, halvings):
    """At 72 pixels patches are copied, and the answer there is the guide."""
    copying.large = 80
    image, mask = torch.rand(2, 3, *size), torch.zeros(2, 1, *size)
    mask[0, :, 40:90, 30:90] = 1
    mask[1, :, 20:60, 60:130] = 1
    searched, guides = [], []

    def search(image, mask, **options):
        searched.append((image.shape[-2:], options["effort"]))
        return exemplar_fill(image, mask, **options)

    def pieces(image, mask, guide, pause):
        guides.append(guide)
        return shift_map_fill(image, mask, guide, pause)

    with (
        torch.inference_mode(),
        mock.patch("lama.unet.exemplar_fill", search),
        mock.patch("lama.unet.shift_map_fill", pieces),
    ):
        copied = copying.copies(image, mask)
        out = copying(image, mask)
        patient = copying.copies(image, mask, patient=True)
    side = [-(-length // 2**halvings // 8) * 8 for length in size]
    assert [(list(shape), effort) for shape, effort in searched] == [
        *[(side, FAST)] * 4, *[(side, PATIENT)] * 2
    ]  # fmt: skip
    guides = [torch.cat(pair) for pair in zip(guides[::2], guides[1::2], strict=True)]
    assert torch.equal(copied, shift_map_fill(image, mask, guides[0]))
    assert torch.equal(out, copying(image, mask, copied))
    assert not torch.equal(patient, copied)
    known = (mask == 0).expand_as(image)
    assert torch.equal(guides[0][known], image[known])
    smooth = F.avg_pool2d(guides[0], 2**halvings)
    enlarged = F.interpolate(smooth, size=size, mode="bilinear")
    inside = -F.max_pool2d(-mask, 17, 1, 8) > 0  # away from the edge the guide has no detail
    assert ((enlarged - guides[0]).abs() * inside).max() < 0.2


@pytest.mark.parametrize(("size", "pieces"), [((1023, 1100), False), ((1024, 1032), True)])
def test_large_begins_at_1024_pixels(copying, size, pieces):
    image, mask = torch.rand(1, 3, *size), torch.zeros(1, 1, *size)
    mask[..., 40:60, 30:50] = 1
    with (
        mock.patch("lama.unet.exemplar_fill", return_value=image) as patches,
        mock.patch("lama.unet.shift_map_fill", return_value=image) as moved,
        mock.patch.object(copying, "_coarse_fill"),
    ):
        copying.copies(image, mask)
    assert (patches.called, moved.called) == (not pieces, pieces)


@pytest.mark.parametrize(
    ("size", "width", "textured"),
    [((520, 536), 165, True), ((520, 536), 145, False), ((504, 536), 165, False)],
    ids=["deep", "shallow", "small"],
)
def test_deep_holes_get_the_texture_of_pieces(copying, size, width, textured):
    """A hole of one picture of a batch, beside a small one of the other."""
    image, mask = torch.rand(2, 3, *size), torch.zeros(2, 1, *size)
    mask[0, :, 60:90, 30:50] = 1
    mask[1, :, 60:260, 100 : 100 + width] = 1
    guides = []

    def pieces(image, mask, guide, pause):
        guides.append(guide)
        return shift_map_fill(image, mask, guide, pause)

    with torch.inference_mode(), mock.patch("lama.unet.shift_map_fill", pieces):
        copied = copying.copies(image, mask)
    patches, coherence = coherent_fill(image, mask)
    assert torch.equal(copied[:1], patches[:1])
    assert torch.equal(copied, patches) == (not textured)
    assert len(guides) == textured
    if textured:
        other = shift_map_fill(image[1:], mask[1:], guides[0])
        wanted = contrast.textured(patches[1:], coherence[1:], other, guides[0])
        assert torch.equal(copied[1:], wanted)


def test_a_pause_may_end_the_search_for_large_pieces(copying):
    copying.large = 80
    image, mask = torch.rand(1, 3, 152, 136), torch.zeros(1, 1, 152, 136)
    mask[..., 40:90, 30:90] = 1
    calls = []
    copying.copies(image, mask, pause=lambda: calls.append(1))
    for last in (1, len(calls)):  # in the search for patches, and in that for pieces
        left = iter([None] * (last - 1))

        def pause(left=left):
            if next(left, "over") == "over":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            copying.copies(image, mask, pause=pause)
        assert next(left, "over") == "over"


def test_outside_training_each_size_is_looked_at_around_the_hole(small_unet):
    seen = []
    small_unet.enter.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-2:]))
    image, mask = torch.rand(1, 3, 320, 264), torch.zeros(1, 1, 320, 264)
    mask[..., 150:211, 0:50] = 1
    with torch.inference_mode():
        out = small_unet(image, mask)
    # Rows 118 to 242 and columns up to 81, in steps of 16; at half the size 43 to 136 and 56.
    assert seen[-1] == (144, 96)
    assert seen[-2] == (112, 64)
    near = out[..., 112:256, :96]
    far = image.clone()
    far[..., 112:256, :96] = near
    assert torch.equal(out, far)


def test_far_away_parts_of_the_finest_size_do_not_matter(small_unet):
    image, mask = torch.rand(1, 3, 120, 104), torch.zeros(1, 1, 120, 104)
    mask[..., 6:30, 6:30] = 1
    with torch.inference_mode():
        guess = small_unet.first_guess(image, mask)
        small_unet.first_guess = lambda *_: guess
        out = small_unet(image, mask)
        image[..., 64:, 64:] = 0
        assert torch.equal(small_unet(image, mask)[..., :64, :64], out[..., :64, :64])


def test_training_looks_at_all_of_it(small_unet):
    seen = []
    small_unet.enter.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-2:]))
    image, mask = torch.rand(2, 3, 64, 104), torch.zeros(2, 1, 64, 104)
    mask[..., 10:20, 10:20] = 1
    small_unet.train()(image, mask)
    assert seen == [(64, 104)]


def test_nothing_to_fill(small_unet):
    image = torch.rand(1, 3, 136, 64)
    with torch.inference_mode():
        assert torch.equal(small_unet(image, torch.zeros(1, 1, 136, 64)), image)


def test_outside_training_the_answer_is_no_busier_than_the_copy(copying):
    """At every size: what a smaller one overdraws is not handed on."""
    last = copying.detail[-1]
    with torch.no_grad():
        last.weight.normal_(std=1.0, generator=torch.Generator().manual_seed(3))
        last.bias[3] = -20.0  # nothing of the copy is taken by the network itself
    image, mask = torch.full((1, 3, 144, 176), 0.5), torch.zeros(1, 1, 144, 176)
    mask[..., 16:128, 16:160] = 1
    inside = mask.expand(-1, 3, -1, -1) > 0
    with torch.inference_mode():
        calm = copying.eval()(image, mask, image)[inside].std()
        guess = copying.first_guess(image, mask, image)
        busy = copying.decode(copying.encode(image, mask, guess, image))[inside].std()
    assert guess[inside].std() < 0.02
    assert calm < 0.02
    assert busy > 0.1
