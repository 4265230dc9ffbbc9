"""Save records and write down each confirmation durably; started several times, and killed."""

import os
import sys
from pathlib import Path

from space.store import Store
from tests.space.store.conftest import make_submission


def main() -> None:
    data_dir, log, first, count = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:5])
    store = Store.open(data_dir)
    with open(log, "ab", buffering=0) as confirmations:  # noqa: PTH123 - unbuffered
        for seed in range(first, first + count):
            receipt = store.save(make_submission(seed))
            confirmations.write(f"{seed} {receipt.record_id}\n".encode())
            os.fsync(confirmations.fileno())
    store.close()


if __name__ == "__main__":
    main()
