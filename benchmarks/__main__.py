"""Speed on this machine, side by side: python -m benchmarks [--output FILE] [--repeats N]."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import lama
from benchmarks import generators, photos
from benchmarks.method import Figures, machine


def main() -> int:
    """Measure, print tables, write JSON where asked."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--bf16", action="store_true", help="measure bf16 without the instructions")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    inpainter = lama.load("lama-tiny", "cpu")
    rows: list[Figures] = []
    profiles = {}
    for name, network in generators.networks().items():
        bf16 = options.bf16 or inpainter.precision == "bf16"
        rows += _shown(generators.measure(name, network, options.repeats, bf16))
        profiles[name] = generators.where_time_goes(network, inpainter.precision)
        print(f"{name}, compiled {inpainter.precision}, where the time goes:\n{profiles[name]}")
    rows += _shown(photos.hole_not_photo(inpainter, options.repeats))
    peak = {how: photos.memory(how) for how in ("in place", "copied")}
    print(f"peak MB above the decoded 48-megapixel photo: {peak}")
    rows += _shown(photos.throughput(options.repeats))
    if options.output:
        report = {
            "machine": machine(),
            "rows": [asdict(row) for row in rows],
            "peak_megabytes": peak,
            "profiles": profiles,
        }
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def _shown(rows: list[Figures]) -> list[Figures]:
    for row in rows:
        print(row.text(), flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
