import numpy as np
import pytest

import masks


@pytest.mark.parametrize(
    ("height", "width"), [(512, 512), (200, 333), (16, 16), (16, 600), (900, 40)]
)
def test_the_scene_comes_in_any_size(height, width):
    image = masks.scene(height, width)
    assert masks.check_image(image) == (height, width)
    assert np.ptp(image) > 60


def test_its_things_are_found_as_objects():
    items = masks.generate("segmentation", masks.scene(384, 512), 8, 0)
    assert all(item.strategy_used == "segmentation" for item in items)


def test_a_size_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="between 16"):
        masks.scene(8, 100)
