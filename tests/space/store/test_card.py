"""The dataset card tells what is in every column."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
import yaml

from space.store import Store
from space.store.card import Figures, render
from space.store.deciding import Fix, decide
from space.store.importing import Answer
from space.store.schema import SCALARS
from tests.space.store.conftest import make_submission


def names_in(value: object) -> Iterator[str]:
    """Every key of a JSON value, however deep."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from names_in(one)


def test_every_column_and_all_that_extra_holds_is_explained(store: Store) -> None:
    receipt = store.save(make_submission(0, note="a note"))
    hole = np.zeros((41, 67), bool)
    hole[3:9, 5:20] = True
    decide(store.core, receipt.record_id, "ann", "approved", fix=Fix(hole))
    extra = store.get(receipt.record_id).extra
    assert {"note", "receipt_sha256", "reviews", "earlier_masks"} <= set(extra)
    card = (store.dataset_dir / "README.md").read_text()
    for name in (*SCALARS, "image", "mask", "strokes", *names_in(json.loads(json.dumps(extra)))):
        assert f"`{name}`" in card, name
    assert f"`{Answer('cc0-1.0', True).strategy}`" in card


@pytest.mark.parametrize(
    ("licences", "said"),
    [
        ({}, "other"),
        ({"private": 3}, "other"),
        ({"cc0-1.0": 1}, "cc0-1.0"),
        ({"cc0-1.0": 1, "private": 2}, ["cc0-1.0", "other"]),
        ({"cc0-1.0": 1, "cc-by-4.0": 2}, ["cc0-1.0", "cc-by-4.0"]),
    ],
)
def test_the_licence_is_that_of_the_records(licences: dict[str, int], said: object) -> None:
    text = render(Figures(3, 3, {"pending": 3}, licences), "place")
    assert yaml.safe_load(text.split("---")[1])["license"] == said
