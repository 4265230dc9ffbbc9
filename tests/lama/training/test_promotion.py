"""What a fine-tuned model is called."""

import re

from lama.training.promotion import model_name


def test_a_name_tells_base_moment_and_masks():
    assert re.fullmatch(r"lama-tiny-\d{8}-\d{6}-0123abcd", model_name("lama-tiny", "0123abcd"))


def test_a_model_that_is_tuned_again_keeps_the_first_name_alone():
    first = model_name("lama-tiny", "0123abcd")
    assert re.fullmatch(r"lama-tiny-\d{8}-\d{6}-ffff", model_name(first, "ffff"))
    twice = "toy-20261127-081500-aa-20261127-091500-bb"
    assert re.fullmatch(r"toy-\d{8}-\d{6}-cc", model_name(twice, "cc"))
