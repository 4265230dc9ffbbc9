"""Downloads of the dataset: what the filters let through, as one file that is fetched soon.

Each is as large as what is in it, and everybody who reaches the page can ask for one. So the same
question gets the same file as long as nothing has changed, the newest two stay, and nothing is
begun that the disk has no room for.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gradio as gr

from space.exports import Exports
from space.forgetting import EXPORT_PREFIX, forget_exports
from space.pieces import error_html, status_html
from space.services import Services
from space.store import Filters, Store, StoreError
from space.store.exporting import export, write_parquet
from space.words import counted

KEPT = 2


def make(services: Services, kind: str, filters: Filters) -> tuple[Any, str]:
    """Write what filters let through, or find it made; updates for the file and the line about it.

    Args:
        services: The app's parts.
        kind: `zip` or `parquet`.
        filters: Which records; they are within what the visitor may see.
    """
    folder = services.settings.folders.dataset_exports
    store, exports = services.store, services.exports
    try:
        state = _state(store, kind, filters)
        path = _made(exports, state, kind)
        count = _count(store, filters)
        if not count:
            return gr.File(visible=False), error_html("There is no mask to put into it.")
        if path is None:
            folder.mkdir(parents=True, exist_ok=True)
            forget_exports([folder])
            path = folder / f"{EXPORT_PREFIX}{datetime.now(UTC):%Y%m%d-%H%M%S}-{state}.{kind}"
            core = store.core
            count = (
                write_parquet(core, path, filters)
                if kind == "parquet"
                else export(core, kind, path, filters)
            )
            place = exports.place()
            path = path.replace(place / path.name)  # served from there as it lies, for an hour
            _keep_newest(exports)
        else:
            os.utime(path.parent)  # another hour
    except (ValueError, StoreError) as error:
        return gr.File(visible=False), error_html(error)
    except FileNotFoundError:  # a deletion removes what was made for download
        return gr.File(visible=False), error_html("A record was deleted meanwhile. Try once more.")
    except OSError as error:
        reason = error.strerror or "the disk did not answer"
        return gr.File(visible=False), error_html(f"No file was made: {reason}.")
    words = f"{counted(count, 'record')}, as the filters above let through."
    return gr.File(str(path), visible=True), status_html("done", words)


def _state(store: Store, kind: str, filters: Filters) -> str:
    """A word that is another one as soon as a file would be: shards never change."""
    shards = sorted(store.core.index.shard_names())
    return hashlib.sha256(json.dumps([kind, filters.where(), shards]).encode()).hexdigest()[:16]


def _count(store: Store, filters: Filters) -> int:
    where, values = filters.where()
    row = store.core.index.get(f"SELECT count(*) AS n FROM records WHERE {where}", values)
    return 0 if row is None else int(row["n"])


def _made(exports: Exports, state: str, kind: str) -> Path | None:
    ready = (file for file in _downloads(exports) if file.name.endswith(f"-{state}.{kind}"))
    return next(ready, None)


def _downloads(exports: Exports) -> Iterator[Path]:
    """Those that are there, the newest first."""
    for _, _, place in sorted(exports.kept(), reverse=True):
        yield from place.glob(f"{EXPORT_PREFIX}*")


def _keep_newest(exports: Exports) -> None:
    for file in list(_downloads(exports))[KEPT:]:
        exports.remove(file.parent)
