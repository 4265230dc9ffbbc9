"""The users' masks against a strategy's, as plots, and the strategy that is fitted to them."""

import re
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import masks
from space.dataset import drawers
from space.dataset.drawers_panel import LIKE_USERS, compare
from space.store import Filters
from tests.space.dataset_app import make_services
from tests.space.store.conftest import make_submission


@pytest.fixture
def services(tmp_path: Path):
    made = make_services(tmp_path / "data")
    yield made
    made.store.close()


def save(services, count: int) -> None:
    for i in range(count):
        mask = np.zeros((41, 67), dtype=bool)
        mask[10:14, 5 : 30 + i] = True
        mask[0 : 3 * (i % 2), 60:66] = True  # every other one touches the border
        services.store.save(make_submission(i, mask=mask))


def test_the_figures_are_those_of_the_masks(services) -> None:
    save(services, 4)
    look = drawers.users(services.store, Filters()).look
    assert len(look) == 4
    assert sorted(look.holes) == [1, 1, 2, 2]
    assert sorted(look.border) == [0, 0, 1, 1]
    assert np.allclose(look.width, 4 / 41, atol=1 / 41)
    assert look.area.max() < 0.1


def test_one_mask_at_a_time_is_in_memory_and_measured_once(
    services, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(services, 6)
    read, look = services.store.mask, drawers.fitted.look
    alive: list[weakref.ref] = []
    most, measured = [0], [0]

    def reading(record):
        mask = read(record)
        alive.append(weakref.ref(mask))
        most[0] = max(most[0], sum(one() is not None for one in alive))
        return mask

    def measuring(mask):
        measured[0] += 1
        return look(mask)

    monkeypatch.setattr(services.store, "mask", reading)
    monkeypatch.setattr(drawers.fitted, "look", measuring)
    found = drawers.users(services.store, Filters())
    assert len(found.look) == found.examples.masks == 6
    assert (most[0], measured[0]) == (1, 6)


def test_a_mask_that_cannot_be_read_is_left_out(services) -> None:
    save(services, 3)
    path = services.store.core.objects.path("masks", services.store.newest()[0].mask_sha256)
    path.write_bytes(b"spoilt")
    assert len(drawers.users(services.store, Filters()).look) == 2


def test_filters_are_kept(services) -> None:
    save(services, 2)
    with pytest.raises(ValueError, match="no mask to look at"):
        drawers.users(services.store, replace(Filters(), status="approved"))


@pytest.mark.parametrize("name", ["thin", LIKE_USERS])
def test_plots_and_file(services, name: str) -> None:
    save(services, 5)
    html, words, file = compare(services, name, Filters())
    assert html.count("<svg") == html.count("<polyline") == 3
    assert html.count("<figure") == 4
    assert f'"pl-key-bar">5 saved masks</span><span class="pl-key-other">{name}</span>' in html
    assert 'saved masks</span><i class="pl-row-bar" style="--share:0.400"></i><b>40%</b>' in html
    heights = [float(h) for h in re.findall(r'height="(-?[\d.]+)"', html)]
    assert min(heights) >= 0
    path = re.search(r"fitted:(/[^<]+)<", words).group(1)
    assert file.value["path"]
    drawn = masks.get(f"fitted:{path}")(np.zeros((50, 60, 3), np.uint8), np.random.default_rng(0))
    assert 0 < drawn.mean() < 0.4


def test_whole_numbers_stand_in_the_middle_of_their_bars() -> None:
    ones, some = np.ones(4), np.full(4, 0.1)
    mine = drawers.MaskFigures(some, np.array([1.0, 1, 2, 9]), some, ones)
    html = drawers.plots_html(mine, drawers.MaskFigures(some, ones, some, ones), "<box>")
    assert "in a mask: median 1.5 | 1<" in html
    assert ">1</text>" in html
    assert ">8 and more</text>" in html
    assert "<box>" not in html
    shares = [int(s) for s in re.findall(r">(\d+)% of the saved masks<", html.split("<figure")[2])]
    assert shares == [50, 25, 0, 0, 0, 0, 0, 25]


def test_without_masks_it_says_so(services) -> None:
    html, words, file = compare(services, "wide", Filters())
    assert html == ""
    assert "no mask to look at" in words
    assert not file.visible


def test_a_strategys_figures_are_the_same_each_time() -> None:
    drawers.strategy_look.cache_clear()
    first = drawers.strategy_look("box")
    drawers.strategy_look.cache_clear()
    assert (first.area == drawers.strategy_look("box").area).all()


def test_what_strangers_look_at_is_not_what_training_takes(services) -> None:
    save(services, 2)
    kept = services.settings.folders.dataset_exports / "masks-like-users.json"
    compare(services, "wide", Filters(private=True))
    of_the_operator = kept.read_bytes()
    save(services, 3)
    _, words, file = compare(services, "wide", Filters(private=False))
    assert kept.read_bytes() == of_the_operator
    assert str(services.settings.data_dir) not in words
    assert Path(file.value["path"]).read_bytes() != of_the_operator
