"""Settings: the flag wins over the environment, the environment over the default."""

from pathlib import Path

import pytest

from space.settings import ENVIRONMENT, Settings, parse


def test_defaults() -> None:
    assert parse([], {}) == Settings()


def test_flag_wins_over_environment_over_default() -> None:
    environment = {"LAMA_PORT": "7000", "LAMA_MODEL": "big-lama", "LAMA_SHARE": "yes"}
    settings = parse(["--port", "7001"], environment)
    assert (settings.port, settings.model, settings.share) == (7001, "big-lama", True)
    assert parse(["--port", "7001"], {"LAMA_PORT": "many"}).port == 7001
    assert not parse([], {"LAMA_SHARE": "no"}).share
    assert parse(["--share"], {"LAMA_SHARE": "no"}).share
    assert parse([], {"LAMA_REVIEWERS": " ann,, bob "}).reviewers == ("ann", "bob")
    assert settings.max_file_mb == Settings().max_file_mb


def test_every_setting_has_a_variable() -> None:
    assert set(ENVIRONMENT) == set(Settings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--data-dir=~/masks", "--auth=~/people", "--model=~/own.safetensors"], {}),
        (
            [],
            {
                "LAMA_DATA_DIR": "~/masks",
                "LAMA_AUTH_FILE": "~/people",
                "LAMA_MODEL": "~/own.safetensors",
            },
        ),
    ],
)
def test_a_tilde_is_the_home_for_every_part_of_the_app(
    arguments: list[str],
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = parse(arguments, environment)
    assert settings.data_dir == tmp_path / "masks"
    assert settings.folders.runs == tmp_path / "masks" / "runs"
    assert settings.auth_file == tmp_path / "people"
    assert settings.model == str(tmp_path / "own.safetensors")


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--port", "70000"], {}, "between 1 and 65535"),
        (["--port", "0"], {}, "between 1 and 65535"),
        ([], {"LAMA_PORT": "many"}, "LAMA_PORT must be a whole number"),
        (["--hub-dataset", "masks"], {}, "USER/NAME"),
        ([], {"LAMA_MAX_MEGAPIXELS": "0"}, "1 or more"),
        ([], {"LAMA_MAX_MEGAPIXELS": "179"}, "178 at most"),
        (["--data-dir=~nobody-of-this-name/x"], {}, "Write the path in full"),
        (["--port", "many"], {}, "--port must be a whole number"),
        (["--hub-minutes", "-1"], {}, "1 or more"),
        (["--data-dir", "photos [1]/x"], {}, "takes as a pattern"),
        (["--data-dir", "a::b"], {}, "takes as a pattern"),
        ([], {"LAMA_CACHE_MB": "²"}, "LAMA_CACHE_MB must be a whole number"),
        (["--colour"], {}, "unrecognized arguments: --colour"),
    ],
)
def test_bad_input_exits_with_2_and_says_why(
    arguments: list[str], environment: dict[str, str], said: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(arguments, environment)
    assert stopped.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("python app.py: ")
    assert said in line


def test_accounts(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    path.write_text("# people\nada:engine:1\n\ngrace:hopper\n")
    accounts = Settings(auth_file=path).accounts()
    assert accounts == [("ada", "engine:1"), ("grace", "hopper")]
    assert Settings().accounts() is None


@pytest.mark.parametrize("text", ["", "ada\n", ":secret\n", "ada:\n"])
def test_accounts_that_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accounts"
    path.write_text(text)
    with pytest.raises(ValueError, match="accounts"):
        Settings(auth_file=path).accounts()


def test_accounts_file_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        Settings(auth_file=tmp_path / "none").accounts()
