"""Finds the photos of a data directory that look like another one; see `space.store.looks`."""

from space.store.core import Core
from space.store.looks import BANDS, BITS, DISTANCE, bands


def lookalikes(core: Core, look: int, sha256: str) -> int:
    """How many other photos look like this one; those with private records alone are not told of.

    Args:
        core: The data directory.
        look: The photo's hash.
        sha256: The photo itself, which is not counted.
    """
    parts = bands(look)
    queries, values = [], []
    for number, part in enumerate(parts):
        near = [part, *(part ^ 1 << bit for bit in range(BITS))]
        queries.append(f"SELECT * FROM looks WHERE band{number} IN ({', '.join('?' * len(near))})")
        values += near
    found = set()
    for row in core.index.all(" UNION ".join(queries), tuple(values)):
        other = sum(row[f"band{number}"] << (BITS * number) for number in range(BANDS))
        if row["sha256"] != sha256 and (look ^ other).bit_count() <= DISTANCE:
            found.add(row["sha256"])
    public = "SELECT 1 FROM records WHERE image_sha256 = ? AND licence != 'private' LIMIT 1"
    return sum(core.index.get(public, (photo,)) is not None for photo in found)
