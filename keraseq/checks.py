"""Checks of arguments: each returns the value, or says what was given and what is accepted."""

import difflib
import numbers
from collections.abc import Iterable, Sequence
from math import inf, isfinite


def positive_integer(name: str, value) -> int:
    """The value as an `int`, or an error that names it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{name} must be a positive integer; received {name}={value!r}")
    return int(value)


def number(name: str, value) -> float:
    """The value as a finite `float`, or an error that names it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not isfinite(value):
        raise ValueError(f"{name} must be a finite number; received {name}={value!r}")
    return float(value)


def positive_number(name: str, value) -> float:
    """The value as a `float` above zero, or an error that names it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < value < inf:
        raise ValueError(f"{name} must be a positive number; received {name}={value!r}")
    return float(value)


def boolean(name: str, value) -> bool:
    """The value as a `bool`, or an error that names it."""
    if value not in (True, False):
        raise ValueError(f"{name} must be True or False; received {name}={value!r}")
    return bool(value)


def rate(name: str, value, closed: bool = False) -> float:
    """A probability in [0, 1), or in [0, 1] if `closed`."""
    good = isinstance(value, numbers.Real) and 0 <= value and (value <= 1 if closed else value < 1)
    if not good:
        interval = "[0, 1]" if closed else "[0, 1)"
        raise ValueError(f"{name} must be a number in {interval}; received {name}={value!r}")
    return float(value)


def increasing(name: str, values: Sequence[float]) -> tuple[float, ...]:
    """Probabilities such as those of quantiles as floats, increasing between 0 and 1."""
    values = tuple(number(name.removesuffix("s"), one) for one in values)
    if not values or any(a >= b for a, b in zip((0.0, *values), (*values, 1.0), strict=True)):
        raise ValueError(
            f"{name} must increase between 0 and 1, such as 0.1, 0.5, 0.9; "
            f"received {', '.join(map(str, values)) or 'none'}"
        )
    return values


def one_of(name: str, value, accepted: Iterable[str]) -> str:
    """The value, or an error that names it, what is accepted, and what is nearest."""
    if value not in accepted:
        raise ValueError(
            f"unknown {name} {value!r}; accepted: {', '.join(map(repr, accepted))}."
            f"{did_you_mean(value, accepted)}"
        )
    return value


def known_to(module, option: str, value):
    """What `module.get` makes of a value, or an error that lists the names it knows."""
    try:
        return module.get(value)
    except (TypeError, ValueError):
        pass
    names = sorted({n for n in dir(module) if n.islower() and n[0] != "_"} - {"get"})
    names = [name for name in names if not name.endswith("serialize")]
    raise ValueError(
        f"unknown {option} {value!r}; accepted: a callable or {', '.join(names)}."
        f"{did_you_mean(value, names)}"
    )


def did_you_mean(name, known: Iterable[str]) -> str:
    """A hint to the nearest known name, or nothing."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def few(names: Iterable[str], most: int = 5) -> str:
    """The first few of some names, and how many more there are.

    Example:

    >>> from keraseq.checks import few
    >>> few("abcde", most=3)
    'a, b, c and 2 more'
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
