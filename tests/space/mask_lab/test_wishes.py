import pytest

from space.mask_lab import wishes


def test_nothing_said_is_sixteen_wide_masks_on_the_landscape(scenery):
    wish = wishes.read({}, scenery)
    assert (wish.strategy.name, wish.count, wish.seed) == ("wide", 16, 0)
    assert wish.image.shape == (512, 512, 3)
    assert wish.values == {}


def test_numbers_of_javascript_are_numbers(scenery):
    wish = wishes.read({"width": 64.0, "height": "48", "seed": 3.0, "count": 2}, scenery)
    assert (wish.view.width, wish.view.height, wish.seed, wish.count) == (64, 48, 3, 2)


def test_a_photo_decides_the_size(scenery, photo):
    wish = wishes.read({"photo": photo.id, "width": 64, "height": 64}, scenery)
    assert (wish.view.width, wish.view.height) == (260, 180)


def test_only_what_differs_from_the_paper_counts_as_changed(scenery):
    data = {"width": 256, "height": 256, "strategy": "thick"}
    assert wishes.read(data | {"values": {"max_width": 100, "max_chains": 7}}, scenery).values == {
        "max_chains": 7
    }
    # 250 is the published figure for 512 pixels, not for 256.
    assert wishes.read(data | {"values": {"max_width": 250}}, scenery).values == {"max_width": 250}


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"count": 65}, "The number of masks must be a whole number from 1 to 64, not 65"),
        ({"count": True}, "The number of masks"),
        ({"seed": -1}, "The seed must be"),
        ({"seed": 1.5}, "The seed must be"),
        ({"width": ""}, "The width must be a whole number from 16 to 8192, not nothing"),
        ({"height": 9000}, "The height must be"),
        ({"strategy": "wude"}, "There is no mask strategy"),
        ({"values": {"max_width": 0}}, "max_width must be"),
        ({"values": [3]}, "parameters could not be read"),
        ({"photo": "../../etc/passwd"}, "not the id of a photo"),
        ({"photo": "0" * 64}, "no longer has this photo"),
    ],
)
def test_wrong_wishes_are_answered_in_words(data, complaint, scenery):
    with pytest.raises(ValueError, match=complaint):
        wishes.read(data, scenery)
