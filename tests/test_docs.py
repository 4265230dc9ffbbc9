"""What a person can type is documented, and what is documented exists."""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import lama.__main__
import masks
import masks.__main__
import space.dataset.command
import space.settings
import space.ui
from lama.training import defaults
from lama.training.config import PRESETS
from tests.space.dataset_app import make_services

ROOT = Path(__file__).parent.parent
DOCS = {p: p.read_text() for p in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
ALL = "\n".join(text for path, text in DOCS.items() if path.name != "log.md")
ENDPOINTS = [
    "inpaint",
    "generate_masks",
    "select_object",
    "log_mask",
    "delete_record",
    "dataset_info",
]
# Where the options of each command are explained: a page, or a part of it.
PAGES = {
    "lama inpaint": ("docs/app.md", "## Folders of photos"),
    "lama train": ("docs/training.md", "## Flags"),
    "lama finetune": ("docs/training.md", "### With a judge: `finetune`"),
    "lama ablate": ("docs/training.md", "## Ablations"),
    "lama evaluate": ("docs/evaluation.md", "# Evaluation"),
    "lama models": ("README.md", "## Models"),
    "masks": ("docs/masks.md", "# Masks"),
    "space dataset": ("docs/dataset.md", "## Command line"),
    "app": ("docs/app.md", "## Settings"),
}


def section(page: str, heading: str) -> str:
    """A page from a heading to the next of its rank or above."""
    text = re.sub(r"^```.*?^```", _indented, f"\n{DOCS[ROOT / page]}", flags=re.M | re.S)
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"{page} has no heading {heading!r}"
    return re.split(rf"^#{{1,{heading.index(' ')}}} ", rest, maxsplit=1, flags=re.M)[0]


def _indented(block: re.Match[str]) -> str:
    return block[0].replace("\n", "\n    ")  # a comment in code is no heading


def commands(name: str, parser: argparse.ArgumentParser) -> dict[str, list[argparse.Action]]:
    """What each verb takes, by the words before it."""
    found = {name: [a for a in parser._actions if a.dest != "help"]}
    for action in list(found[name]):
        if isinstance(action, argparse._SubParsersAction):
            found[name].remove(action)
            for verb, sub in action.choices.items():
                found |= commands(f"{name} {verb}", sub)
    return {words: actions for words, actions in found.items() if actions}


COMMANDS = {
    words: actions
    for name, parser in (
        ("lama", lama.__main__._parser()),
        ("masks", masks.__main__._parser()),
        ("space", space.dataset.command._parser()),
        ("app", space.settings._parser()),
    )
    for words, actions in commands(name, parser).items()
}


def test_all_commands_were_found():
    assert len(COMMANDS) >= 15
    for page in PAGES:
        assert any(words.startswith(page) for words in COMMANDS), page


@pytest.mark.parametrize("words", COMMANDS)
def test_every_flag_is_documented_where_its_command_is(words):
    page, heading = next(where for name, where in PAGES.items() if words.startswith(name))
    text = section(page, heading)
    flags = {o for a in COMMANDS[words] for o in a.option_strings if o.startswith("--")}
    missing = {flag for flag in flags if not re.search(rf"{flag}(?![\w-])", text)}
    missing -= {flag for flag in missing if flag.replace("--no-", "--") in flags - missing}
    assert not missing, f"{page} says nothing of {sorted(missing)} of `{words}` below {heading!r}"


@pytest.mark.parametrize("words", COMMANDS)
def test_every_option_has_help(words):
    missing = [a.option_strings or a.dest for a in COMMANDS[words] if not a.help]
    assert not missing, f"--help of {words} says nothing of {missing}"


@pytest.mark.parametrize("words", [words for words in COMMANDS if words.split()[0] != "space"])
def test_help_names_the_defaults(words):
    """As it is typed; what stands for "not given" has a meaning of its own."""
    silent = []
    for action in COMMANDS[words]:
        default = action.default
        if default in (None, False, argparse.SUPPRESS) or default in ([], ()):
            continue
        typed = default if isinstance(default, list) else [default]
        if not all(str(value) in (action.help or "") for value in typed):
            silent.append(action.option_strings)
    assert not silent, f"--help of {words} does not name the defaults of {silent}"


def test_the_api_is_documented_with_every_parameter(tmp_path):
    info = space.ui.build(make_services(tmp_path)).get_api_info()["named_endpoints"]
    assert set(info) == {f"/{name}" for name in ENDPOINTS}
    for endpoint, facts in info.items():
        text = section("docs/api.md", f"## {endpoint}")
        names = {parameter["parameter_name"] for parameter in facts["parameters"]}
        missing = {name for name in names if f"`{name}`" not in text}
        assert not missing, f"docs/api.md says nothing of {sorted(missing)} of {endpoint}"


def test_every_strategy_and_parameter_is_documented():
    text = DOCS[ROOT / "docs" / "masks.md"]
    missing = {n for n in masks.names() if f"`{n}`" not in text}
    missing |= {p.name for n in masks.names() for p in masks.parameters(n) if p.name not in text}
    assert not missing, f"docs/masks.md says nothing of {sorted(missing)}"


def test_the_figures_of_fine_tuning_are_the_presets():
    text = section("docs/training.md", "### With a judge: `finetune`")
    for name in ("steps", "batch", "lr", "masks_share", "seed"):
        stated = f"`--{name.replace('_', '-')}` ({getattr(defaults.FINE_TUNE, name):g})"
        assert stated in text, f"docs/training.md should say {stated}"
    assert f"`--cases` ({defaults.CASES})" in text
    assert f"`--margin` ({defaults.MARGIN:.0%})".replace("%", " %") in text


def test_every_preset_is_documented():
    text = section("docs/training.md", "## Presets")
    missing = {name for name in PRESETS if f"\n| `{name}` |" not in text}
    assert not missing, f"the table of presets in docs/training.md lacks {sorted(missing)}"


def test_every_environment_variable_is_documented():
    files = [p for room in ("lama", "masks", "space") for p in (ROOT / room).rglob("*.py")]
    source = "\n".join(p.read_text() for p in files)
    used = set(space.settings.ENVIRONMENT.values())
    used |= set(re.findall(r"[\"'](LAMA_[A-Z_]+|SPACE_[A-Z_]+|INPAINT_[A-Z_]+)[\"']", source))
    missing = {name for name in used if name not in ALL}
    assert used
    assert not missing, f"say in README.md or docs/ what these do: {sorted(missing)}"


def test_the_speed_of_a_stroke_is_the_measured_one():
    text = section("docs/results.md", "## Speed")
    live = json.loads((ROOT / "benchmarks" / "results" / "live.json").read_text())
    assert re.findall(r"([\d.]+) s\b", text) == [
        f"{live[name]:.3f}" for name in ("outside_median", "server_median")
    ]
    assert f"medians of {len(live['strokes'])} strokes" in text


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
