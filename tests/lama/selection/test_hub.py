"""The Hub's networks, with tiny random ones built here: the whole way but for the weights."""

import numpy as np
import pytest
import torch

import lama.selection
from lama.selection.hub import MODELS, HubModel, Panoptic, provider
from masks.selection import Prompt


@pytest.fixture(scope="module")
def sam_folder(tmp_path_factory):
    """A SAM of a few thousand parameters with random weights, as transformers writes it."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 64,
            "patch_size": 16, "output_channels": 16, "mlp_dim": 16, "global_attn_indexes": [0],
            "num_pos_feats": 8, "window_size": 2,
        },
        prompt_encoder_config={
            "hidden_size": 16, "image_size": 64, "patch_size": 16, "mask_input_channels": 4,
        },
        mask_decoder_config={
            "hidden_size": 16, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("sam")
    transformers.SamModel(config).save_pretrained(folder)
    small = {"size": {"longest_edge": 64}, "pad_size": {"height": 64, "width": 64}}
    transformers.SamProcessor(transformers.SamImageProcessor(**small)).save_pretrained(folder)
    return folder


def test_sam_takes_clicks_and_boxes_at_the_photos_size(sam_folder):
    found = provider(str(sam_folder))
    image = np.random.default_rng(0).integers(0, 256, (75, 101, 3), dtype=np.uint8)
    for prompt in (
        Prompt(points=((50, 30),)),
        Prompt(points=((50, 30), (60, 30)), not_points=((5, 5),)),
        Prompt(box=(10, 10, 60, 50)),
        Prompt(points=((50, 30),), box=(10, 10, 60, 50)),
    ):
        mask = found.select(image, prompt)
        assert mask.shape == (75, 101)
        assert mask.dtype == np.bool_
        assert (found.select(image, prompt) == mask).all()
    with pytest.raises(ValueError, match="nothing was pointed at"):
        found.select(image, Prompt())


def test_sam_keeps_a_photos_features(sam_folder, monkeypatch):
    found = provider(str(sam_folder))
    network = found._parts[0]
    calls = []
    real = network.get_image_embeddings
    monkeypatch.setattr(network, "get_image_embeddings", lambda p: calls.append(1) or real(p))
    one = np.zeros((40, 64, 3), np.uint8)
    for image in (one, one, one + 9, one):
        found.select(image, Prompt(points=((8, 8),)))
    assert len(calls) == 2


@pytest.fixture(scope="module")
def panoptic_folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    backbone = transformers.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone, feature_size=32, mask_feature_size=32, hidden_dim=32,
        encoder_feedforward_dim=16, encoder_layers=1, decoder_layers=2, dim_feedforward=16,
        num_attention_heads=2, num_queries=6, num_labels=4,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("panoptic")
    transformers.Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)
    size = {"height": 64, "width": 64}
    transformers.Mask2FormerImageProcessor(size=size).save_pretrained(folder)
    return folder


def test_a_panoptic_network_labels_things_at_the_photos_size(panoptic_folder):
    found = provider(str(panoptic_folder))
    image = np.random.default_rng(0).integers(0, 256, (45, 71, 3), dtype=np.uint8)
    assert found._look(image).shape == (45, 71)
    assert found.select(image, Prompt(points=((20, 20),))).shape == (45, 71)
    assert found.select(image, Prompt(box=(5, 5, 40, 40))).shape == (45, 71)


def test_a_click_takes_the_thing_under_it_and_a_box_the_one_that_fits(monkeypatch):
    labels = np.zeros((45, 71), np.int32)
    labels[5:20, 10:30] = 1
    labels[15:40, 25:60] = 2
    found = Panoptic("things", HubModel("none", "panoptic", "none"))
    looked = []
    monkeypatch.setattr(found, "_look", lambda image: looked.append(1) or labels)
    image = np.zeros((45, 71, 3), np.uint8)
    click = found.select(image, Prompt(points=((12, 8), (40, 30))))
    assert np.array_equal(click, labels > 0)
    apart = found.select(image, Prompt(points=((12, 8), (40, 30)), not_points=((50, 30),)))
    assert np.array_equal(apart, labels == 1)
    assert np.array_equal(found.select(image, Prompt(box=(24, 14, 61, 41))), labels == 2)
    assert not found.select(image, Prompt(points=((2, 2),))).any(), "background"
    assert looked == [1], "once a photo"


def test_names_and_licences():
    assert all(model.licence and "/" in model.repository for model in MODELS.values())
    assert lama.selection.get("regions").name == "regions"
    assert lama.selection.get().name == lama.selection.default().name
    with pytest.raises(ValueError, match="there are default, .*sam-base"):
        lama.selection.get("sam-tiny")


def test_a_folder_without_a_network_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no folder that transformers wrote"):
        lama.selection.get(str(tmp_path))
