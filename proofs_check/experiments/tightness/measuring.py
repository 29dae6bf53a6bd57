"""What is measured of one statement: growth profiles and brackets of its best constant, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import numpy as np
from flint import fmpq

from proofs_check.arrays.exact import Count, InputError
from proofs_check.bounds.exponents import fit
from proofs_check.bounds.extremal import Extremal, sweep
from proofs_check.bounds.growth import Growth, base, fixed, growth_in, parameters
from proofs_check.bounds.laws import Law, Order, law_of
from proofs_check.bounds.replacement import proved_factor, refuted_factor
from proofs_check.campaigns.examine import examine
from proofs_check.claims import Claim, Malformed
from proofs_check.experiments.tightness.families import Statement
from proofs_check.instances.domains import Size
from proofs_check.instances.survey import chance
from proofs_check.loading import find_claim

SIZES, QUICK_SIZES = (2, 3, 4, 6, 8, 16, 32), (2, 4, 8)
POINTS, QUICK_POINTS = 7, 5
SMALL_NUMBER, LARGE_NUMBER, SMALL_SIZE = fmpq(1, 4), fmpq(2), 2
"""Where numbers are held while a size grows, and sizes while a number does: the growth may differ between the two."""
SAMPLES = 100
"""Instances for the verdict on the derived bound."""
DIGITS = 4
"""Significant digits of a factor, rounded to the safe side."""


@dataclass(frozen=True)
class Measured:
    """Rows of the tables and points of the pictures, plain data."""

    growth: list[dict[str, Any]]
    constants: list[dict[str, Any]]


def measure(statement: Statement, family: str, seed: int, quick: bool) -> Measured:
    """Profile one statement.

    Args:
        statement: which.
        family: its family, for the rows.
        seed: of the searches.
        quick: fewer values of the parameters.

    Raises:
        InputError: there is no such claim, it is malformed, or no bound.
    """
    claim = bound(statement.claim, statement.origin)
    derived = None if statement.derived is None else bound(statement.derived, statement.origin)
    rng = chance(claim, seed)
    names: dict[str, str | None] = {"family": family, "claim": claim.id, "provenance": claim.provenance}
    names["derived_id"] = None if derived is None else derived.id
    rows, found = [], []
    for name, held in _profiles(claim, quick):
        sizes, points = (QUICK_SIZES, QUICK_POINTS) if quick else (SIZES, POINTS)
        profiled = growth_in(claim, name, rng, held, sizes, points)
        if profiled is not None:
            rows.append({**names, **_growth_row(*profiled, derived, {**base(claim), **held})})
            found += profiled[1]
    standing = {} if derived is None else {"derived": _standing(derived, seed, quick)}
    law = law_of(claim)
    known = {**names, "constant": "" if law is None else str(law.expression), **standing}
    return Measured(rows, [{**known, **row} for row in _brackets(claim, found, rng)])


def bound(identifier: str, origin: str) -> Claim:
    """An upper or lower bound by its id.

    Raises:
        InputError: there is none, or it is malformed, or an equality.
    """
    return usable(find_claim(identifier, origin))


def usable(item: Claim | Malformed) -> Claim:
    """The item itself, if it is a well-formed bound.

    Raises:
        InputError: it is malformed, or an equality.
    """
    if isinstance(item, Malformed):
        raise InputError(f"experiment tightness: claim {item.id} is malformed: {item.reason}; mend it first")
    if item.kind == "equality":
        raise InputError(f"experiment tightness: {item.id} is an equality, without a constant; name a bound")
    return item


def _profiles(claim: Claim, quick: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each parameter with where others are held: sizes with numbers small and large, numbers with sizes small.

    Other sizes than the first, which are dimensions of the unknown, are held only.
    """
    names = parameters(claim)
    sizes = [name for name, domain in claim.domains.items() if isinstance(domain, Size)]
    numbers = [name for name in names if name not in sizes]
    small = {name: _clamped(claim.domains[name], SMALL_SIZE) for name in sizes}
    for name in names:
        if name in numbers:
            yield name, small
        elif name == sizes[0]:
            for value in (SMALL_NUMBER, LARGE_NUMBER)[quick or not numbers :]:
                yield name, {**small, **{number: _within(claim.domains[number], value) for number in numbers}}


def _within(domain: Any, value: fmpq) -> fmpq:
    low, high = domain.ends({})
    return min(max(value, low), high)


def _growth_row(
    growth: Growth, found: Sequence[Extremal], derived: Claim | None, held: Mapping[str, Any]
) -> dict[str, Any]:
    law = None if derived is None else law_of(derived)
    known = {**held, growth.parameter: found[0].value}
    law = law if law is not None and {s.name for s in law.expression.free_symbols} <= known.keys() else None
    order = None if law is None else law.order(growth.parameter, held)
    log10 = None if law is None else [law.log10({**held, growth.parameter: one.value}) for one in found]
    here = None if log10 is None else fit(np.array(growth.values), np.array(log10), growth.terms).exponents
    return {
        "in": growth.parameter,
        "where": ", ".join(f"{name} = {value:g}" for name, value in growth.held.items()),
        "claimed": _product(growth.parameter, growth.terms, growth.claimed),
        "derived": "-" if law is None or order is None else _ordered(growth.parameter, order),
        "derived_here": "-" if here is None else _product(growth.parameter, growth.terms, here, 2),
        "observed": _product(growth.parameter, growth.terms, growth.observed, 2),
        "errors": ", ".join(f"{error:.1g}" for error in growth.errors),
        "settled": "yes" if growth.settled else f"no: {_product(growth.parameter, growth.terms, growth.upper, 2)}",
        "largest": max(one.decision.ratio for one in found),
        "profile": growth.to_json(),
        "derived_log10": log10,
    }


def _product(name: str, terms: Sequence[str], exponents: Sequence[float], places: int | None = None) -> str:
    """n^1.5, or R^1 e^(2 R^2)."""
    shown = [f"{x:.3g}" if places is None else f"{round(x, places) + 0.0:.{places}f}" for x in exponents]
    forms = {"power": "{name}^{x}", "rate": "e^({x} {name}^2)", "linear rate": "e^({x} {name})"}
    return " ".join(forms[term].format(name=name, x=x) for term, x in zip(terms, shown, strict=True))


def _ordered(name: str, order: Order) -> str:
    exponents = {"power": order.power, "rate": order.rate, "linear rate": order.linear}
    kept = {term: float(x) for term, x in exponents.items() if x != 0 or term == "power"}
    return _product(name, list(kept), list(kept.values()))


def _standing(derived: Claim, seed: int, quick: bool) -> str:
    """The derived bound, and what a check says of it; a quick look does without."""
    outcome = "not checked here" if quick else examine(derived, SAMPLES, seed).outcome
    law: Law | None = law_of(derived)
    constant = "" if law is None else f": {law.expression}"
    return f"{derived.id} ({outcome}){constant}"


def _brackets(claim: Claim, found: Sequence[Extremal], rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Bounds of the best constant, as a factor of the claimed one, on the whole scope and on small ones."""
    sizes = [name for name, domain in claim.domains.items() if isinstance(domain, Size)]
    least = {name: Count(claim.domains[name].low) for name in sizes}
    small = least | {name: _clamped(claim.domains[name], SMALL_SIZE) for name in sizes[:1]}
    ones = {name: _within(claim.domains[name], fmpq(1)) for name in parameters(claim) if name not in sizes}
    rows: list[dict[str, Any]] = []
    seen = list(found)
    for held in (least, small, {**small, **ones}):
        known = [row for row in rows if row["scope"] == _scope(claim, held)]
        if known or any(row["proved"] for row in rows if row["scope"] == _scope(claim, small)):
            continue
        scope = fixed(claim, held)
        extremal = _extremal(scope, rng)
        if extremal is not None:
            seen.append(extremal)
            rows.append(_bracket(scope, extremal, _scope(claim, held), proved=True))
    if sizes and seen:
        best = max(seen, key=lambda one: one.decision.ratio)
        yield _bracket(claim, best, "all", proved=False)
    yield from rows


def _extremal(scope: Claim, rng: np.random.Generator) -> Extremal | None:
    """Of a search over all numbers, and of one at each end of theirs, where suprema often lie."""
    free = {name: scope.domains[name].ends({}) for name in parameters(scope)}
    ends = [{name: pair[end] for name, pair in free.items()} for end in (0, 1) if free]
    claims = [scope, *(fixed(scope, values) for values in ends)]
    found = [one for claim in claims for one in sweep([(None, claim)], next(iter(scope.domains)), rng)]
    return max(found, key=lambda one: one.decision.ratio, default=None)


def _clamped(domain: Size, value: int) -> Count:
    return Count(min(max(value, domain.low), domain.high))


def _scope(claim: Claim, held: Mapping[str, Any]) -> str:
    numbers = {name: claim.domains[name].ends({}) for name in parameters(claim) if name not in held}
    fixed_ = [f"{name} = {value}" for name, value in held.items()]
    return ", ".join([*fixed_, *(f"{low} <= {name} <= {high}" for name, (low, high) in numbers.items())]) or "all"


def _bracket(claim: Claim, best: Extremal, scope: str, proved: bool) -> dict[str, Any]:
    low = refuted_factor(claim, best.instance, best.decision.ratio)
    high = proved_factor(claim, best.decision.ratio) if proved else None
    return {
        "scope": scope,
        "seen_log10": best.decision.ratio,
        "refuted": None if low is None else _digits(low, ROUND_FLOOR),
        "proved": None if high is None else _digits(high, ROUND_CEILING),
    }


def _digits(factor: fmpq, rounding: str) -> str:
    """A few digits on the safe side."""
    context = Context(prec=DIGITS, rounding=rounding)
    return str(context.divide(Decimal(int(factor.p)), Decimal(int(factor.q))).normalize(context))
