"""Dask as the executor of a campaign: with a stand-in for its client everywhere, and for real where it is installed."""

import json
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from types import SimpleNamespace

import pytest

from proofs_check import InputError, check, load_claims
from proofs_check.campaigns.executors import opened

CLAIMS = """
from proofs_check import Scalar, Size, Vector, claim
from proofs_check.arithmetic import *

@claim("norms", paper="own", kind="upper", provenance="own")
def f_1(n: Size(1, 8), x: Vector("n", norm2=1)):
    return norm2(x), norm1(x)

@claim("reversed", paper="own", kind="upper", provenance="own")
def f_2(n: Size(2, 8), x: Vector("n", norm2=1)):
    return norm1(x), norm2(x)
"""


@pytest.fixture
def claims(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CLAIMS)
    return load_claims(path)


def plain(verdicts):
    """Verdicts without the time they took."""
    return json.dumps([{k: v for k, v in verdict.to_json().items() if k != "seconds"} for verdict in verdicts])


class StandIn:
    """What `opened` uses of a Dask client; `threads` and `pool` are set by a test."""

    threads = {"tcp://worker": 1}  # noqa: RUF012 - replaced by tests
    pool = None
    closed = 0

    def __init__(self, address):
        if address == "nowhere:1":
            raise OSError("Timed out trying to connect")
        if ":" not in address:
            raise ValueError("missing port")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        StandIn.closed += 1

    def nthreads(self):
        return self.threads

    def get_executor(self, pure):
        assert pure is False  # equal calls are run again: a claim is examined, not looked up
        return self.pool


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=StandIn))
    monkeypatch.setattr(StandIn, "closed", 0)


@pytest.mark.usefixtures("stand_in")
def test_dask_runs_a_campaign(claims, monkeypatch):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        monkeypatch.setattr(StandIn, "pool", pool)
        there = check(claims, samples=30, executor="dask:tcp://scheduler:8786")
    assert plain(there) == plain(check(claims, samples=30))
    assert StandIn.closed == 1


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("address", "threads", "text"),
    [
        ("scheduler:1", {}, "has no worker; start some with: dask worker"),
        ("scheduler:1", {"tcp://a": 1, "tcp://b": 4}, r"one thread each, got \{'tcp://b': 4\}"),
        ("nowhere:1", {"tcp://a": 1}, "no Dask scheduler answers at 'nowhere:1': Timed out"),
        ("nonsense", {"tcp://a": 1}, "no Dask scheduler answers at 'nonsense': missing port"),
    ],
)
def test_dask_is_refused_with_the_remedy(address, threads, text, monkeypatch):
    monkeypatch.setattr(StandIn, "threads", threads)
    with pytest.raises(InputError, match=text), opened(f"dask:{address}", 1):
        pass


@pytest.mark.usefixtures("stand_in")
def test_dask_workers_inside_this_process_are_refused(monkeypatch):
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(StandIn, "pool", pool)
        with pytest.raises(InputError, match="runs tasks in threads of this process"), opened("dask:scheduler:1", 1):
            pass
    assert StandIn.closed == 1


def test_dask_for_real(claims):
    """Two workers of one thread give the verdicts of one process; a worker of two threads is refused."""
    distributed = pytest.importorskip("distributed", reason="Dask is an extra")
    quiet = {"processes": True, "dashboard_address": None}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster:
        there = check(claims, samples=30, executor=f"dask:{cluster.scheduler_address}")
    assert plain(there) == plain(check(claims, samples=30))
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, **quiet) as cluster:
        executor = f"dask:{cluster.scheduler_address}"
        with pytest.raises(InputError, match="one thread each"):
            check(claims, samples=30, executor=executor)
