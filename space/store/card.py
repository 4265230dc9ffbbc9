"""The dataset card: `README.md` with the YAML that the Hub and `datasets` read, and the figures.

Three things about the YAML are on purpose, each found the hard way (`datasets` 5.2). The number of
rows is left out: it is compared with what is loaded, and someone may be saving between the two.
The card of the live folder has no `configs`: with them, `datasets` lists and opens files through
the path it was given instead of the directory that this led to, so that a reader could find files
gone that it had listed; and it caches by the YAML alone, so that loading again would go on
returning what was seen first. A finished copy has `configs`, and a description in them that is
different for every copy, for the same reason.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from space.store.schema import CONSENT_SENTENCE, FEATURES, LICENCES, SCHEMA_VERSION, STATUSES

_NAMES = {"cc0-1.0": "CC0 1.0", "cc-by-4.0": "CC BY 4.0", "private": "private"}

_COPY = re.compile(r"^\s*description: Copy (\w+)$", re.MULTILINE)

_EXTRA = (
    "a JSON object: `note` of the contributor; `receipt_sha256`, the hash of the receipt; "
    "`reviews`, each with `by` (a reviewer's pseudonym), `decision`, `at` and whether the mask was "
    "`fixed`; `earlier_masks`, which reviewers replaced, each as run lengths down the columns, "
    "known first (`counts`, COCO's order), with `strategy`, `strokes`, `replaced_at` and "
    "`replaced_by`"
)
_BODY = """\
# {title}

Photos, and masks that people drew on them to have something removed: data to fine-tune
inpainting networks on the holes that they will really be asked to fill.

{records} records on {images} photos.

| status | records |
|---|---|
{statuses}

| licence | records |
|---|---|
{licences}

```python
from datasets import load_dataset

masks = load_dataset("{place}", split="train")
masks[0]["image"], masks[0]["mask"]  # PIL images; the mask is 0 (known) or 255 (hole)
```

## Columns

| column | what it is |
|---|---|
| `id` | of the record |
| `image` | the photo, without camera and place metadata |
| `mask` | 8-bit grey, 0 known, 255 hole, of the upright photo's size |
| `strategy` | `drawn` by hand, `imported` with pictures from elsewhere, or the generator's name |
| `strokes` | JSON of the strokes in image pixels; may be empty |
| `width`, `height` | of the upright photo |
| `hole_fraction` | hole pixels by all pixels |
| `image_sha256` | of the bytes in `image`; masks on one photo share it |
| `licence` | {licence_names} |
| `consent` | true: nothing is stored without |
| `contributor` | a pseudonym |
| `status` | `pending`, `approved` or `rejected` by a reviewer |
| `model` | the network that was in use; may be empty |
| `app_version`, `schema_version` | what wrote the record; the schema is version {schema} |
| `created_at` | UTC |
| `extra` | {extra} |

## Licence and consent

Each record carries the licence that its contributor chose. Every contributor agreed to this
sentence before saving: "{consent}"

Records under `private` stay where they were made: they are in no copy of this dataset on the Hub.

## Removal

Whoever saved a record got a receipt and can have the record deleted with it, in the app or with
`python -m space dataset delete`. The data is then taken out of the files of the newest revision.
Earlier revisions on the Hub keep what was in them until its owner squashes the history.
"""


@dataclass(frozen=True)
class Figures:
    """What a card counts."""

    records: int
    images: int
    statuses: Mapping[str, int]
    licences: Mapping[str, int]


def render(
    figures: Figures,
    place: str,
    title: str = "Inpainting masks",
    copy: str | None = None,
    splits: Sequence[str] = ("train",),
) -> str:
    """The text of a card.

    Args:
        figures: Counts of the records that lie beside the card.
        place: What `load_dataset` is called with.
        title: The name that the Hub shows.
        copy: A word of its own for each finished copy; None for the live folder.
        splits: Those of a finished copy: what the names of its files begin with.
    """
    # The Hub's word for a licence of one's own: what is private was given to nobody.
    used = [
        "other" if name == "private" else name for name in LICENCES if figures.licences.get(name)
    ]
    front: dict[str, object] = {
        "pretty_name": title,
        "license": (used[0] if len(used) == 1 else used) if used else "other",
        "task_categories": ["image-to-image", "image-segmentation"],
        "tags": ["inpainting", "masks", "lama", "image"],
        "size_categories": [_size_category(figures.records)],
        "dataset_info": {"features": FEATURES._to_yaml_list()},
    }
    if copy is not None:
        config = {
            "config_name": "default",
            "description": f"Copy {copy}",
            "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits],
        }
        front["configs"] = [config]
    body = _BODY.format(
        title=title,
        records=f"{figures.records:,}",
        images=f"{figures.images:,}",
        place=place,
        schema=SCHEMA_VERSION,
        extra=_EXTRA,
        consent=CONSENT_SENTENCE,
        licence_names=", ".join(f"`{name}`" for name in LICENCES),
        statuses="\n".join(f"| {name} | {figures.statuses.get(name, 0):,} |" for name in STATUSES),
        licences="\n".join(
            f"| {_NAMES[name]} | {figures.licences.get(name, 0):,} |" for name in LICENCES
        ),
    )
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n\n{body}"


def copy_of(text: str) -> str | None:
    """The word that `render` was given for a finished copy; None if a card has none."""
    found = _COPY.search(text.split("\n---", 1)[0])
    return found[1] if found else None


def _size_category(records: int) -> str:
    """The bucket that the Hub files a dataset of so many rows under."""
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
    return next((name for bound, name in bounds if records < bound), "100K<n<1M")
