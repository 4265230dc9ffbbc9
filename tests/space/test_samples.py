import json
from pathlib import Path

import pytest
from PIL import Image

from space.samples import listed

SAMPLES = Path(__file__).parents[2] / "assets" / "samples"


def test_every_sample_is_there_with_its_licence() -> None:
    found = listed(SAMPLES)
    assert len(found) == 3
    licences = (SAMPLES / "LICENCES").read_text()
    for sample in found:
        path = Path(sample["url"].removeprefix("gradio_api/file="))
        with Image.open(path) as photo:
            assert photo.format == "JPEG"
        assert path.stat().st_size < 300_000
        assert sample["file"] in licences
        assert sample["licence"]
        assert sample["author"]


@pytest.mark.parametrize("name", ["50 % off.jpg", "what?.jpg", "#1 & <b>.jpg"])
def test_any_name_makes_an_address_and_no_markup(tmp_path: Path, name: str) -> None:
    sample = {"file": name, "title": "<i>It</i>"}
    (tmp_path / "samples.json").write_text(json.dumps([sample]))
    [found] = listed(tmp_path)
    assert not set("?#<> ") & set(found["url"])
    assert found["title"] == "&lt;i&gt;It&lt;/i&gt;"


def test_no_list_no_samples(tmp_path: Path) -> None:
    assert listed(tmp_path) == []
