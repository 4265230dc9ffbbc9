"""Speed on this machine, side by side: python -m benchmarks [--output FILE] [--repeats N]."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import lama
from benchmarks import generators, live, photos
from benchmarks.method import Measurement, machine, several, timing
from masks.arguments import LeavingParser


def main() -> int:
    """Measure, print, write JSON and a table where asked."""
    parser = LeavingParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--repeats", type=several, default=7)
    parser.add_argument("--bf16", action="store_true", help="measure bf16 without the instructions")
    parser.add_argument("--output", type=Path, help="write JSON here and a table (.md) beside it")
    options = parser.parse_args()
    measured_on = machine()
    inpainter = lama.load("lama-tiny", "cpu")
    bf16 = options.bf16 or inpainter.precision == "bf16"
    rows: list[Measurement] = []
    profiles = {}
    for name, network in generators.networks().items():
        rows += _shown(generators.measure(name, network, options.repeats, bf16))
        profiles[name] = generators.where_time_goes(network, inpainter.precision)
        print(f"{name}, compiled {inpainter.precision}, where the time goes:\n{profiles[name]}")
    rows += _shown(photos.hole_not_photo(inpainter, options.repeats))
    rows += _shown(photos.several_holes(inpainter, options.repeats))
    peak = {how: photos.memory(how) for how in ("in place", "copied")}
    print(f"peak MB above the decoded 48-megapixel photo: {peak}")
    rows += _shown(photos.throughput(options.repeats))
    rows += _shown(_live())
    if options.output:
        report = {
            "machine": measured_on,
            "rows": [asdict(row) for row in rows],
            "peak_megabytes": peak,
            "profiles": profiles,
        }
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=1) + "\n")
        options.output.with_suffix(".md").write_text(_table(measured_on, rows, peak, profiles))
    return 0


def _live() -> list[Measurement]:
    """Pen-up to pixels in a browser, where there is one."""
    if shutil.which("chromium") is None:
        print("no chromium: live mode is not measured")
        return []
    rows = []
    for size in live.SIZES:
        strokes = live.run(size)["strokes"]
        seconds = timing([stroke["outside"] for stroke in strokes])
        rows.append(Measurement(f"live, a stroke on {size}", seconds))
    return rows


def _table(
    measured_on: dict[str, object],
    rows: list[Measurement],
    peak: dict[str, float],
    profiles: dict[str, str],
) -> str:
    lines = [f"{key}: {value}" for key, value in measured_on.items()]
    lines += ["", "| what | median s | quartiles | n | |", "|---|---|---|---|---|"]
    for row in rows:
        more = ", ".join(f"{key.replace('_', ' ')} {value:.4g}" for key, value in row.more.items())
        timed = row.timing
        quartiles = f"{timed.low:.3f} to {timed.high:.3f}"
        lines.append(f"| {row.name} | {timed.median:.3f} | {quartiles} | {timed.n} | {more} |")
    for how, megabytes in peak.items():
        lines.append(f"\nPeak above the decoded 48-megapixel photo, {how}: {megabytes:.0f} MB.")
    for name, text in profiles.items():
        lines.append(f"\nWhere the time of {name} goes:\n\n```\n{text}\n```")
    return "\n".join(lines) + "\n"


def _shown(rows: list[Measurement]) -> list[Measurement]:
    for row in rows:
        print(row.text(), flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
