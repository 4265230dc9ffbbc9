"""Fill a small disk with records until it is full, and tell what is left of them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import datasets

from space.store import Store, StoreError
from space.store import files as store_module
from tests.space.store.conftest import make_mask, make_photo, make_submission


def loaded(store: Store) -> int:
    with tempfile.TemporaryDirectory() as cache:
        table = datasets.load_dataset(str(store.dataset_dir), split="train", cache_dir=cache)
        return len([row["image"].size for row in table])


def main() -> None:
    store_module.RESERVE_BYTES = 0
    store = Store.open(Path(sys.argv[1]) / "data")
    receipts, error = [], None
    for seed in range(100):
        size = {"image_bytes": make_photo(seed, 101, 173), "mask": make_mask(seed, 101, 173)}
        try:
            receipts.append(store.save(make_submission(seed, **size)))
        except StoreError as refused:
            error = str(refused)
            break
    answer = {"error": error, "confirmed": len(receipts), "loaded": loaded(store)}
    answer["problems when full"] = store.verify().problems
    enlarge = ["mount", "-o", "remount,size=30m", sys.argv[1]]
    subprocess.run(enlarge, check=True)
    store.delete(receipts[0].record_id, receipts[0].token)
    answer["after deleting one"] = loaded(store)
    answer["problems"] = store.verify().problems
    print(json.dumps(answer))  # noqa: T201
    store.close()


if __name__ == "__main__":
    main()
