"""What can be set from outside: command line first, then environment, then the default."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masks.arguments import LeavingParser
from space.folders import Folders

MOST_MEGAPIXELS = 178
"""Of a photo that is opened: Pillow refuses larger ones, whatever it is told."""


@dataclass(frozen=True)
class Settings:
    """Everything the app takes from the command line and the environment."""

    host: str | None = None
    """Address to listen on; None is 127.0.0.1, or what the Space's own environment says."""
    port: int | None = None
    """Port to listen on; None is the first free one from 7860 on."""
    model: str = "lama-tiny"
    """Model the app starts with: a name of the registry or a path."""
    selector: str = "default"
    """What selects objects: a name of `lama.selection`, or a folder with a network."""
    data_dir: Path = Path("data")
    """Where saved masks, kept photos and results live."""
    hub_dataset: str | None = None
    """Dataset repository on the Hub that approved masks are pushed to."""
    hub_minutes: int = 5
    """Minutes between two looks at whether there is something to push."""
    auth_file: Path | None = None
    """File with one `user:password` a line; without it the app asks nobody."""
    reviewers: tuple[str, ...] = ()
    """Who may review; empty: every account, or a Space's owner."""
    share: bool = False
    """Whether a public Gradio link is asked for."""
    max_file_mb: int = 64
    """Largest photo file that is taken, in megabytes."""
    max_megapixels: int = 64
    """Largest photo that is decoded, in megapixels."""
    cache_mb: int = 1024
    """How much disk kept photos and results may take, in megabytes."""

    def __post_init__(self) -> None:
        # Once and here: else one part of the app would read `~` as the home and another as a name.
        object.__setattr__(self, "data_dir", at_home(self.data_dir))
        if self.auth_file is not None:
            object.__setattr__(self, "auth_file", at_home(self.auth_file))
        for name in ("model", "selector"):
            if getattr(self, name).startswith("~"):  # else it may be a name
                object.__setattr__(self, name, str(at_home(Path(getattr(self, name)))))
        if self.port is not None and not 0 < self.port < 65536:
            raise ValueError(f"The port must lie between 1 and 65535, not {self.port}.")
        for name in ("hub_minutes", "max_file_mb", "max_megapixels", "cache_mb"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}.")
        if self.max_megapixels > MOST_MEGAPIXELS:
            raise ValueError(
                f"max_megapixels may be {MOST_MEGAPIXELS} at most, not {self.max_megapixels}."
            )
        if self.hub_dataset is not None and self.hub_dataset.count("/") != 1:
            raise ValueError(f"A Hub dataset is USER/NAME, not {self.hub_dataset!r}.")

    @property
    def folders(self) -> Folders:
        """Where things lie in the data directory."""
        return Folders(self.data_dir)

    def accounts(self) -> list[tuple[str, str]] | None:
        """Who may use the app, or None for everybody.

        Raises:
            ValueError: The file is missing, empty or a line of it is not `user:password`.
        """
        if self.auth_file is None:
            return None
        try:
            lines = self.auth_file.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ValueError(f"The file of accounts cannot be read: {self.auth_file}") from error
        accounts = []
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            user, colon, password = line.strip().partition(":")
            if not (user and colon and password):
                raise ValueError(f"Line {number} of {self.auth_file} is not user:password.")
            accounts.append((user, password))
        if not accounts:
            raise ValueError(f"{self.auth_file} names nobody, so nobody could use the app.")
        return accounts


ENVIRONMENT = {
    "host": "LAMA_HOST",
    "port": "LAMA_PORT",
    "model": "LAMA_MODEL",
    "selector": "LAMA_SELECTOR",
    "data_dir": "LAMA_DATA_DIR",
    "hub_dataset": "LAMA_HUB_DATASET",
    "hub_minutes": "LAMA_HUB_MINUTES",
    "auth_file": "LAMA_AUTH_FILE",
    "reviewers": "LAMA_REVIEWERS",
    "share": "LAMA_SHARE",
    "max_file_mb": "LAMA_MAX_FILE_MB",
    "max_megapixels": "LAMA_MAX_MEGAPIXELS",
    "cache_mb": "LAMA_CACHE_MB",
}
"""Setting to environment variable; a flag on the command line wins over it."""


def at_home(path: Path) -> Path:
    """A path with `~` in front read as the home: a shell leaves `--data-dir=~/masks` as it is.

    Raises:
        ValueError: There is no such home.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{path} names a home that is not there. Write the path in full."
        ) from error


_FLAGS = ("1", "true", "yes", "on")


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the command line and the environment; exits with 2 and one line on bad input."""
    parser = _parser()
    named = vars(parser.parse_args(arguments))
    # A flag that was not given is None or False; 0 is a value, to be judged below.
    given = {n: value for n, value in named.items() if value is not None and value is not False}
    try:
        return Settings(**(_from_environment(environment) | given))
    except ValueError as error:
        parser.error(str(error))


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, variable in ENVIRONMENT.items():
        text = environment.get(variable, "").strip()
        if not text:
            continue
        if name in ("port", "hub_minutes", "max_file_mb", "max_megapixels", "cache_mb"):
            if not text.isdigit():
                raise ValueError(f"{variable} must be a whole number, not {text!r}.")
            found[name] = int(text)
        elif name in ("data_dir", "auth_file"):
            found[name] = Path(text)
        elif name == "reviewers":
            found[name] = tuple(filter(None, (one.strip() for one in text.split(","))))
        elif name == "share":
            found[name] = text.lower() in _FLAGS
        else:
            found[name] = text
    return found


def _parser() -> LeavingParser:
    parser = LeavingParser(
        prog="python app.py",
        description="Paint over something in a photo and it is gone.",
        epilog="Every setting can also come from the environment: "
        + ", ".join(ENVIRONMENT.values())
        + ".",
    )
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    parser.add_argument("--model", help="model to start with: a name or a path (lama-tiny)")
    parser.add_argument(
        "--selector", help="what selects objects: default, regions, sam-base, ... or a folder"
    )
    parser.add_argument("--data-dir", type=Path, help="where masks and photos are kept (data)")
    parser.add_argument("--hub-dataset", metavar="USER/NAME", help="Hub dataset for approved masks")
    parser.add_argument(
        "--hub-minutes", type=int, metavar="N", help="minutes between two pushes (5)"
    )
    parser.add_argument(
        "--auth", dest="auth_file", metavar="FILE", type=Path, help="accounts, user:password a line"
    )
    parser.add_argument("--share", action="store_true", help="ask for a public Gradio link")
    return parser
