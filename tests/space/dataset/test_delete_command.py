"""`python -m space dataset delete`: by receipt, by who runs the app, by contributor."""

from pathlib import Path

import pytest

from space.store import Store
from tests.space.dataset.conftest import left, run
from tests.space.store.conftest import make_photo, make_submission
from tests.space.store.test_hub import FakeHub


def test_delete(data: Path, tmp_path: Path) -> None:
    store = Store.open(data)
    receipt = store.save(make_submission(9))
    store.close()
    arguments = ["delete", receipt.record_id, "--data-dir", data]
    with pytest.raises(SystemExit) as exit_info:
        run(*arguments, "--receipt", "guess")
    assert exit_info.value.code == 2
    code, output = run(*arguments, "--receipt", receipt.token)
    assert (code, output) == (0, f"The record {receipt.record_id} is deleted.")


def saved(data: Path, seed: int, contributor: str | None = None) -> str:
    store = Store.open(data)
    who = store.pseudonym(contributor) if contributor else "anonymous"
    record_id = store.save(make_submission(seed, contributor=who)).record_id
    store.close()
    return record_id


def test_who_runs_the_app_deletes_without_a_receipt(data: Path) -> None:
    before, gone = left(data), saved(data, 9)
    copy = data / "cache" / "uploads" / "x" / "photo.png"
    download = data / "cache" / "exports" / "y" / "saved-masks-1.zip"
    for path in (copy, download):
        path.parent.mkdir(parents=True)
        path.write_bytes(make_photo(9))
    options = ["delete", gone, "--operator", "--data-dir", data]
    code, output = run(*options, "--dry-run")
    assert code == 0
    assert output.startswith(f"{gone}  20")
    assert output.endswith("1 record would be deleted. Nothing was changed.")
    assert left(data) == before | {gone}
    assert copy.exists()
    code, output = run(*options)
    assert (code, output.splitlines()[-1]) == (0, "1 record deleted.")
    assert left(data) == before
    assert not copy.exists()
    assert not download.exists()
    assert run(*options) == (0, "0 records deleted.")  # after a crash it can be repeated
    assert run("verify", "--data-dir", data)[0] == 0


@pytest.mark.parametrize("how", ["name", "pseudonym"])
def test_everything_of_one_contributor(data: Path, how: str) -> None:
    before = left(data) | {saved(data, 5, "bob")}
    mine = [saved(data, seed, "ann") for seed in (6, 7)]
    store = Store.open(data)
    pseudonym = store.pseudonym("ann")
    store.close()
    way = ["--user", "ann"] if how == "name" else ["--contributor", pseudonym]
    code, output = run("delete", *way, "--data-dir", data)
    assert code == 0
    assert [line.split()[0] for line in output.splitlines()] == [*mine, "2"]
    assert left(data) == before


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (["--user", "ann"], "before a restore on another disk"),
        (["--contributor", "user-000000000000"], "No record is by user-000000000000"),
    ],
)
def test_nobody_of_that_name_is_said(data: Path, way: list[str], said: str) -> None:
    for more in ([], ["--dry-run"]):
        code, output = run("delete", *way, *more, "--data-dir", data)
        assert code == 1
        assert said in output
        assert "deleted" not in output
    assert len(left(data)) == 3


def test_a_photo_that_stays_with_others_is_said(data: Path) -> None:
    store = Store.open(data)
    first, second = (
        store.save(make_submission(i, image_bytes=make_photo(8))).record_id for i in (8, 9)
    )
    store.close()
    _, output = run("delete", "--data-dir", data, "--operator", first)
    assert f"stay with them: {second}" in output
    assert "stay" not in run("delete", second, "--operator", "--data-dir", data)[1]


def test_what_was_on_the_hub_is_said(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = [saved(data, seed) for seed in (7, 8)]
    run("push", "--data-dir", data, "--hub-dataset", "ann/masks", hub=FakeHub())
    options = ["--operator", "--data-dir", data]
    assert "leaves with the next push" not in run("delete", gone[0], *options, "--dry-run")[1]
    _, output = run("delete", gone[0], *options)
    assert "If it was on ann/masks, it leaves with the next push; earlier revisions" in output


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--operator"], "Say which record"),
        (["--receipt", "x"], "Say which record"),
        (["abc", "--user", "ann"], "not both"),
        (["--contributor", "anonymous"], "everybody without a name"),
        (["abc", "--operator"], "There is no record 'abc'"),
        (["abc", "--receipt", "x", "--dry-run"], "--dry-run goes with"),
        (["abc", "--receipt", "x", "--operator"], "not allowed with"),
        (["abc"], "required"),
    ],
)
def test_what_is_to_be_deleted_has_to_be_clear(
    data: Path, given: list[str], said: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run("delete", *given, "--data-dir", data)
    assert exit_info.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
    assert len(left(data)) == 3


@pytest.mark.parametrize("token", ["-Ab_3", "--receipt", "-h"])
def test_a_receipt_may_begin_with_a_dash(
    data: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr("space.store.store.new_token", lambda: token)
    store = Store.open(data)
    receipt = store.save(make_submission(9))
    store.close()
    assert receipt.token == token
    code, _ = run("delete", receipt.record_id, "--receipt", token, "--data-dir", data)
    assert code == 0
