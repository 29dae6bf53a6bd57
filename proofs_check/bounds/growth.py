"""Growth profiles: how the best constant seen grows with a parameter, beside what the statement claims.

At each value of one parameter, the others held, a search finds an extremal instance, which balls certify. Where the
claimed constant is a plain factor of sizes and numbers, it and its exponents are read from the statement exactly
(`laws`); otherwise it is the larger side with only that parameter changed and all entries kept, and fitted. The
observed constant is the claimed one times the share of it that the extremal instance uses; it bounds the best constant
from below. Its exponents are fitted in the form of the claimed law, over numbers that are not small, and are called
unsettled where the larger half of the values alone says something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from flint import fmpq

from ..arrays.backends import batched
from ..arrays.exact import Count, InputError, from_float, to_float
from ..arrays.screen import Screen
from ..claims import Claim, evaluate
from ..instances.domains import Scalar, Size
from ..verdict import HOLDS, PROVED, Verdict
from .exponents import fit
from .extremal import Extremal, sweep
from .laws import Law, Order, law_of

SIZES = (1, 2, 3, 4, 6, 8, 12, 16)
POINTS = 7
"""Values of a number, in equal ratios."""
WINDOW = 4
"""A number is followed from its upper end down to this fraction of it: exponents speak of what is not small."""
BASE_SIZE, BASE_NUMBER = 3, 1
"""Where the other parameters are held, if they can."""
FEWEST = 3
"""Values that a fit needs for each of its unknowns but one."""


@dataclass(frozen=True)
class Growth:
    """How a constant grows with one parameter.

    Attributes:
        parameter: its name.
        held: the other parameters and where they are held.
        values: of the parameter.
        claimed_log10: the claimed constant at each value; without a law, up to one common factor.
        observed_log10: the best constant seen, up to the same factor.
        terms: the form of the exponents, keys of `exponents.TERMS`.
        claimed: exponents of the claimed constant, one a term: those of its law as the parameter grows, else fitted.
        observed: exponents fitted to the best constant seen.
        errors: their standard errors.
        law: the claimed constant as an exact expression; None where there is no such.
        claimed_here: exponents fitted to the claimed constant at these values, where a law may be far from its limit.
        settled: whether the larger half of the values alone gives the same observed exponents.
        upper: what it gives.
    """

    parameter: str
    held: dict[str, float]
    values: list[float]
    claimed_log10: list[float]
    observed_log10: list[float]
    terms: list[str]
    claimed: list[float]
    observed: list[float]
    errors: list[float]
    law: str | None = None
    claimed_here: list[float] = field(default_factory=list)
    settled: bool = True
    upper: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [
            f"{term} claimed {c:.3g}, observed {o:.3g} +- {e:.1g}"
            for term, c, o, e in zip(self.terms, self.claimed, self.observed, self.errors, strict=True)
        ]
        last = ", ".join(f"{value:.3g}" for value in self.upper)
        unsettled = "" if self.settled else f" (not settled: {last} over the larger half of the values)"
        return f"growth in {self.parameter}: {'; '.join(parts)}{unsettled}"


def with_profile(verdict: Verdict, claim: Claim, rng: np.random.Generator, deep: bool) -> Verdict:
    """The verdict with the growth profiles of a claim that stands, where the search is deep."""
    if not deep or claim.samples is not None or verdict.outcome not in (HOLDS, PROVED):
        return verdict
    found = profile(claim, rng)
    words = "".join(f"; {growth}" for growth in found)
    return replace(verdict, growth=[growth.to_json() for growth in found], message=verdict.message + words)


def profile(claim: Claim, rng: np.random.Generator) -> list[Growth]:
    """The growth in every size and every positive number of the statement, where enough values give an instance.

    Args:
        claim: an upper or lower bound.
        rng: of the searches.
    """
    found = (growth_in(claim, name, rng) for name in parameters(claim))
    return [growth for growth, _ in filter(None, found)]


def parameters(claim: Claim) -> list[str]:
    """Sizes with several values, and numbers whose ends are positive and plain."""
    names = []
    for name, domain in claim.domains.items():
        several = isinstance(domain, Size) and len(_sizes(domain, SIZES)) > FEWEST
        if several or (_positive(domain) and domain.ends({})[0] < domain.ends({})[1]):
            names.append(name)
    return names


def _positive(domain: Any) -> bool:
    return isinstance(domain, Scalar) and not any(d.names for d in domain.limits()) and bool(domain.ends({})[0] > 0)


def _sizes(domain: Size, wanted: Iterable[int]) -> list[Any]:
    return [Count(v) for v in wanted if domain.low <= v <= domain.high]


def _numbers(domain: Scalar, points: int) -> list[Any]:
    low, high = domain.ends({})
    low = max(low, high / WINDOW)
    ratios = np.geomspace(to_float(low), to_float(high), points)[1:-1]
    return [low, *(from_float(float(value)) for value in ratios), high]


def growth_in(
    claim: Claim,
    name: str,
    rng: np.random.Generator,
    held: dict[str, Any] | None = None,
    sizes: Sequence[int] = SIZES,
    points: int = POINTS,
) -> tuple[Growth, list[Extremal]] | None:
    """The growth in one parameter with the extremal instances behind it; None where too few values give one.

    Args:
        claim: an upper or lower bound.
        name: of the parameter.
        rng: of the searches.
        held: exact values for other parameters, in place of the usual ones.
        sizes: values of a size that are tried, where its annotation has them.
        points: number of values of a number.
    """
    others = {**base(claim), **(held or {})}
    others.pop(name, None)
    domain = claim.domains[name]
    values = _sizes(domain, sizes) if isinstance(domain, Size) else _numbers(domain, points)
    found = sweep([(value, fixed(claim, {**others, name: value})) for value in values], name, rng)
    law = _usable_law(claim, name, others)
    order = law.order(name, others) if law is not None else None
    terms = _terms(domain, order)
    if len(found) < FEWEST + len(terms) - 1:
        return None
    claimed = _claimed_log10(claim, name, others, law, found)
    observed = claimed + _direction(claim, law, {**others, name: found[0].value}) * _ratios(found)
    if not np.isfinite([claimed, observed]).all():
        return None
    numbers = np.array([_plain(one.value) for one in found])
    stated, seen = (fit(numbers, log10, terms) for log10 in (claimed, observed))
    read = stated.exponents if order is None else [_exponent(order, term) for term in terms]
    growth = Growth(
        name, {other: _plain(value) for other, value in others.items()}, numbers.tolist(), claimed.tolist(),
        observed.tolist(), terms, read, seen.exponents, seen.errors, None if law is None else str(law.expression),
        stated.exponents, seen.settled, seen.upper,
    )  # fmt: skip
    return growth, found


def _exponent(order: Order, term: str) -> float:
    return float({"power": order.power, "rate": order.rate, "linear rate": order.linear}[term])


def _ratios(found: Sequence[Extremal]) -> np.ndarray:
    return np.array([one.decision.ratio for one in found])


def base(claim: Claim) -> dict[str, Any]:
    """Where parameters are held: near the middle of what is common."""
    held: dict[str, Any] = {}
    for name, domain in claim.domains.items():
        if isinstance(domain, Size):
            held[name] = Count(min(max(BASE_SIZE, domain.low), domain.high))
        elif _positive(domain):
            low, high = domain.ends({})
            held[name] = min(max(fmpq(BASE_NUMBER), low), high)
    return held


def fixed(claim: Claim, values: dict[str, Any]) -> Claim:
    """The claim with some of its parameters at exact values."""
    domains = {
        name: domain if name not in values else _one_value(values[name]) for name, domain in claim.domains.items()
    }
    return replace(claim, domains=domains)


def _one_value(value: Any) -> Any:
    if isinstance(value, int):
        return Size(int(value), int(value))
    text = f"{int(value.p)}/{int(value.q)}"
    return Scalar(text, text)


def _usable_law(claim: Claim, name: str, others: dict[str, Any]) -> Law | None:
    """The law of the claim, if its letters are the parameters alone."""
    law = law_of(claim)
    letters = set() if law is None else {symbol.name for symbol in law.expression.free_symbols}
    return law if letters <= {name, *others} else None


def _terms(domain: Any, order: Order | None) -> list[str]:
    """The form of the claimed law: a mixed form that nothing asks for is badly conditioned."""
    if isinstance(domain, Size) or (order is not None and order.rate == 0 and order.linear == 0):
        return ["power"]
    return ["power", "linear rate" if order is not None and order.rate == 0 else "rate"]


def _direction(claim: Claim, law: Law | None, values: dict[str, Any]) -> int:
    """1 where the best constant lies below the claimed one in size, -1 where above: a positive bound from below."""
    if law is None:
        return 1
    return 1 if (claim.kind == "upper") is not law.negative(values) else -1


def _claimed_log10(
    claim: Claim, name: str, others: dict[str, Any], law: Law | None, found: Sequence[Extremal]
) -> np.ndarray:
    """log10 of the law, or else of the larger side with one parameter changed and the entries of one instance kept.

    A body whose shapes follow the parameter cannot be asked so; there the larger sides of the instances stand.
    """
    if law is not None:
        return np.array([law.log10({**others, name: one.value}) for one in found])
    middle = found[len(found) // 2].instance
    try:
        kept = np.array([_log10_larger(claim, {**middle, name: one.value}) for one in found])
    except (ValueError, TypeError, IndexError, InputError):
        kept = np.array([-np.inf])
    return kept if np.isfinite(kept).all() else np.array([_log10_larger(claim, one.instance) for one in found])


def _log10_larger(claim: Claim, instance: Any) -> float:
    sides = evaluate(claim, batched([instance]), Screen(1))
    larger = (sides.right if claim.kind != "lower" else sides.left).data
    with np.errstate(divide="ignore"):
        return float((np.log(np.abs(larger.mantissa[0])).max() + larger.scale[0]) / np.log(10))


def _plain(value: Any) -> float:
    return float(value) if isinstance(value, int) else to_float(value)


def draw(growths: Sequence[Growth | dict[str, Any]], target: Path | IO[bytes], title: str = "") -> None:
    """Write a picture: one panel a parameter, the claimed and the best observed constant against it.

    Args:
        growths: from `profile`, or their JSON objects.
        target: path of the PNG file, or an open file.
        title: above the panels.

    Raises:
        InputError: there is nothing to draw.
    """
    from matplotlib.figure import Figure

    if not growths:
        raise InputError("a picture of growth needs at least one profile, got none; check with --deep makes them")
    items = [growth if isinstance(growth, Growth) else Growth(**growth) for growth in growths]
    figure = Figure(figsize=(4 * len(items), 3.2), layout="constrained")
    panels = figure.subplots(1, len(items), squeeze=False)[0]
    for axes, growth in zip(panels, items, strict=True):
        axes.plot(growth.values, growth.claimed_log10, marker="s", label="claimed")
        axes.plot(growth.values, growth.observed_log10, marker="o", label="best seen")
        held = ", ".join(f"{name} = {value:g}" for name, value in growth.held.items())
        axes.set(xscale="log", xlabel=growth.parameter, ylabel="log10 of the constant", title=held)
        axes.legend()
    figure.suptitle(title)
    figure.savefig(target, format="png", dpi=120)
