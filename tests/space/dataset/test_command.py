"""`python -m space dataset`: each verb, its exit codes and its words."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import RepositoryNotFoundError
from PIL import Image

from space.store import Store
from tests.space.dataset.conftest import left, run
from tests.space.store.conftest import make_mask, make_photo
from tests.space.store.test_hub import FakeHub
from tests.space.store.test_index import unreadable


def test_info(data: Path) -> None:
    code, output = run("info", "--data-dir", data)
    assert code == 0
    info = json.loads(output[: output.rindex("}") + 1])
    assert (info["records"], info["pending"], info["strategies"]) == (3, 3, {"drawn": 3})
    assert f'load_dataset("{data}/dataset"' in output


def test_verify(data: Path) -> None:
    assert run("verify", "--data-dir", data) == (
        0,
        "3 records, 6 files and 3 shards checked: all sound",
    )
    victim = next(path for path in (data / "masks").rglob("*") if path.is_file())
    victim.write_bytes(b"spoilt")
    code, output = run("verify", "--data-dir", data)
    assert code == 1
    assert f"{victim} is damaged" in output


@pytest.mark.parametrize(("kind", "name"), [("imagefolder", "a"), ("zip", "a.zip")])
def test_export(data: Path, tmp_path: Path, kind: str, name: str) -> None:
    options = ["--format", kind, "--output", tmp_path / name, "--data-dir", data]
    assert run("export", *options, "--licence", "cc0-1.0")[1].startswith("2 records written")
    with pytest.raises(SystemExit) as exit_info:
        run("export", *options)
    assert exit_info.value.code == 2


def test_push(data: Path) -> None:
    hub = FakeHub()
    options = ["push", "--data-dir", data, "--hub-dataset", "ann/masks"]
    code, output = run(*options, hub=hub)
    assert code == 0
    assert "3 records kept back: private, or not approved" in output
    output = run(*options, "--status", "pending", hub=hub)[1]
    assert "2 records in 1 new shard pushed, 0 shards withdrawn" in output
    assert "there: 2 records on ann/masks" in output
    assert "1 record kept back" in output


@pytest.mark.parametrize("kind", ["imagefolder", "coco", "parquet", "zip"])
def test_import_of_an_export(data: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a.zip" if kind == "zip" else "a")
    run("export", "--format", kind, "--output", path, "--data-dir", data)
    target = ["--data-dir", tmp_path / "fresh"]
    assert run("import", path, *target) == (0, f"3 records taken in from {path}")
    assert "3 records left out" in run("import", path, *target)[1]
    assert run("verify", *target)[1].endswith("all sound")


def test_pictures_from_elsewhere_come_with_receipts_and_once(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "elsewhere"
    root.mkdir()
    lines = []
    for seed in (7, 8):
        (root / f"{seed}.png").write_bytes(make_photo(seed))
        Image.fromarray(make_mask(seed)).save(root / f"m{seed}.png")
        lines.append({"image_file_name": f"{seed}.png", "mask_file_name": f"m{seed}.png"})
    (root / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = ["import", root, "--licence", "cc0-1.0", "--consent", "--data-dir", data]
    code, output = run(*options)
    first, second = output.splitlines()
    assert (code, second) == (0, f"2 records taken in from {root}")
    path = Path(first.removeprefix("Receipts, each an id and a key: "))
    assert path.stat().st_mode & 0o777 == 0o600
    receipts = [line.split() for line in path.read_text().splitlines()]
    assert len(receipts) == 2
    again = "0 records taken in from {}\n2 records left out: here already, or deleted here."
    assert run(*options) == (0, again.format(root))
    for record_id, token in receipts:
        assert run("delete", record_id, "--receipt", token, "--data-dir", data)[0] == 0
    assert run(*options) == (0, again.format(root))
    assert run("verify", "--data-dir", data)[0] == 0


def test_restore(data: Path, tmp_path: Path) -> None:
    hub = FakeHub()
    where = ["--hub-dataset", "ann/masks"]
    run("push", *where, "--status", "pending", "--data-dir", data, hub=hub)
    fresh = ["--data-dir", tmp_path / "fresh"]
    assert run("restore", *where, *fresh, hub=hub) == (0, "2 records restored from ann/masks.")
    assert run("restore", *where, *fresh, hub=hub) == (0, "0 records restored from ann/masks.")
    assert run("verify", *fresh)[0] == 0


def test_an_old_backup_sends_nothing_again_before_it_is_told_to(data: Path, tmp_path: Path) -> None:
    hub = FakeHub()
    options = ["--hub-dataset", "ann/masks"]
    gone = max(left(data))
    run("push", *options, "--status", "pending", "--data-dir", data, hub=hub)
    shutil.copytree(data, tmp_path / "backup", symlinks=True)
    run("delete", gone, "--operator", "--data-dir", data)
    run("push", *options, "--status", "pending", "--data-dir", data, hub=hub)
    options += ["--data-dir", tmp_path / "backup"]
    assert run("push", *options, "--status", "pending", hub=hub)[0] == 1
    with pytest.raises(SystemExit):
        run("restore", *options, hub=hub)
    code, output = run("push", *options, "--status", "pending", hub=hub)
    assert code == 1
    assert "Look first: python -m space dataset restore" in output
    assert gone not in hub.ids()
    assert run("push", *options, "--status", "pending", "--again", hub=hub)[0] == 0
    assert gone in hub.ids()


def test_a_mistyped_name_restores_nothing_and_says_so(tmp_path: Path) -> None:
    hub = FakeHub()

    def hidden(*_: object, **__: object) -> None:
        raise RepositoryNotFoundError("404", response=SimpleNamespace(headers={}, request=None))

    hub.repo_info = hidden
    where = ["--hub-dataset", "ann/maks", "--data-dir", tmp_path / "fresh"]
    code, output = run("restore", *where, hub=hub)
    assert code == 1
    assert "There is no dataset ann/maks on the Hub, or the token" in output


@pytest.mark.parametrize("verb", [["info"], ["delete", "--user", "ann"], ["verify"]])
def test_an_index_that_fails_is_said_in_words(
    data: Path, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    opened = Store.open

    def failing(*arguments: object) -> Store:
        store = opened(*arguments)
        unreadable(store, monkeypatch)
        monkeypatch.setattr(store, "close", lambda: None)
        return store

    monkeypatch.setattr(Store, "open", failing)
    code, output = run(*verb, "--data-dir", data)
    assert code == 1
    assert "disk I/O error" in output
    assert len(output.splitlines()) == 1


def test_a_tilde_is_the_home(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(data.parent))
    code, output = run("export", "--data-dir=~/data", "--output=~/copy")
    assert code == 0
    assert f"written to {data.parent / 'copy'}" in output
    assert (data.parent / "copy" / "metadata.jsonl").is_file()
    monkeypatch.setenv("LAMA_DATA_DIR", "~/data")
    assert "3 records" in run("verify")[1]
    monkeypatch.setenv("LAMA_DATA_DIR", "")  # as good as none, as it is for the app
    monkeypatch.chdir(data.parent)
    assert "3 records" in run("verify")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "--data-dir", "/nowhere"],
        ["info", "--data-dir", "~nobody-of-this-name/data"],
        ["export"],
        ["push", "--hub-dataset", "just-a-name"],
        ["push", "--hub-dataset", "a/b/c"],
        ["push"],
        ["restore"],
        ["restore", "--hub-dataset", "a/b/c"],
        ["import", "/nowhere"],
        ["import", "/nowhere", "--licence", "cc0-1.0"],
        ["nonsense"],
        [],
    ],
)
def test_bad_input_exits_with_2_and_one_line(
    data: Path, arguments: list[str], capsys: pytest.CaptureFixture
) -> None:
    here = [] if "--data-dir" in arguments or arguments in ([], ["nonsense"]) else [
        "--data-dir", data,
    ]  # fmt: skip
    with pytest.raises(SystemExit) as exit_info:
        run(*arguments, *here)
    assert exit_info.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m space")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ([], "--hub-dataset USER/NAME"),
        (["--hub-dataset", "just-a-name"], "USER/NAME; got 'just-a-name'"),
        (["--hub-dataset", "ann/my masks"], "'ann/my masks' cannot be a dataset"),
    ],
)
def test_restore_from_nowhere_makes_no_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture, where: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run("restore", "--data-dir", tmp_path / "new", *where)
    assert exit_info.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "verb", ["info", "verify", "export", "import", "push", "restore", "delete"]
)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run(verb, "--help")
    assert exit_info.value.code == 0
    assert "--data-dir DIR" in capsys.readouterr().out


def test_the_module_runs(data: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "space", "dataset", "info", "--data-dir", str(data)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"records": 3' in answer.stdout
