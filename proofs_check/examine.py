"""One claim from declaration to verdict."""

from __future__ import annotations

import time
import traceback
import zlib
from dataclasses import dataclass, field, replace
from math import log, log1p
from pathlib import Path

import numpy as np

from . import verdict as outcomes
from .backends import Instance
from .balls import Truth
from .claims import PROVENANCES, Claim, Malformed
from .decide import CEILING, Decision, cells, decide
from .exact import InputError
from .proof import prove
from .sampling import Sampler
from .search import NEAR, NEARER, climb, contracted, screen
from .shrink import shrink
from .vacuity import contradiction
from .verdict import Verdict
from .witness import Witness

GROUPS, SMALLEST_GROUP, LARGEST_GROUP = 48, 8, 50
"""Instances of equal sizes are screened together: so many groups that each size has its turn, of such sizes."""
SIZE_CEILING, DEEP_CEILING = 16, 64
WORST, RANDOM = 20, 10
"""Instances that balls decide after the screen: the ones that use most of the bound, and a random sample."""
STARTS, ROUNDS = 12, 3
POLISHES, PROMISING = 4, 1e-2
"""A bound that is used up to so much (log10) may be tight: it is polished so many times."""
SEARCH_CELLS = 48
"""Most numbers in an instance that a search starts from, unless it is deep or there is no smaller one."""
DEEP = 5
"""Factor on the search when it is asked to be deep."""
TIGHT = -log1p(-1e-6) / log(10)
"""A bound used up to a relative gap of 1e-6 is tight."""
PATIENCE, LOWER_CEILING = 3, 512
"""After this many instances without a decision at the ceiling, further ones stop at the lower one."""
EQUALITY_TIES = 8
"""Instances of an equality that SymPy is asked about; balls compare the others."""
SUSPICIOUS = 1e-12
"""Usage beyond this (natural log) is taken to balls first."""


@dataclass
class Ledger:
    """What has been decided about a claim so far."""

    claim: Claim
    decided: list[tuple[Instance, Decision]] = field(default_factory=list)
    broken: tuple[Instance, Decision] | None = None
    unknown: list[tuple[Instance, Decision]] = field(default_factory=list)
    unclear: list[tuple[Instance, Decision]] = field(default_factory=list)

    def take(self, instance: Instance, tie_break: bool = True) -> None:
        """Decide one instance and enter it; instances that do not certainly meet the hypotheses decide nothing."""
        patient = self.claim.kind != "equality" and len(self.unknown) + len(self.unclear) < PATIENCE
        decision = decide(self.claim, instance, CEILING if patient else LOWER_CEILING, tie_break)
        if decision.admissible is Truth.NO:
            return
        if decision.admissible is Truth.UNKNOWN:
            self.unclear.append((instance, decision))
        elif decision.truth is Truth.UNKNOWN:
            self.unknown.append((instance, decision))
        elif decision.truth is Truth.NO:
            self.broken = self.broken or (instance, decision)
        else:
            self.decided.append((instance, decision))

    def break_ties(self, count: int) -> None:
        """Offer the first open instances to the exact tie-break."""
        for name in ("unclear", "unknown"):
            waiting = getattr(self, name)
            setattr(self, name, waiting[count:])
            for instance, _ in waiting[:count]:
                self.take(instance)

    @property
    def telling(self) -> list[tuple[Instance, Decision]]:
        """Certified instances with sides that are not zero."""
        return [(instance, decision) for instance, decision in self.decided if not decision.trivial]

    @property
    def worst(self) -> tuple[Instance, Decision] | None:
        """The certified instance that uses most of the bound."""
        return max(self.telling, key=lambda pair: pair[1].ratio, default=None)

    @property
    def bits(self) -> int | None:
        """Largest precision that a decision took."""
        used = [decision.bits for _, decision in self.decided] + ([self.broken[1].bits] if self.broken else [])
        return max(used, default=None)


@dataclass(frozen=True)
class Screened:
    """Result of the float64 screen.

    Attributes:
        drawn: exact instances that meet the annotations.
        usage: `search.screen` of each.
        wanted: instances that were asked for.
    """

    drawn: list[Instance]
    usage: np.ndarray
    wanted: int

    @property
    def admissible(self) -> np.ndarray:
        """Places of the instances whose further hypotheses float64 does not see fail."""
        return np.flatnonzero(self.usage != -np.inf)


def examine(
    item: Claim | Malformed, samples: int, seed: int, witness_dir: str | None = None, deep: bool = False
) -> Verdict:
    """The verdict on one claim; an exception becomes an ``error`` verdict of that claim.

    Args:
        item: the claim.
        samples: instances to screen.
        seed: of all chance.
        witness_dir: folder for the witness file, or None.
        deep: larger sizes and a longer search.
    """
    begun = time.perf_counter()
    if isinstance(item, Malformed):
        where = f"{item.reason} ({Path(item.path).name}:{item.line})"
        return _finished(item, Verdict(item.id, item.paper, outcomes.ERROR, where), begun)
    try:
        found = _examined(item, samples, seed, witness_dir, deep)
    except Exception as cause:
        found = Verdict(item.id, item.paper, outcomes.ERROR, _located(item, cause))
    return _finished(item, found, begun)


def _finished(item: Claim | Malformed, found: Verdict, begun: float) -> Verdict:
    mark = PROVENANCES.get(item.provenance, "")
    note = f" [{mark}]" if item.provenance.startswith("reconstructed") else ""
    return replace(
        found,
        provenance=item.provenance,
        expected=None if item.expect is None else found.outcome == item.expect,
        seconds=round(time.perf_counter() - begun, 3),
        message=found.message + note,
    )


def _located(claim: Claim, cause: Exception) -> str:
    """The error with the line of the claim's own file where it arose."""
    frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if frame.filename == claim.path]
    line = frames[-1].lineno if frames else claim.line
    return f"{type(cause).__name__}: {cause} ({Path(claim.path).name}:{line})"


def _examined(claim: Claim, samples: int, seed: int, witness_dir: str | None, deep: bool) -> Verdict:
    rng = np.random.default_rng([seed, zlib.crc32(claim.id.encode())])
    screened = _screened(claim, Sampler(claim, rng, DEEP_CEILING if deep else SIZE_CEILING), samples)
    ledger = Ledger(claim)
    if not screened.admissible.size:
        return _without_instances(claim, screened, ledger)
    for place in _chosen(screened, rng):
        ledger.take(screened.drawn[place], tie_break=claim.kind != "equality")
        if ledger.broken:
            break
    scope = None
    if not ledger.broken and claim.kind == "equality":
        # A proof makes ties a matter of course; only without one is SymPy asked about single instances.
        scope = prove(claim) if ledger.decided or ledger.unknown else None
        if scope is None:
            ledger.break_ties(EQUALITY_TIES)
    elif not ledger.broken:
        _search(claim, screened, ledger, rng, DEEP if deep else 1)
    if not ledger.broken and not ledger.decided and not ledger.unknown:
        return _without_instances(claim, screened, ledger)
    return _judged(claim, screened, ledger, scope, witness_dir)


def _screened(claim: Claim, sampler: Sampler, samples: int) -> Screened:
    drawn: list[Instance] = []
    usage: list[np.ndarray] = []
    together = min(max(samples // GROUPS, SMALLEST_GROUP), LARGEST_GROUP)
    for number, group in enumerate(sampler.groups(samples, together)):
        if group:
            drawn += group
            usage.append(screen(claim, group))
        elif number >= 2 and not drawn:
            break
    return Screened(drawn, np.concatenate(usage) if usage else np.zeros(0), samples)


def _chosen(screened: Screened, rng: np.random.Generator) -> list[int]:
    """Suspected violations first, then unknown ones, the worst, a random sample, each instance once."""
    admissible = screened.admissible
    usage = screened.usage[admissible]
    order = np.argsort(-np.nan_to_num(usage, nan=-np.inf), kind="stable")
    suspects = [i for i in order if usage[i] > SUSPICIOUS][:WORST]
    unknown = list(np.flatnonzero(np.isnan(usage)))[: WORST // 2]
    sample = rng.permutation(len(admissible))[:RANDOM]
    places = [*suspects, *unknown, *order[:WORST], *sample]
    return [int(admissible[i]) for i in dict.fromkeys(int(i) for i in places)]


def _search(claim: Claim, screened: Screened, ledger: Ledger, rng: np.random.Generator, factor: int) -> None:
    """Climb from the worst instances (half of them with twins drawn together), certify what comes back."""
    for number, place in enumerate(_starts(screened, rng, STARTS * factor, SEARCH_CELLS if factor == 1 else np.inf)):
        contraction = NEAR if number % 2 else 1.0
        instance = climb(claim, screened.drawn[place], rng, ROUNDS, contraction)
        if instance is not None:
            ledger.take(instance)
        if ledger.broken:
            return
    for _ in range(POLISHES):
        _polish(claim, ledger, rng, ROUNDS * factor)
        if ledger.broken or not ledger.worst or not -PROMISING < ledger.worst[1].ratio < -TIGHT / 10:
            break
    for instance in contracted(claim, ledger.worst[0]) if ledger.worst and not ledger.broken else []:
        ledger.take(instance)
        if ledger.broken:
            return


def _polish(claim: Claim, ledger: Ledger, rng: np.random.Generator, rounds: int) -> None:
    """Climb from the worst instance with its twins drawn ever closer.

    The quotient of twins at distance h peaks O(h) beside the peak of its limit, and loses O(h^2) there.
    """
    for contraction in (NEAR, NEARER) if ledger.worst else ():
        start = ledger.worst[0]
        polished = climb(claim, start, rng, rounds, contraction)
        ledger.take(polished if polished is not None else start)
        if ledger.broken:
            return


def _starts(screened: Screened, rng: np.random.Generator, count: int, limit: float) -> list[int]:
    """Each start twice: the worst of all, of each of the first sizes drawn, of other sizes, and random ones."""
    admissible = screened.admissible
    usage = np.nan_to_num(screened.usage[admissible], nan=-np.inf)
    order = [int(admissible[i]) for i in np.argsort(-usage, kind="stable")]
    order = [place for place in order if cells(screened.drawn[place]) <= limit] or order
    worst: dict[tuple[int, ...], int] = {}
    for place in order:
        worst.setdefault(_sizes(screened.drawn[place]), place)
    small = [worst[sizes] for sizes in dict.fromkeys(_sizes(screened.drawn[place]) for place in sorted(order))][:2]
    leaders = list(dict.fromkeys([order[0], *small, *worst.values(), *order]))[: max(1, count // 3)]
    others = [order[int(i)] for i in rng.permutation(len(order))[: max(1, count // 6)]]
    return [place for place in leaders + others for _ in range(2)]


def _sizes(instance: Instance) -> tuple[int, ...]:
    return tuple(value for value in instance.values() if isinstance(value, int))


def _without_instances(claim: Claim, screened: Screened, ledger: Ledger) -> Verdict:
    scope = contradiction(claim)
    if scope is not None:
        message = f"vacuous, certified: the hypotheses contradict each other for {scope}"
        return Verdict(claim.id, claim.paper, outcomes.VACUOUS, message, scope=scope)
    if ledger.unclear:
        message = f"undecided: no instance certainly meets the hypotheses, {ledger.unclear[0][1].gap}"
        return Verdict(claim.id, claim.paper, outcomes.UNDECIDED, message)
    met = len(screened.drawn)
    message = (
        f"vacuous, suspected: none of {screened.wanted} attempts met the hypotheses "
        f"({met} met the annotations, none of them the further hypotheses)"
    )
    return Verdict(claim.id, claim.paper, outcomes.VACUOUS, message)


def _judged(claim: Claim, screened: Screened, ledger: Ledger, scope: str | None, witness_dir: str | None) -> Verdict:
    if ledger.broken:
        return _refuted(claim, screened, ledger, witness_dir)
    base = Verdict(
        claim.id, claim.paper, outcomes.HOLDS, "", instances=len(screened.admissible),
        certified_instances=len(ledger.decided), bits=ledger.bits,
    )  # fmt: skip
    if scope is not None:
        return replace(base, outcome=outcomes.PROVED, scope=scope, message=f"proved exactly for {scope}")
    if not ledger.decided or (claim.kind != "equality" and len(ledger.unknown) > len(ledger.decided)):
        return replace(base, outcome=outcomes.UNDECIDED, message=_open(ledger))
    if claim.kind == "equality":
        message = f"no violation in {base.instances} screened instances; {base.certified_instances} certified exactly"
        return replace(base, message=message, witness=_saved(claim, *ledger.decided[0], "holds", witness_dir))
    return _holding(claim, ledger, base, witness_dir)


def _open(ledger: Ledger) -> str:
    _, first = ledger.unknown[0]
    return f"undecided on {len(ledger.unknown)} of {len(ledger.unknown) + len(ledger.decided)} instances, {first.gap}"


def _refuted(claim: Claim, screened: Screened, ledger: Ledger, witness_dir: str | None) -> Verdict:
    assert ledger.broken is not None
    found, decision = ledger.broken
    instance, small = shrink(claim, found, decision)
    sides = f"left = {small.left} is not {claim.relation} right = {small.right}"
    message = f"refuted: {_shown(instance)} meets every hypothesis, and {sides}"
    return Verdict(
        claim.id, claim.paper, outcomes.REFUTED, message, instances=len(screened.admissible),
        certified_instances=len(ledger.decided) + 1, bits=small.bits, worst_log10_ratio=_finite(decision.ratio),
        witness=_saved(claim, instance, small, "refuted", witness_dir),
    )  # fmt: skip


def _holding(claim: Claim, ledger: Ledger, base: Verdict, witness_dir: str | None) -> Verdict:
    worst = ledger.worst
    if worst is None:
        message = f"no violation in {base.instances} instances, but a side is exactly 0 in every certified one"
        return replace(base, message=message)
    ratio = worst[1].ratio
    attained = _attained(ledger)
    tight = attained is True or bool(ratio >= -TIGHT)
    certain = f"{base.instances} instances screened, {base.certified_instances} certified"
    return replace(
        base,
        message=f"no violation found ({certain}); {_tightness_words(tight, attained, ratio)}{_remark(ledger)}",
        worst_log10_ratio=_finite(ratio),
        tight=tight,
        attained=attained,
        looseness_log10=0.0 if tight else _finite(-ratio),
        witness=_saved(claim, *worst, "holds", witness_dir),
    )


def _attained(ledger: Ledger) -> bool | None:
    equal = [decision.equal for _, decision in ledger.telling]
    if Truth.YES in equal:
        return True
    open_ones = [decision for _, decision in ledger.unknown if not decision.trivial]
    return None if open_ones or Truth.UNKNOWN in equal else False


def _tightness_words(tight: bool, attained: bool | None, ratio: float) -> str:
    if attained:
        return "tight: a certified witness attains it"
    if tight:
        strict = "; every certified instance stays strictly inside (observed, not proved)" if attained is False else ""
        return (
            f"tight: certified witnesses approach it to a relative gap of {-np.expm1(ratio * np.log(10)):.1e}{strict}"
        )
    return (
        f"loose by the observed factor 10^{-ratio:.3g} or less"
        if np.isfinite(ratio)
        else "nothing of the bound is used"
    )


def _remark(ledger: Ledger) -> str:
    return f"; {len(ledger.unknown)} instances undecided, {ledger.unknown[0][1].gap}" if ledger.unknown else ""


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _shown(instance: Instance) -> str:
    parts = []
    for name, value in instance.items():
        shown = (
            str(value)
            if not isinstance(value, np.ndarray)
            else str([[str(c) for c in row] if np.ndim(row) else str(row) for row in value])
        )
        parts.append(f"{name} = {shown}".replace("'", ""))
    text = ", ".join(parts)
    return text if len(text) <= 400 else text[:397] + "..."


def _saved(claim: Claim, instance: Instance, decision: Decision, outcome: str, folder: str | None) -> str | None:
    if folder is None:
        return None
    witness = Witness(
        claim.id, claim.digest, "" if claim.origin == "catalogue" else claim.origin or claim.path, claim.kind, outcome,
        instance, decision.left, decision.right, decision.bits,
    )  # fmt: skip
    try:
        return str(witness.save(Path(folder)))
    except OSError as cause:
        raise InputError(f"cannot write a witness into {folder}: {cause}") from cause
