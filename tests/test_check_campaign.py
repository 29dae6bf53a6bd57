"""Campaigns: the same verdicts from any number of processes, in blocks, after a kill, beside broken claims."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from proofs_check import InputError, check, load_claims
from proofs_check.campaigns import campaign, executors
from proofs_check.campaigns.journal import Journal
from proofs_check.campaigns.journal import _read as journal_line
from proofs_check.claims import Malformed
from proofs_check.instances import survey
from proofs_check.instances.survey import Survey, chance

HEAD = """
from fractions import Fraction
import os
from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim
from proofs_check.arithmetic import *

def own(id, kind):
    return claim(id, paper="own", kind=kind, provenance="own")
"""
GOOD = {
    "norms": 'n: Size(1, 8), x: Vector("n", norm2=1)): return norm2(x), norm1(x)',
    "reversed": 'n: Size(2, 8), x: Vector("n", norm2=1)): return norm1(x), norm2(x)',
    "numbers": "t: Scalar(1, 2), s: Scalar(1, 2)): return t * s, 4",
    "never": 'x: Vector(2, norm2=1)): assume(norm2(x), ">", 2); return norm2(x), 1',
}
DEADLINE = 120.0  # seconds for a first line of a killed run: starting takes 3 on a quiet machine


def write_claims(folder, bodies, name="mine.py"):
    path = folder / name
    parts = [f'@own("{key}", "upper")\ndef f_{i}({body}\n' for i, (key, body) in enumerate(bodies.items())]
    path.write_text(HEAD + "\n".join(parts))
    return path


def plain(verdicts):
    """Verdicts as bytes, without the time they took."""
    return json.dumps([{k: v for k, v in verdict.to_json().items() if k != "seconds"} for verdict in verdicts])


def test_verdicts_are_equal_for_any_number_of_workers_and_blocks(tmp_path, monkeypatch):
    """Byte by byte, for 1, 2 and 3 processes and for one that is given."""
    monkeypatch.chdir(tmp_path)
    claims = load_claims(write_claims(tmp_path, GOOD))
    runs = [plain(check(claims, samples=60, jobs=jobs, seed=3, witness_dir="witnesses")) for jobs in (1, 2, 3)]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # JAX, where a test loaded it, forbids forks
        runs.append(plain(check(claims, samples=60, seed=3, executor=pool, witness_dir="witnesses")))
    assert len(set(runs)) == 1
    assert [v["outcome"] for v in json.loads(runs[0])] == ["holds", "refuted", "proved", "vacuous"]


def test_large_surveys_are_screened_in_blocks(tmp_path):
    claims = load_claims(write_claims(tmp_path, {"numbers": GOOD["numbers"]}))
    journal, samples = tmp_path / "c.jsonl", survey.BLOCK + 50
    here = check(claims, samples=samples, seed=3)
    there = check(claims, samples=samples, seed=3, jobs=2, journal=journal)
    assert plain(here) == plain(there)
    assert here[0].instances > samples  # corners beside
    assert sorted(line["block"] for line in lines_of(journal) if "survey" in line) == [0, 1]
    claims = load_claims(write_claims(tmp_path, {"numbers": GOOD["numbers"]}))
    without = [line for line in journal.read_text().splitlines() if '"verdict"' not in line]
    journal.write_text("\n".join(without))
    resumed = check(claims, samples=samples, seed=3, jobs=2, journal=journal, resume=True)
    assert plain(resumed) == plain(here)
    assert sum("survey" in line for line in lines_of(journal)) == 2  # no block is screened twice


def test_blocks_say_the_same_of_every_kind_of_claim(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "BLOCK", 40)
    verdicts = check(load_claims(write_claims(tmp_path, GOOD)), samples=100, seed=3)
    assert [v.outcome for v in verdicts] == ["holds", "refuted", "proved", "vacuous"]
    assert verdicts[0].instances >= 200  # 100 drawn, and corners and left-out sizes of each of three blocks
    assert "the hypotheses contradict each other" in verdicts[3].message


def test_a_condensed_survey_keeps_counts_and_the_worst(tmp_path):
    claim = load_claims(write_claims(tmp_path, GOOD))[1]
    whole = survey._surveyed(claim, chance(claim, 1), 300, False)
    small = whole.condensed(chance(claim, 2))
    back = Survey.from_json(json.loads(json.dumps(small.to_json())))
    assert len(small.drawn) < len(whole.drawn) / 2
    for part in (small, back):
        assert (part.met, part.screened, part.scope) == (whole.met, whole.screened, whole.scope)
        assert part.usage[part.admissible].max() == whole.usage[whole.admissible].max()
    assert all(
        (a[n] == b[n]) if n == "n" else (a[n] == b[n]).all()
        for a, b in zip(small.drawn, back.drawn, strict=True)
        for n in a
    )
    twice = Survey.merged([small, back])
    assert (twice.screened, twice.wanted) == (2 * whole.screened, 600)


def lines_of(path):
    """The whole lines of a journal that may be half written."""
    return whole_lines(path) if path.exists() else []


def whole_lines(path):
    found = [journal_line(line) for line in path.read_bytes().split(b"\n")]
    return [line for line in found if line is not None]


def test_a_killed_campaign_goes_on(tmp_path, monkeypatch):
    """kill -9 after the first verdict; with --resume the rest, and the same verdicts as without the kill."""
    write_claims(tmp_path, {f"{name}-{i}": body for i in range(3) for name, body in GOOD.items()})
    monkeypatch.chdir(tmp_path)
    root = str(Path(campaign.__file__).parents[2])
    script = "from proofs_check.cli import main; main()"
    command = [sys.executable, "-c", script, "check", "mine.py", "--samples", "60", "--jobs", "1"]
    environment = {**os.environ, "PYTHONPATH": root}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal, begun = tmp_path / "witnesses" / "campaign.jsonl", time.monotonic()
    while not any("verdict" in line for line in lines_of(journal)) and time.monotonic() - begun < DEADLINE:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = sum("verdict" in line for line in lines_of(journal))
    assert 0 < before < 12
    with journal.open("ab") as stream:
        stream.write(b'{"key": "torn li')
    claims = load_claims("mine.py")
    resumed = check(claims, samples=60, witness_dir="witnesses", journal=journal, resume=True)
    assert sum("verdict" in line for line in lines_of(journal)) == 12  # each examined once, over both runs
    assert sum("file" in line for line in whole_lines(journal)) == 2  # the torn line tears no other
    assert plain(resumed) == plain(check(claims, samples=60, witness_dir="witnesses"))


def counted(monkeypatch):
    seen = []
    real = campaign.examine
    monkeypatch.setattr(campaign, "examine", lambda item, *rest: seen.append(item.id) or real(item, *rest))
    return seen


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({}, 0),
        ({"resume": False}, 2),
        ({"seed": 8}, 2),
        ({"samples": 31}, 2),
        ({"deep": True}, 2),
        ({"witness_dir": None}, 2),
    ],
)
def test_only_results_of_the_same_campaign_are_taken_over(change, again, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    claims = load_claims(write_claims(tmp_path, {name: GOOD[name] for name in ("numbers", "never")}))
    wanted = {"samples": 30, "seed": 7, "witness_dir": "w", "journal": "c.jsonl"}
    first = check(claims, **wanted)
    seen = counted(monkeypatch)
    second = check(claims, **{**wanted, "resume": True, **change})
    assert len(seen) == again
    assert again or plain(first) == plain(second)


def test_what_is_gone_or_changed_is_examined_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bodies = {name: GOOD[name] for name in ("norms", "numbers")}
    wanted = {"samples": 30, "witness_dir": "w", "journal": "c.jsonl"}
    first = check(load_claims(write_claims(tmp_path, bodies)), **wanted)
    seen = counted(monkeypatch)
    Path(first[0].witness).unlink()
    claims = load_claims(write_claims(tmp_path, {**bodies, "numbers": bodies["numbers"].replace("4", "5")}))
    check(claims, resume=True, **wanted)
    assert seen == ["norms", "numbers"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"verdicts\n", "not a results file"),
        (b'{"file": "other"}\n', "not a results file"),
        (b'{"file": "lemmascope campaign", "version": 99}\n', "version 1 are needed, got 99"),
        (b"\xff\xfe\x00", "not a results file"),
    ],
)
def test_other_files_are_not_written_to(content, text, tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=text):
        Journal.opened(path, {}, resume=True)
    assert path.read_bytes() == content


def test_a_journal_needs_a_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write results"):
        Journal.opened(tmp_path / "file" / "c.jsonl", {}, resume=False)
    with pytest.raises(InputError, match="a results file is needed"):
        Journal.opened(tmp_path, {}, resume=False)
    with pytest.raises(InputError, match="needs the journal"):
        check([], resume=True)


class NotAnExecutor:
    def __init__(self, max_workers):
        pass


def test_threads_are_refused(tmp_path):
    claims = load_claims(write_claims(tmp_path, {"norms": GOOD["norms"]}))
    with ThreadPoolExecutor(1) as pool, pytest.raises(InputError, match="threads of this process"):
        check(claims, executor=pool)
    with pytest.raises(InputError, match="threads of this process"):
        check(claims, executor="concurrent.futures:ThreadPoolExecutor")
    with pytest.raises(InputError, match=r"one thread each, got \{'a': 4\}"):
        executors.refuse_threads({"a": 4, "b": 1})
    with pytest.raises(InputError, match="has no worker"):
        executors.refuse_threads({})


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("threads", "an executor is processes"),
        ("nothing_such:Pool", "no executor from nothing_such:Pool"),
        ("concurrent.futures:Pool", "no executor from"),
        (f"{__name__}:NotAnExecutor", "a concurrent.futures executor is needed"),
    ],
)
def test_executors_that_are_none(spec, text, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    claims = load_claims(write_claims(tmp_path, {"norms": GOOD["norms"]}))
    with pytest.raises(InputError, match=text):
        check(claims, executor=spec)


def test_dask_is_asked_for_by_name_when_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    claims = load_claims(write_claims(tmp_path, {"norms": GOOD["norms"]}))
    with pytest.raises(InputError, match=r"pip install 'lemmascope\[dask\]'"):
        check(claims, executor="dask:tcp://127.0.0.1:1")


def test_a_claim_that_kills_its_process_leaves_the_others_alone(tmp_path):
    bodies = {"kills": "t: Scalar(1, 2)): os._exit(3)", "numbers": GOOD["numbers"]}
    claims = load_claims(write_claims(tmp_path, bodies))
    first, second = check(claims, samples=30, jobs=2)
    assert (first.outcome, second.outcome) == ("error", "proved")
    assert "the process that examined it died" in first.message
    assert f"(mine.py:{claims[0].line})" in first.message


def test_a_file_that_changes_meanwhile_is_an_error_of_its_claims(tmp_path):
    path = write_claims(tmp_path, {"norms": GOOD["norms"], "numbers": GOOD["numbers"]})
    claims = load_claims(path)
    write_claims(tmp_path, {"norms": GOOD["norms"].replace("norm1", "norm2")})
    first, second = check(claims, samples=30, jobs=2)
    assert (first.outcome, second.outcome) == ("error", "error")
    assert "changed while it was being checked" in first.message
    assert "no claim 'numbers'" in second.message
    assert isinstance(campaign.malformed(claims[0], "x"), Malformed)
