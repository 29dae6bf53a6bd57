"""One claim from declaration to verdict: survey, balls, proof or directed search, and the words for what was found."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import verdict as outcomes
from ..arrays.backends import Instance
from ..arrays.balls import Truth
from ..arrays.exact import InputError
from ..bounds.growth import with_profile
from ..bounds.replacement import Replacement, certified_replacement, observed_replacement
from ..bounds.silence import silence
from ..bounds.tightness import TIGHT, attained, try_simple_neighbours, words
from ..boxes.proving import BoxProof, infeasible_boxes, prove_boxes
from ..claims import PROVENANCES, Claim, Malformed
from ..deciding.decide import Decision, decide
from ..deciding.ledger import Ledger
from ..deciding.proof import prove
from ..deciding.shrink import shrink
from ..deciding.unused import assumes, proved_without, says_nothing, unseen_uses
from ..deciding.vacuity import contradiction
from ..files import json_number
from ..instances.repair import meeting
from ..instances.survey import Survey, chance, survey
from ..searching.ascent import ascend
from ..searching.recorded import forget
from ..verdict import Verdict
from ..witness import Witness
from .reaching import reached

EQUALITY_TIES = 8
"""Instances of an equality that SymPy is asked about; balls compare the others."""

DOUBTS_CEILING = 1024
"""Precision in bits at which instances from boxes that resisted a proof are given up; many of them are ties."""


def examine(
    item: Claim | Malformed,
    samples: int,
    seed: int,
    witness_dir: str | None = None,
    deep: bool = False,
    screened: Survey | None = None,
) -> Verdict:
    """The verdict on one claim; an exception becomes an ``error`` verdict of that claim.

    Args:
        item: the claim.
        samples: instances to screen.
        seed: of all chance.
        witness_dir: folder for the witness file, or None.
        deep: larger sizes and a longer search.
        screened: its survey, where the blocks of a large one were drawn elsewhere.
    """
    begun = time.perf_counter()
    forget()
    if isinstance(item, Malformed):
        where = f"{item.reason} ({Path(item.path).name}:{item.line})"
        return _finished(item, Verdict(item.id, item.paper, outcomes.ERROR, where), begun)
    try:
        found = _examined(item, samples, seed, witness_dir, deep, screened)
    except (Exception, SystemExit) as cause:  # a body that calls sys.exit must not end the campaign
        found = Verdict(item.id, item.paper, outcomes.ERROR, _located(item, cause))
    return _finished(item, found, begun)


def _finished(item: Claim | Malformed, found: Verdict, begun: float) -> Verdict:
    mark = PROVENANCES.get(item.provenance, "")
    note = f" [{mark}]" if item.provenance.startswith("reconstructed") else ""
    return replace(
        found,
        provenance=item.provenance,
        expected=None if item.expect is None else _as_expected(found.outcome, item.expect),
        seconds=round(time.perf_counter() - begun, 3),
        message=found.message + note,
    )


def _as_expected(outcome: str, expect: str) -> bool:
    """A proof says all that ``holds`` says, and more."""
    return outcome == expect or (outcome == outcomes.PROVED and expect == outcomes.HOLDS)


def _located(claim: Claim, cause: BaseException) -> str:
    """The error with the line of the claim's own file where it arose."""
    frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if frame.filename == claim.path]
    line = frames[-1].lineno if frames else claim.line
    return f"{type(cause).__name__}: {cause} ({Path(claim.path).name}:{line})"


def _examined(
    claim: Claim, samples: int, seed: int, witness_dir: str | None, deep: bool, screened: Survey | None
) -> Verdict:
    rng = chance(claim, seed)
    found, ledger = meeting(claim, screened or survey(claim, rng, seed, samples, deep), rng), Ledger(claim)
    for instance in found.for_balls(rng):
        ledger.take(instance, tie_break=claim.kind != "equality")
        if ledger.broken:
            return _refuted(claim, found, ledger, witness_dir)
    if ledger.empty:
        ledger.break_ties(EQUALITY_TIES)
    if ledger.empty:
        for instance in reached(claim, found, rng, seed):
            ledger.take(instance)
    if ledger.empty:
        return _without_instances(claim, found, ledger)
    if claim.kind != "equality":
        ascend(ledger, found, rng, deep)
        try_simple_neighbours(ledger)
        proof = None if ledger.broken else _proved_or_doubted(ledger)
        if ledger.broken:
            return _refuted(claim, found, ledger, witness_dir)
        return with_profile(_holding(claim, found, ledger, proof, rng, deep, witness_dir), claim, rng, deep)
    # A proof makes ties a matter of course; only without one is SymPy asked about single instances.
    scope = None if ledger.broken else prove(claim)
    if scope is None:
        ledger.break_ties(EQUALITY_TIES)
    if ledger.broken:
        return _refuted(claim, found, ledger, witness_dir)
    return _identity(claim, found, ledger, scope, witness_dir)


def _without_instances(claim: Claim, found: Survey, ledger: Ledger) -> Verdict:
    proof = contradiction(claim) or infeasible_boxes(claim)
    if proof is not None:
        beyond = "" if proof.complete else f"; suspected beyond: none of {found.wanted} attempts met them"
        message = f"vacuous, certified: the hypotheses contradict each other for {proof.scope}{beyond}"
        return Verdict(claim.id, claim.paper, outcomes.VACUOUS, message, scope=proof.scope)
    if ledger.unclear:
        message = f"undecided: whether an instance meets the hypotheses stays open on all {len(ledger.unclear)} tried"
        return Verdict(claim.id, claim.paper, outcomes.UNDECIDED, message)
    message = (
        f"vacuous, suspected: none of {found.wanted} attempts met the hypotheses "
        f"({found.met} met the annotations, none of them the further hypotheses: acceptance rate 0)"
    )
    return Verdict(claim.id, claim.paper, outcomes.VACUOUS, message)


def _identity(claim: Claim, found: Survey, ledger: Ledger, scope: str | None, witness_dir: str | None) -> Verdict:
    """An equality that nothing breaks: proved, certified on instances, or left open."""
    base = _base(claim, found, ledger)
    if scope is not None and any(decision.defined for _, decision in (*ledger.decided, *ledger.unknown)):
        tried = f"; {found.scope}, none breaks it" if found.scope else ""
        message = f"proved exactly for {scope}{tried}"
        return replace(base, outcome=outcomes.PROVED, scope=scope, message=message)
    if not ledger.decided:
        return replace(base, outcome=outcomes.UNDECIDED, message=_open(ledger))
    message = f"no violation in {base.instances} screened instances; {base.certified_instances} certified exactly"
    return replace(base, message=message, witness=_saved(claim, *ledger.decided[0], "holds", witness_dir))


def _base(claim: Claim, found: Survey, ledger: Ledger) -> Verdict:
    return Verdict(
        claim.id, claim.paper, outcomes.HOLDS, "", instances=found.screened,
        certified_instances=len(ledger.decided), bits=ledger.bits, scope=found.scope,
    )  # fmt: skip


def _open(ledger: Ledger) -> str:
    waiting = ledger.unknown or ledger.unclear
    return f"undecided on {len(waiting)} of {len(waiting) + len(ledger.decided)} instances, {waiting[0][1].gap}"


def _refuted(claim: Claim, found: Survey, ledger: Ledger, witness_dir: str | None) -> Verdict:
    assert ledger.broken is not None
    instance, small = shrink(claim, *ledger.broken)
    # Exact ties are settled at a precision at which balls still overlap, so sides are compared of equal calls only.
    once, again = (decide(claim, instance) for _ in range(2))
    if (once.truth, once.left, once.right) != (again.truth, again.left, again.right) or again.truth is not Truth.NO:
        raise InputError(
            f"the body gives other sides each time ({small.left} and {small.right}, then {again.left} and "
            f"{again.right}); a claim must not depend on chance or state"
        )
    sides = f"left = {small.left} is not {claim.relation} right = {small.right}"
    return replace(
        _base(claim, found, ledger),
        outcome=outcomes.REFUTED,
        message=f"refuted: {_shown(instance)} meets every hypothesis, and {sides}",
        certified_instances=len(ledger.decided) + 1,
        bits=small.bits,
        worst_log10_ratio=json_number(ledger.broken[1].ratio),
        witness=_saved(claim, instance, small, "refuted", witness_dir),
    )


def _proved_or_doubted(ledger: Ledger) -> BoxProof | None:
    """A proof over boxes; where there is none of the whole, violations are looked for in the boxes that resisted."""
    doubts: list[Instance] = []
    proof = prove_boxes(ledger.claim, doubts=doubts)
    for instance in doubts if proof is None or not proof.complete else []:
        seen = decide(ledger.claim, instance, DOUBTS_CEILING, tie_break=False)
        if seen.admissible is Truth.YES and seen.truth is Truth.NO:
            ledger.take(instance)
            break
    return proof


def _holding(
    claim: Claim, found: Survey, ledger: Ledger, proof: BoxProof | None, rng: np.random.Generator, deep: bool,
    witness_dir: str | None,
) -> Verdict:  # fmt: skip
    """A bound that nothing breaks: proved over boxes where that covers all it speaks of, else as far as was seen."""
    base, worst = _base(claim, found, ledger), ledger.worst
    whole = proof is not None and proof.complete
    assuming = assumes(claim, found.drawn[0])
    needless = proved_without(claim) if assuming and whole else None
    if needless is not None and worst is not None and not _is_tight(ledger) and says_nothing(claim):
        message = "vacuous, certified: the bound needs none of its hypotheses, it is proved without them for "
        return replace(base, outcome=outcomes.VACUOUS, scope=needless.scope, message=message + needless.scope)
    if not whole and (not ledger.decided or len(ledger.unknown) > len(ledger.decided)):
        return replace(base, outcome=outcomes.UNDECIDED, message=_open(ledger))
    base = _with_scope(base, proof)
    if worst is None:
        seen = f"{base.instances} instances, but a side is exactly 0 in every certified one"
        said = f"proved by balls over boxes for {base.scope}" if whole else f"no violation in {seen}"
        said += _remark(ledger) + _without(needless)
        admissible = (*ledger.decided, *ledger.unknown)[0]
        return replace(base, message=said, witness=_saved(claim, *admissible, "holds", witness_dir))
    ratio, reached, tight = worst[1].ratio, attained(ledger), _is_tight(ledger)
    smaller = None if tight else _smaller(claim, ratio, whole, deep, rng)
    said = f"{_standing(base, proof)}; {words(ledger, tight, reached)}{_remark(ledger)}{_proposal(smaller)}"
    said += "" if tight else silence(claim, found)
    said += _without(needless) or unseen_uses(claim, found, assuming)
    return replace(
        base,
        message=said,
        worst_log10_ratio=json_number(ratio),
        tight=tight,
        attained=reached,
        looseness_log10=0.0 if tight else json_number(-ratio),
        certified_looseness_log10=smaller.looseness_log10 if smaller and smaller.certified else None,
        witness=_saved(claim, *worst, "holds", witness_dir),
    )


def _is_tight(ledger: Ledger) -> bool:
    return attained(ledger) is True or bool(ledger.worst is not None and ledger.worst[1].ratio >= -TIGHT)


def _without(needless: BoxProof | None) -> str:
    return "" if needless is None else f"; what its body assumes is not needed: proved without it for {needless.scope}"


def _with_scope(base: Verdict, proof: BoxProof | None) -> Verdict:
    if proof is None:
        return base
    if proof.complete:
        return replace(base, outcome=outcomes.PROVED, scope=proof.scope)
    return replace(base, scope="; ".join(part for part in (f"proved for {proof.scope}", base.scope) if part))


def _standing(base: Verdict, proof: BoxProof | None) -> str:
    certain = f"{base.instances} instances screened, {base.certified_instances} certified"
    if proof is None:
        return f"no violation found ({certain})"
    if proof.complete:
        return f"proved by balls over boxes for {proof.scope} ({certain})"
    return f"no violation found ({certain}), and none exists for {proof.scope} (proved by balls over boxes)"


def _smaller(claim: Claim, ratio: float, whole: bool, deep: bool, rng: np.random.Generator) -> Replacement | None:
    """A smaller constant: proved where the claim is; otherwise proposed by the long search only."""
    if whole:
        return certified_replacement(claim, ratio, rng)
    return observed_replacement(claim, ratio, rng) if deep else None


def _proposal(smaller: Replacement | None) -> str:
    if smaller is None:
        return ""
    how = "proved on the same scope" if smaller.certified else "proposed: it stands on every instance tried"
    return f"; {smaller.factor} times the constant is enough ({how})"


def _remark(ledger: Ledger) -> str:
    return f"; {len(ledger.unknown)} instances undecided, {ledger.unknown[0][1].gap}" if ledger.unknown else ""


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
