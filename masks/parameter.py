"""The dials of a strategy: what each accepts, and what a slider or a help page says about it."""

from dataclasses import KW_ONLY, dataclass
from typing import TypeAlias

import numpy as np

Number: TypeAlias = int | float


@dataclass(frozen=True)
class Parameter:
    """One dial of a strategy, with what a slider or a help page needs to know.

    Attributes:
        name: as `masks.get` takes it.
        default: the published value.
        minimum: smallest value that is accepted.
        maximum: largest value that is accepted.
        step: a sensible step for a slider.
        integer: whether only whole numbers are accepted, as they are unless told otherwise.
        help: one sentence for a person.
        unit: "px", "of the picture", ... or nothing.
    """

    name: str
    default: Number
    _: KW_ONLY
    minimum: Number
    maximum: Number
    step: Number = 1
    integer: bool = True
    help: str
    unit: str = ""

    @classmethod
    def switch(cls, name: str, on: bool, text: str) -> "Parameter":
        """Return a parameter that is 1 or 0: on or off, `on` by default, with `text` as help."""
        return cls(name, int(on), minimum=0, maximum=1, help=text)

    @classmethod
    def share(
        cls,
        name: str,
        default: float,
        text: str,
        unit: str = "",
        *,
        minimum: float = 0.0,
        maximum: float = 1.0,
        step: float = 0.01,
    ) -> "Parameter":
        """Return a parameter that is a share or a chance, with `text` as help."""
        return cls(
            name,
            default,
            minimum=minimum,
            maximum=maximum,
            step=step,
            integer=False,
            help=text,
            unit=unit,
        )

    @property
    def is_switch(self) -> bool:
        """Whether the parameter is on or off rather than a quantity."""
        return self.integer and (self.minimum, self.maximum) == (0, 1)

    def check(self, value: object) -> Number:
        """Return the value as a plain number of the right kind.

        Raises:
            ValueError: naming the parameter, what came and what is accepted.
        """
        kind = "a whole number" if self.integer else "a number"
        accepted = f"{kind} from {self.minimum:g} to {self.maximum:g}"
        if not isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
            raise ValueError(f"{self.name} must be {accepted}, not {value!r}")
        try:
            number = float(value)
        except OverflowError:  # a whole number of hundreds of digits
            number = float("inf")
        if not self.minimum <= number <= self.maximum or (self.integer and not number.is_integer()):
            raise ValueError(f"{self.name} must be {accepted}, not {number:g}")
        return int(number) if self.integer else number


SCALE_WITH_IMAGE = Parameter.switch(
    "scale_with_image",
    False,
    "Let all lengths grow with the picture's short side instead of keeping their pixels.",
)
