import numpy as np
import pytest

import masks
from masks.parameter import Parameter

WIDTH = Parameter("max_width", 100, minimum=1, maximum=500, help="Widest brush.", unit="px")


@pytest.mark.parametrize("value", [1, 500, 20.0, np.int64(7), np.float32(9)])
def test_parameter_accepts_whole_numbers_of_any_kind(value):
    assert WIDTH.check(value) == int(value)
    assert type(WIDTH.check(value)) is int


@pytest.mark.parametrize("value", [0, 501, 2.5, "20", None, float("nan"), float("inf"), 10**400])
def test_parameter_refusal_names_itself_and_the_range(value):
    with pytest.raises(ValueError, match="max_width must be a whole number from 1 to 500"):
        WIDTH.check(value)


def test_only_an_integer_from_0_to_1_is_a_switch():
    switches = {p.name for name in masks.names() for p in masks.parameters(name) if p.is_switch}
    assert switches == {"continuous_angles", "scale_with_image", "flip", "rigid"}


def test_a_switch_is_on_or_off():
    dial = Parameter.switch("flip", True, "Mirror it.")
    assert (dial.default, dial.help, dial.is_switch) == (1, "Mirror it.", True)
    assert dial.check(False) == 0
    with pytest.raises(ValueError, match="flip must be a whole number from 0 to 1"):
        dial.check(2)
