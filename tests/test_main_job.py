"""The main job goes on after an interruption."""

import json

import pytest

from proofs_check import load_claims
from proofs_check.campaigns import campaign
from proofs_check.commands import main_job

CLAIMS = """
from proofs_check import Scalar, claim

@claim("first", paper="own", kind="upper", provenance="own", expect="proved")
def f_1(t: Scalar(1, 2)):
    return t, 3

@claim("second", paper="own", kind="upper", provenance="own", expect="refuted")
def f_2(t: Scalar(1, 2)):
    return t, 1
"""


@pytest.fixture
def short(tmp_path, monkeypatch):
    """The main job on two claims, without kernels and head."""
    path = tmp_path / "mine.py"
    path.write_text(CLAIMS)
    monkeypatch.setattr(main_job, "check_kernels", lambda: {"current": True, "sentence": "none"})
    monkeypatch.setattr(main_job, "recover_head", lambda: ({"recovered": True, "sentence": "none"}, None))
    monkeypatch.setattr(main_job, "write_report", lambda *_: None)
    monkeypatch.setattr(main_job, "select", lambda _: list(load_claims(path)))
    return tmp_path / "out"


def test_verify_goes_on_after_an_interruption(short, monkeypatch):
    """Verdicts that are known are taken over, the others are found; without the option all are found again."""
    examined, original = [], campaign.examine

    def once(item, *rest):
        examined.append(item.id)
        if len(examined) == 2:
            raise KeyboardInterrupt
        return original(item, *rest)

    monkeypatch.setattr(campaign, "examine", once)
    with pytest.raises(KeyboardInterrupt):
        main_job.run(short, 20, 0, 1)
    assert main_job.run(short, 20, 0, 1, resume=True) == 0
    assert examined == ["first", "second", "second"]
    verdicts = json.loads((short / "verdicts.json").read_text())["verdicts"]
    assert [(v["claim"], v["outcome"]) for v in verdicts] == [("first", "proved"), ("second", "refuted")]
    assert main_job.run(short, 20, 0, 1) == 0
    assert examined[3:] == ["first", "second"]
