"""Growth profiles: how the best constant seen grows with a parameter, beside what the statement claims.

At each value of one parameter, the others held, a search of its own finds an extremal instance, which balls certify.
The claimed constant is the larger side with only that parameter changed and all entries kept; the observed one is the
claimed one times the share of it that the extremal instance uses. Both are fitted alike: exponents for sizes, a power
and a rate in the square (R^k e^{c R^2}) for positive numbers. An observation bounds the best constant from below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import IO, Any

import numpy as np
from flint import fmpq

from .backends import Instance, batched
from .balls import Truth
from .charts import Chart
from .claims import Claim, evaluate
from .decide import Decision, decide
from .domains import Scalar, Size
from .exact import Count, InputError, from_float, to_float
from .screen import Screen
from .search import NEAR, climb_together
from .survey import survey
from .usage import signed_logs
from .verdict import HOLDS, PROVED, Verdict

SIZES = (1, 2, 3, 4, 6, 8, 12, 16)
POINTS = 7
"""Values of a number, between its ends in equal ratios."""
BASE_SIZE, BASE_NUMBER = 3, 1
"""Where the other parameters are held, if they can."""
SAMPLES, CLIMBS, ROUNDS = 40, 3, 2
FEWEST = 3
"""Values that a fit needs for each of its unknowns but one."""


@dataclass(frozen=True)
class Growth:
    """How a constant grows with one parameter.

    Attributes:
        parameter: its name.
        held: the other parameters and where they are held.
        values: of the parameter.
        claimed_log10: the claimed constant at each value, up to one common factor.
        observed_log10: the best constant seen, up to the same factor.
        terms: what is fitted: "power", and "rate" for the factor of the square in an exponential.
        claimed, observed: the fitted numbers, one a term.
        errors: standard errors of the observed ones.
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

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [
            f"{term} claimed {c:.3g}, observed {o:.3g} +- {e:.1g}"
            for term, c, o, e in zip(self.terms, self.claimed, self.observed, self.errors, strict=True)
        ]
        return f"growth in {self.parameter}: {'; '.join(parts)}"


def with_profile(verdict: Verdict, claim: Claim, rng: np.random.Generator, deep: bool) -> Verdict:
    """The verdict with the growth profiles of a claim that stands, where the search is deep."""
    if not deep or verdict.outcome not in (HOLDS, PROVED):
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
    found = (_growth(claim, name, rng) for name in parameters(claim))
    return [growth for growth in found if growth is not None]


def parameters(claim: Claim) -> list[str]:
    """Sizes with several values, and numbers whose ends are positive and plain."""
    names = []
    for name, domain in claim.domains.items():
        several = isinstance(domain, Size) and len(_values(domain)) > FEWEST
        if several or (_positive(domain) and domain.ends({})[0] < domain.ends({})[1]):
            names.append(name)
    return names


def _positive(domain: Any) -> bool:
    return isinstance(domain, Scalar) and not any(d.names for d in domain.limits()) and bool(domain.ends({})[0] > 0)


def _values(domain: Any) -> list[Any]:
    if isinstance(domain, Size):
        return [Count(v) for v in SIZES if domain.low <= v <= domain.high]
    low, high = domain.ends({})
    ratios = np.geomspace(to_float(low), to_float(high), POINTS)[1:-1]
    return [low, *(from_float(float(value)) for value in ratios), high]


def _growth(claim: Claim, name: str, rng: np.random.Generator) -> Growth | None:
    held = _held(claim, name)
    points: list[tuple[Any, Instance, Decision]] = []
    for value in _values(claim.domains[name]):
        best = _extremal(_fixed(claim, {**held, name: value}), rng)
        if best is not None:
            points.append((value, *best))
    terms = ["power"] if isinstance(claim.domains[name], Size) else ["power", "rate"]
    if len(points) < FEWEST + len(terms) - 1:
        return None
    values = np.array([float(_plain(value)) for value, _, _ in points])
    claimed = _claimed_log10(claim, name, [value for value, _, _ in points], [instance for _, instance, _ in points])
    observed = claimed + np.array([decision.ratio for _, _, decision in points])
    if not np.isfinite(observed).all():
        return None
    (c, _), (o, errors) = (_fitted(values, y, len(terms)) for y in (claimed, observed))
    return Growth(
        name, {other: float(_plain(value)) for other, value in held.items()},
        values.tolist(), claimed.tolist(), observed.tolist(), terms, c, o, errors,
    )  # fmt: skip


def _plain(value: Any) -> float:
    return float(value) if isinstance(value, int) else to_float(value)


def _held(claim: Claim, name: str) -> dict[str, Any]:
    """The other parameters near the middle of what is common."""
    held: dict[str, Any] = {}
    for other, domain in claim.domains.items():
        if other != name and isinstance(domain, Size):
            held[other] = Count(min(max(BASE_SIZE, domain.low), domain.high))
        elif other != name and _positive(domain):
            low, high = domain.ends({})
            held[other] = min(max(fmpq(BASE_NUMBER), low), high)
    return held


def _fixed(claim: Claim, values: dict[str, Any]) -> Claim:
    domains = {
        name: domain if name not in values else _one_value(values[name]) for name, domain in claim.domains.items()
    }
    return replace(claim, domains=domains)


def _one_value(value: Any) -> Any:
    if isinstance(value, int):
        return Size(int(value), int(value))
    text = f"{int(value.p)}/{int(value.q)}"
    return Scalar(text, text)


def _extremal(claim: Claim, rng: np.random.Generator) -> tuple[Instance, Decision] | None:
    """The certified instance that uses most of the bound at one value of the parameters."""
    found = survey(claim, rng, 0, SAMPLES, deep=True)
    order = found.admissible[np.argsort(-np.nan_to_num(found.usage[found.admissible], nan=-np.inf), kind="stable")]
    starts = [found.drawn[i] for i in order[:CLIMBS]]
    both_ways = [(start, contraction) for start in starts for contraction in (1.0, NEAR)]
    climbed = climb_together(Chart.at(claim, starts[0]), both_ways, rng, ROUNDS) if starts else []
    decided = [(one, decide(claim, one, tie_break=False)) for one in (*starts, *climbed) if one is not None]
    certain = [
        entry for entry in decided
        if entry[1].admissible is Truth.YES and entry[1].truth is not Truth.NO and isfinite(entry[1].ratio)
    ]  # fmt: skip
    return max(certain, key=lambda entry: entry[1].ratio, default=None)


def _claimed_log10(claim: Claim, name: str, values: Sequence[Any], instances: Sequence[Instance]) -> np.ndarray:
    """log10 of the larger side with one parameter changed and the entries of one instance kept.

    A body whose shapes follow the parameter cannot be asked so; there the larger sides of the instances stand.
    """
    middle = instances[len(instances) // 2]
    try:
        return np.array([_log10_larger(claim, {**middle, name: value}) for value in values])
    except (ValueError, TypeError, IndexError, InputError):
        return np.array([_log10_larger(claim, instance) for instance in instances])


def _log10_larger(claim: Claim, instance: Instance) -> float:
    sides = evaluate(claim, batched([instance]), Screen(1))
    larger = sides.right if claim.kind != "lower" else sides.left
    ((_, logs),) = signed_logs(larger.data)
    return float(logs.max() / np.log(10))


def _fitted(values: np.ndarray, log10: np.ndarray, terms: int) -> tuple[list[float], list[float]]:
    """Least squares for a + power * log(v) [+ rate * v^2], in natural logarithms, with standard errors."""
    design = np.column_stack([np.ones_like(values), np.log(values), values**2][: terms + 1])
    y = log10 * np.log(10)
    fit, *_ = np.linalg.lstsq(design, y, rcond=None)
    spare = max(len(values) - design.shape[1], 1)
    variance = float(np.sum((y - design @ fit) ** 2)) / spare
    errors = np.sqrt(np.diag(np.linalg.pinv(design.T @ design)) * variance)
    return fit[1:].tolist(), errors[1:].tolist()


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
