"""What can be set from outside: command line first, then environment, then the default."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from masks.arguments import LeavingParser
from space.folders import Folders

MOST_MEGAPIXELS = 178
"""Of a photo that is opened: Pillow refuses larger ones, whatever it is told."""
_PATTERN = re.compile(r"[*?\[\]]|::")  # what `datasets` takes as a pattern or a chain of addresses


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
        if pattern := _PATTERN.search(str(self.data_dir.absolute())):
            raise ValueError(
                f"The data directory {self.data_dir} has {pattern[0]!r} in its path, which "
                "load_dataset takes as a pattern and not as a name. Choose another directory."
            )
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


ENVIRONMENT = {one.name: f"LAMA_{one.name.upper()}" for one in fields(Settings)}
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


_YES = ("1", "true", "yes", "on")


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the command line and the environment; exits with 2 and one line on bad input."""
    parser = _parser()
    flags = vars(parser.parse_args(arguments))
    try:
        return Settings(**_given(flags, environment))
    except ValueError as error:
        parser.error(str(error))


def _given(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings that were given, by a flag or else by a variable."""
    found = {}
    for one in fields(Settings):
        text, origin = flags.get(one.name), f"--{one.name.replace('_', '-')}"
        if text is None:
            origin = ENVIRONMENT[one.name]
            text = environment.get(origin, "").strip() or None
        if text is not None:
            found[one.name] = _read(text, one.type, origin)
    return found


def _read(text: str, kind: Any, origin: str) -> Any:  # noqa: ANN401 - of any setting
    """A setting as it was typed, as the kind that its field has."""
    if kind in (int, int | None):
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"{origin} must be a whole number, not {text!r}.") from None
    if kind in (Path, Path | None):
        return Path(text)
    if kind == tuple[str, ...]:
        return tuple(filter(None, (one.strip() for one in text.split(","))))
    return text.lower() in _YES if kind is bool else text


def _parser() -> LeavingParser:
    """Every flag gives text, as a variable does: one place reads both."""
    parser = LeavingParser(
        prog="python app.py",
        description="Paint over something in a photo and it is gone.",
        epilog="Every setting can also come from the environment: "
        + ", ".join(ENVIRONMENT.values())
        + ". LAMA_HOME is where downloaded weights are stored (~/.cache/lama).",
    )
    add = parser.add_argument
    add("--host", help="address to listen on (default 127.0.0.1)")
    add("--port", help="port (default: the first free one from 7860)")
    add("--model", help="model to start with: a name or a path (lama-tiny)")
    add("--selector", help="what selects objects: default, regions, sam-base, ... or a folder")
    add("--data-dir", help="where masks and photos are kept (data)")
    add("--hub-dataset", metavar="USER/NAME", help="Hub dataset for approved masks")
    add("--hub-minutes", metavar="N", help="minutes between two pushes (5)")
    add("--auth", dest="auth_file", metavar="FILE", help="accounts, user:password a line")
    add("--share", action="store_const", const="yes", help="ask for a public Gradio link")
    return parser
