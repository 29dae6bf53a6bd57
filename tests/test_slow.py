"""Long checks, run with `make test-slow`: the catalogue as a campaign would run it, under several seeds."""

import pytest

from proofs_check import catalogue_claims, check

TIGHT = {"K4", "K4-cosh", "K4-sinh", "K7", "K7-cosh"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_catalogue_under_another_seed(seed):
    verdicts = check(catalogue_claims(), samples=1000, seed=seed, jobs=2)
    assert [(v.claim, v.message) for v in verdicts if v.unexpected] == []
    for verdict in verdicts:
        if verdict.claim in TIGHT:
            assert (verdict.tight, verdict.attained) == (True, False), (verdict.claim, verdict.worst_log10_ratio)
