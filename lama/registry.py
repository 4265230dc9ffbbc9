"""The models by name: where each comes from, how it is checked, what it may be used for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lama.files import sha256_file

SHIPPED = "shipped"  # the source of files that come with the code
WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class ModelEntry:
    """One model that `lama.load` knows by name.

    Attributes:
        name: what `lama.load` takes.
        title: for people.
        file: name on disk.
        size: bytes.
        sha256: of the file; checked before anything of it is read.
        licence: of the weights, as its source states it.
        source: "shipped", or the Hub repository that has the file.
        note: what a person should know before choosing it.
    """

    name: str
    title: str
    file: str
    size: int
    sha256: str
    licence: str
    source: str
    note: str


MODELS: dict[str, ModelEntry] = {
    entry.name: entry
    for entry in (
        ModelEntry(
            "lama-tiny",
            "LaMa tiny",
            "lama-tiny.safetensors",
            11_476_744,
            "33c8af194c2734f6707b170b5019a2cdbc456e05c3c01f736bda3c149ea03174",
            "CC BY-SA 4.0",
            SHIPPED,
            "Trained for this project; small and live on a laptop.",
        ),
        ModelEntry(
            "big-lama",
            "big-LaMa",
            "big-lama.pt",
            205_669_692,
            "344c77bbcb158f17dd143070d1e789f38a66c04202311ae3a258ef66667a9ea9",
            "Apache-2.0 as its mirrors state; the authors name no licence for the weights",
            "fashn-ai/LaMa",
            "The published network of 51 M parameters, trained on millions of photos; slower.",
        ),
    )
}


def available() -> tuple[str, ...]:
    """The names that `lama.load` knows; see `python -m lama models` for which are on disk."""
    return tuple(MODELS)


def entry(name: str) -> ModelEntry:
    """The entry of a name; ValueError lists the names otherwise."""
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}; known are {', '.join(MODELS)}, or give a path")
    return MODELS[name]


def home() -> Path:
    """Folder of downloaded weights: `LAMA_HOME`, else `~/.cache/lama`."""
    return Path(os.environ.get("LAMA_HOME") or Path.home() / ".cache" / "lama")


def find(name: str) -> Path | None:
    """Where a model's file lies on this disk, or None; nothing is downloaded or read."""
    model = entry(name)
    for folder in (WEIGHTS, home()):
        if (folder / model.file).is_file():
            return folder / model.file
    return None


def locate(name_or_path: str | Path) -> tuple[Path, str]:
    """Where the weights of a name or a path lie, and the sha256 of a name's file, which is checked.

    Raises:
        ValueError: Unknown name, weights that are not on this disk or not what they should be; says
            how to mend it.
    """
    name = str(name_or_path)
    if name not in MODELS:
        if Path(name).exists():
            return Path(name), ""
        raise ValueError(f"{name!r} is neither a model ({', '.join(MODELS)}) nor a path")
    model, path = MODELS[name], find(name)
    if path is None:
        raise ValueError(
            f"{name} is not on this disk ({model.size / 1e6:.0f} MB). Fetch it with "
            f"`python -m lama models --download {name}`, or put {model.file} from the Hugging "
            f"Face repository {model.source} into {home()}."
        )
    return path, check(model, path)


def download(name: str, progress: Callable[[float], None] | None = None) -> Path:
    """Fetch a model's file from the Hub into `home()`, unless it is here; check it either way.

    Args:
        name: of the model.
        progress: told the share that has arrived, 0 to 1.

    Raises:
        ValueError: No network, offline mode, or the file is not the expected one; the message
            says which file to fetch by hand and where to put it.
    """
    model, found = entry(name), find(name)
    if found is None and model.source == SHIPPED:
        raise ValueError(f"{model.file} belongs into {WEIGHTS} and is missing: clone again")
    if found is not None:
        check(model, found)
        return found
    # A heavy import, needed by few: most people never download anything.
    from huggingface_hub import hf_hub_download  # noqa: PLC0415

    home().mkdir(parents=True, exist_ok=True)
    stopped: list[BaseException] = []
    try:
        arrived = Path(
            hf_hub_download(
                model.source,
                model.file,
                local_dir=home(),
                tqdm_class=_reporting_bar(progress, stopped) if progress else None,
            )
        )
    # Everything: the errors of both ways of transfer, HTTP and Xet, come through as they are.
    except Exception as error:
        if stopped:
            raise stopped[0] from None
        raise ValueError(
            f"{name} could not be downloaded: is this machine online? Fetch {model.file} "
            f"({model.size / 1e6:.0f} MB) from the Hugging Face repository {model.source} by "
            f"hand and put it into {home()}, or try again."
        ) from error
    if stopped:  # too late to be stopped: the file stays for the next time, if it is the right one
        raise stopped[0]
    try:
        check(model, arrived)
    except ValueError:
        arrived.unlink()
        raise
    return arrived


def check(model: ModelEntry, path: Path) -> str:
    """The file's sha256; ValueError if it is not the one that the registry expects."""
    digest = sha256_file(path)
    if digest != model.sha256:
        raise ValueError(
            f"{path} is not the {model.name} that is known here: its sha256 is {digest}, "
            f"expected {model.sha256}. Delete it and fetch it again."
        )
    return digest


def _reporting_bar(progress: Callable[[float], None], stopped: list[BaseException]) -> type:
    """A tqdm class that also reports, which is how huggingface_hub lets one follow a download.

    What `progress` raises is noted in `stopped`: one of the two ways of transfer reports from a
    thread of its own and goes on whatever comes of it, until its session is ended.
    """
    from tqdm import tqdm  # noqa: PLC0415

    class Bar(tqdm):  # type: ignore[type-arg]
        def update(self, n: float | None = 1) -> Any:  # noqa: ANN401 - as tqdm has it
            shown = super().update(n)
            if self.total and not stopped:
                try:
                    progress(min(1.0, self.n / self.total))
                except BaseException as error:
                    stopped.append(error)
                    _end_session()
                    raise
            return shown

    return Bar


def _end_session() -> None:
    """End transfers that are under way by Xet, where there is such a thing."""
    with contextlib.suppress(ImportError, AttributeError):
        from huggingface_hub.utils import _xet  # noqa: PLC0415

        _xet.abort_xet_session()
