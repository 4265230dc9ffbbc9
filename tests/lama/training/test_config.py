"""Options of a run: kept as JSON, and compared one by one."""

import json
from dataclasses import fields, replace

import pytest

from lama.config import FourierConfig, RegularConfig
from lama.training.config import PRESETS, LossWeights, differences, from_json, to_json
from tests.lama.training.toy import TOY


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    assert from_json(json.loads(json.dumps(to_json(PRESETS[name])))) == PRESETS[name]


def test_another_perceptual_network_is_a_difference_and_so_is_its_weight():
    assert differences(TOY, TOY) == ""
    network = replace(TOY, perceptual="other.pth")
    assert differences(network, TOY) == "perceptual is other.pth, not efficientnet"
    weight = replace(TOY, weights=replace(TOY.weights, perceptual=7))
    assert differences(weight, TOY) == "weights.perceptual is 7, not 0"
    assert differences(weight, TOY, passed=["perceptual"]), "that is the network, not the weight"
    assert differences(network, TOY, passed=["perceptual"]) == ""


@pytest.mark.parametrize("name", [field.name for field in fields(LossWeights)])
def test_every_weight_is_compared(name):
    changed = replace(TOY, weights=replace(TOY.weights, **{name: 0.123}))
    assert f"weights.{name} is 0.123" in differences(changed, TOY)


def test_generators_are_compared_and_workers_are_not():
    small = replace(TOY, generator=FourierConfig(ngf=8), workers=3)
    large = replace(TOY, generator=FourierConfig(ngf=16))
    assert differences(small, large) == "generator.ngf is 8, not 16"
    assert differences(small, replace(large, generator=FourierConfig(ngf=8))) == ""
    other = differences(small, replace(small, generator=RegularConfig(ngf=8)))
    assert other == "generator.kind is ffc_resnet, not pix2pixhd_global"
