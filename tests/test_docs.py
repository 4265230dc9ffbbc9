"""What a person can type is documented, and what is documented exists."""

import argparse
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import lama.__main__
import masks
import masks.__main__

ROOT = Path(__file__).parent.parent
DOCS = {p: p.read_text() for p in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
ALL = "\n".join(DOCS.values())
ENDPOINTS = [
    "inpaint",
    "generate_masks",
    "select_object",
    "log_mask",
    "delete_record",
    "dataset_info",
]


def flags(parser: argparse.ArgumentParser) -> set[str]:
    found = set()
    for action in parser._actions:
        found |= {o for o in action.option_strings if o.startswith("--") and o != "--help"}
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                found |= flags(sub)
    return found


def parsers() -> dict[str, argparse.ArgumentParser]:
    import space.dataset.command
    import space.settings

    found = {"lama": lama.__main__._parser(), "masks": masks.__main__._parser()}
    for module in (space.dataset.command, space.settings):
        for name in ("parser", "_parser", "build_parser"):
            if hasattr(module, name):
                found[module.__name__] = getattr(module, name)()
    assert len(found) == 4, "the app and the dataset command must offer their parser"
    return found


def test_every_flag_is_documented():
    named = {name: flags(parser) for name, parser in parsers().items()}
    missing = {f"{name} {flag}" for name in named for flag in named[name] if flag not in ALL}
    assert not missing, f"say in README.md or docs/ what these do: {sorted(missing)}"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_is_documented(endpoint):
    assert f"/{endpoint}" in DOCS[ROOT / "docs" / "api.md"]


def test_every_strategy_and_parameter_is_documented():
    text = DOCS[ROOT / "docs" / "masks.md"]
    missing = {n for n in masks.names() if f"`{n}`" not in text}
    missing |= {p.name for n in masks.names() for p in masks.parameters(n) if p.name not in text}
    assert not missing, f"docs/masks.md says nothing of {sorted(missing)}"


def test_every_environment_variable_is_documented():
    files = [p for room in ("lama", "masks", "space") for p in (ROOT / room).rglob("*.py")]
    source = "\n".join(p.read_text() for p in files)
    used = set(re.findall(r"[\"'](LAMA_[A-Z_]+|SPACE_[A-Z_]+|INPAINT_[A-Z_]+)[\"']", source))
    missing = {name for name in used if name not in ALL}
    assert used
    assert not missing, f"say in README.md or docs/ what these do: {sorted(missing)}"


def test_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", ALL, re.M))
    missing = {n for n in named if not re.search(rf"^{n}:", makefile, re.M)}
    assert not missing, f"the docs name targets that the Makefile lacks: {missing}"


def test_links_between_files_lead_somewhere():
    rooms = (ROOT, ROOT / "docs", ROOT / "benchmarks", ROOT / "lama" / "weights")
    for path in (page for room in rooms for page in room.glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} links to {target}"


def test_the_tree_in_the_readme_is_the_tree_on_disk():
    tree = re.search(r"```\n(app\.py.*?)```", DOCS[ROOT / "README.md"], re.S)
    assert tree
    named = re.findall(r"^([\w./-]+)", tree.group(1), re.M)
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists(), f"README's tree names {name}"


def test_the_python_of_the_readme_fills_a_phones_photo(tmp_path, monkeypatch):
    """Phones save photos lying on their side, with a word on how to turn them."""
    rng = np.random.default_rng(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = rng.integers(0, 256, (67, 91, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", exif=exif)
    hole = np.zeros((91, 67), np.uint8)
    hole[20:50, 10:31] = 255
    Image.fromarray(hole).save(tmp_path / "mask.png")
    [snippet] = re.findall(r"```python\n(.*?)```", DOCS[ROOT / "README.md"], re.S)
    monkeypatch.chdir(tmp_path)
    exec(snippet, {})  # noqa: S102 - ours
    with Image.open("photo.jpg") as photo, Image.open("without.png") as filled:
        before, after = np.asarray(ImageOps.exif_transpose(photo)), np.asarray(filled)
    assert np.array_equal(after[hole == 0], before[hole == 0])
    assert not np.array_equal(after, before)
