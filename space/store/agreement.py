"""How review goes: what each reviewer did, how quickly, and how far two of them agree."""

from dataclasses import dataclass

from space.store.core import Core

LONGEST_SECONDS = 300.0  # of one decision that count as work; beyond it the reviewer was away


@dataclass(frozen=True)
class Reviewer:
    """One reviewer's work."""

    name: str
    decided: int
    approved: int
    fixed: int
    per_hour: float  # decisions in an hour of looking, pauses left out


@dataclass(frozen=True)
class Agreement:
    """What can be said of review as a whole."""

    reviewers: tuple[Reviewer, ...]
    reviewed: int  # records with at least one decision
    doubled: int  # records that two reviewers or more have decided on
    agreed: int  # of those, the ones on which the first two said the same
    kappa: float | None  # Cohen's, of the first two decisions; None where it is not defined

    @property
    def per_hour(self) -> float:
        """Decisions in an hour of one person's looking, over all reviewers."""
        hours = sum(one.decided / one.per_hour for one in self.reviewers if one.per_hour)
        decided = sum(one.decided for one in self.reviewers)
        return decided / hours if hours else 0.0


def agreement(core: Core) -> Agreement:
    """Throughput of every reviewer, the busiest first, and agreement between two of them."""
    rows = core.index.all(
        "SELECT reviewer, count(*) AS n, sum(decision = 'approved') AS approved, "
        "sum(fixed) AS fixed, sum(min(max(seconds, 0.001), ?)) AS seconds "
        "FROM reviews GROUP BY reviewer ORDER BY n DESC, reviewer",
        (LONGEST_SECONDS,),
    )
    reviewers = tuple(
        Reviewer(r["reviewer"], r["n"], r["approved"], r["fixed"], 3600 * r["n"] / r["seconds"])
        for r in rows
    )
    # Of the first two decisions on each record: how many records have each pair of answers.
    pairs = core.index.all(
        "WITH ordered AS (SELECT record_id, decision = 'approved' AS yes, row_number() "
        "OVER (PARTITION BY record_id ORDER BY id) AS place FROM reviews) "
        "SELECT a.yes AS first, b.yes AS second, count(*) AS n FROM ordered a "
        "JOIN ordered b ON b.record_id = a.record_id AND b.place = 2 "
        "WHERE a.place = 1 GROUP BY 1, 2"
    )
    table = {(row["first"], row["second"]): row["n"] for row in pairs}
    reviewed = core.index.get("SELECT count(DISTINCT record_id) AS n FROM reviews")
    return Agreement(
        reviewers,
        reviewed["n"] if reviewed else 0,
        sum(table.values()),
        table.get((0, 0), 0) + table.get((1, 1), 0),
        cohens_kappa(table),
    )


def cohens_kappa(table: dict[tuple[int, int], int]) -> float | None:
    """Agreement beyond chance (Cohen 1960): (observed - expected) / (1 - expected).

    Args:
        table: How often the first said `key[0]` and the second `key[1]`, each 0 or 1.

    Returns:
        1 for perfect agreement, 0 for that of chance; None with no pair, or where both always gave
        the same one answer, so that agreement by chance is certain.
    """
    total = sum(table.values())
    if not total:
        return None
    observed = (table.get((0, 0), 0) + table.get((1, 1), 0)) / total
    first = sum(n for (one, _), n in table.items() if one) / total
    second = sum(n for (_, other), n in table.items() if other) / total
    expected = first * second + (1 - first) * (1 - second)
    return None if expected >= 1 else (observed - expected) / (1 - expected)
