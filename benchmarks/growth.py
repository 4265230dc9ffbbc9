"""Does the dataset get slower as it grows? Saves and the Dataset tab at 100 to 100,000 records.

    python -m benchmarks.growth [--output benchmarks/results/growth.json]

The stores are filled in bulk, which is not what is measured: files are written without a sync
each, a thousand records to a shard, as merging leaves them. Then all stores are measured in turn,
one save and one look at a time, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import io
import json
import logging
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.method import inputs, machine, several
from masks.arguments import LeavingParser, positive
from space.dataset import tab as dataset_tab
from space.review.reviewers import Sight
from space.store import Store, Submission
from space.store.core import add_shard, prepare_shard
from space.store.entry import new_entry
from space.store.files import sync_directory
from space.store.index import add_record
from space.store.pictures import encode_mask, prepare_photo
from space.store.records import shelf_of
from tests.space.dataset_app import make_services

LEVELS = (100, 10_000, 100_000)
LIMIT = 1.5  # the largest level against the smallest
ROWS_A_SHARD = 1000
MASKS_A_PHOTO = 4
ALL = Sight(private=True, unreviewed=True)
_SIZE = (25, 33)  # of the photos that fill the stores; those that are saved are larger


def main() -> int:
    """Fill, measure, print a table, write JSON where asked; 1 if growth is over the limit."""
    parser = LeavingParser("python -m benchmarks.growth", description=__doc__)
    parser.add_argument(
        "--levels", type=positive, nargs="+", default=LEVELS, help="records to start at"
    )
    parser.add_argument("--repeats", type=several, default=60, help="saves and looks at each level")
    parser.add_argument("--folder", type=Path, help="where the stores are made (a temporary one)")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with inputs():
        temporary = tempfile.TemporaryDirectory(dir=options.folder)
    with temporary as folder:
        rows = measure(Path(folder), sorted(options.levels), options.repeats)
    first, last = rows[0], rows[-1]
    ratios = {what: last[what]["median"] / first[what]["median"] for what in ("save", "tab")}
    for row in rows:
        print(row["text"])
    print(", ".join(f"{what} {ratio:.2f} times" for what, ratio in ratios.items()))
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        result = {"machine": machine(), "limit": LIMIT, "ratios": ratios, "rows": rows}
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if max(ratios.values()) <= LIMIT else 1


def measure(folder: Path, levels: list[int], repeats: int) -> list[dict[str, Any]]:
    """Fill a store for each level, then save and look in turn."""
    rng = np.random.default_rng(0)
    services, opened, filled = [], [], []
    for level in levels:
        data_dir = folder / str(level)
        began = time.perf_counter()
        store = Store.open(data_dir)
        grow(store, level, rng)
        store.close()
        filled.append(time.perf_counter() - began)
        print(f"{level:,} records made in {filled[-1]:.0f} s", flush=True)
    for level in levels:
        began = time.perf_counter()
        services.append(make_services(folder / str(level)))
        opened.append(time.perf_counter() - began)
    saves: list[list[float]] = [[] for _ in levels]
    looks: list[list[float]] = [[] for _ in levels]
    for turn in range(repeats + 2):
        submission = photograph(rng)
        for place in rng.permutation(len(levels)):
            parts = services[place]
            seconds = timed(parts.store.save, submission)
            for record in parts.store.newest(dataset_tab.PAGE):
                parts.store.thumbnail(record)  # the app draws it right after the save
            everything = (dataset_tab.ANY,) * 3
            view = timed(dataset_tab.view, parts, *everything, dataset_tab.PAGE, ALL)
            if turn >= 2:  # two to warm up
                saves[place].append(seconds)
                looks[place].append(view)
    rows = []
    for place, level in enumerate(levels):
        store = services[place].store
        rows.append(row(level, saves[place], looks[place], opened[place], store.info()))
        store.close()
        shutil.rmtree(folder / str(level))
    return rows


def timed(call: Callable[..., object], *arguments: object) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began


def row(
    level: int, saves: list[float], looks: list[float], opened: float, info: dict[str, Any]
) -> dict[str, Any]:
    """Medians and quartiles of a level, with a line to print."""
    save, tab = spread(saves), spread(looks)
    text = (
        f"{level:>8,} records: save {save['median'] * 1e3:6.1f} ms "
        f"[{save['quartiles'][0] * 1e3:.1f}, {save['quartiles'][1] * 1e3:.1f}], "
        f"tab {tab['median'] * 1e3:6.1f} ms "
        f"[{tab['quartiles'][0] * 1e3:.1f}, {tab['quartiles'][1] * 1e3:.1f}], "
        f"opened in {opened:.2f} s, {info['shards']} shards"
    )
    return {"records": level, "save": save, "tab": tab, "open_seconds": opened,
            "shards": info["shards"], "bytes": info["bytes"], "text": text}  # fmt: skip


def spread(seconds: list[float]) -> dict[str, Any]:
    """Median, quartiles and the slowest tenth."""
    low, median, high = statistics.quantiles(seconds, n=4)
    slow = statistics.quantiles(seconds, n=10)[-1]
    return {"median": median, "quartiles": [low, high], "p90": slow, "n": len(seconds)}


def photograph(rng: np.random.Generator) -> Submission:
    """A new photo of an everyday size with a mask."""
    coarse = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((1024, 768), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    mask = np.zeros((768, 1024), bool)
    top, left = rng.integers(0, 500, 2)
    mask[top : top + 150, left : left + 200] = True
    return Submission(buffer.getvalue(), mask, "cc0-1.0", True)


def grow(store: Store, count: int, rng: np.random.Generator) -> None:
    """Fill a store with records of small photos, many at once.

    Args:
        store: An empty one.
        count: How many.
        rng: Says what is on them.
    """
    core = store.core
    made = small_records(count, rng)
    for start in range(0, count, ROWS_A_SHARD):
        chunk = [next(made) for _ in range(min(ROWS_A_SHARD, count - start))]
        shelf = shelf_of(chunk[0]["licence"], chunk[0]["status"])
        with core.lock():
            path, shard = prepare_shard(core, chunk, shelf)
            for record in chunk:
                for kind, name, key in (
                    ("originals", "image", "image_sha256"),
                    ("masks", "mask", "mask_sha256"),
                ):
                    target = core.objects.path(kind, record[key])
                    target.parent.mkdir(exist_ok=True)
                    target.write_bytes(record[name])
            with core.index.transaction() as run:
                add_shard(run, shard)
                for record in chunk:
                    add_record(run, {**record, "shard": shard.name})
            core.published.add(path)
    core.published.write_card(core.card())
    sync_directory(core.data_dir)


def small_records(count: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Records with every column; several masks share a photo."""
    height, width = _SIZE
    for number in range(count):
        if number % MASKS_A_PHOTO == 0:
            buffer = io.BytesIO()
            pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
            photo = prepare_photo(buffer.getvalue())
        hole = rng.random((height, width)) < 0.2
        hole[0, 0], hole[0, 1] = True, False
        mask = encode_mask(hole, width, height)
        submission = Submission(photo.data, hole, "cc0-1.0", True)
        entry = new_entry(submission, photo, mask, f"{number}")
        yield {**entry, "image": photo.data, "mask": mask}


if __name__ == "__main__":
    sys.exit(main())
