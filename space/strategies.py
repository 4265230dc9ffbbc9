"""Names of mask strategies that come from outside: a page or a program may name no file.

On the command line `folder:DIR` and `fitted:PATH` read files. Whoever reaches the app over the
network must not choose what the server reads, so that only the strategies by name are let through.
"""

import masks


def known_strategy(name: object, default: str, *others: str) -> str:
    """The strategy's name, checked.

    Args:
        name: What was sent; nothing, or an empty text, is the default.
        default: Taken where nothing was sent.
        others: Names that are allowed beside those of `masks.names()`.

    Raises:
        ValueError: There is no such strategy; lists those that there are.
    """
    asked = str(name or "").strip() or default
    allowed = (*others, *masks.names())
    if asked not in allowed:
        # Short: what was sent may be as long as it likes, and the answer carries it back.
        raise ValueError(
            f"There is no mask strategy {asked[:40]!r}; there are {', '.join(allowed)}."
        )
    return asked
