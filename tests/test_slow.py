"""Long checks, run with `make test-slow`: the core of the catalogue under several seeds, and the whole of it."""

import pytest

from proofs_check import catalogue_claims, check
from proofs_check.campaigns.checking import select
from proofs_check.catalogue import CORE

TIGHT = {"K4", "K4-cosh", "K4-sinh", "K7", "K7-cosh"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_core_under_another_seed(seed):
    verdicts = check(select(CORE), samples=1000, seed=seed, jobs=2)
    assert [(v.claim, v.message) for v in verdicts if v.unexpected] == []
    for verdict in verdicts:
        if verdict.claim in TIGHT:
            assert (verdict.tight, verdict.attained) == (True, False), (verdict.claim, verdict.worst_log10_ratio)


@pytest.mark.slow
def test_the_whole_catalogue_meets_its_expectations():
    verdicts = check(catalogue_claims(), samples=200, jobs=2)
    assert [(v.claim, v.message) for v in verdicts if v.unexpected] == []
