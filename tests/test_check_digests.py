"""Digests of claims: they follow helpers of the file and of modules beside it, and nothing else."""

import importlib
import sys

import pytest

from proofs_check import digests, load_claims
from proofs_check.selftest.statements import HEAD, declared

CLAIM = declared("c", "upper", "x: Vector(2)", "return norm2(x), total(vector([near.factor(x[i]) for i in range(2)]))")
FILES = {
    "near.py": "from beyond import power\n\ndef factor(x):\n    return power(x)\n",
    "beyond.py": "from inner.deep import TWO\n\ndef power(x):\n    return abs(x) ** TWO\n",
    "inner/__init__.py": "",
    "inner/deep.py": "TWO = 2\n\ndef unused():\n    return 1\n",
    "unrelated.py": "x = 1\n",
}


def digest(folder, monkeypatch, **changes):
    """The digest of a claim that imports from beside it, with some text of its neighbours replaced."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text.replace(*changes.get(name.split("/")[-1][:-3], ("", ""))))
    (folder / "claims.py").write_text(HEAD + "import near\n" + CLAIM)
    monkeypatch.syspath_prepend(str(folder))
    for name in ("near", "beyond", "inner", "inner.deep", "unrelated"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    for known in (digests._reached, digests._lies_in, digests._text):
        known.cache_clear()
    (claim,) = load_claims(folder / "claims.py")
    return claim.digest


@pytest.fixture
def fresh(tmp_path_factory, monkeypatch):
    return lambda **changes: digest(tmp_path_factory.mktemp("claims"), monkeypatch, **changes)


def test_the_digest_follows_modules_beside_the_file(fresh):
    plain = fresh()
    assert fresh() == plain
    assert fresh(unrelated=("1", "2")) == plain
    others = [
        fresh(near=("power(x)", "power(x) + 1")),
        fresh(beyond=("abs(x)", "2 * abs(x)")),
        fresh(deep=("TWO = 2", "TWO = 4")),
    ]
    assert len({plain, *others}) == 4


def test_a_library_beside_the_file_is_left_out(fresh, monkeypatch):
    plain = fresh()
    monkeypatch.setattr(digests, "LIBRARY", (*digests.LIBRARY, "beyond.py", "inner"))
    assert fresh(deep=("TWO = 2", "TWO = 4")) == fresh() != plain


OWN = """
from dataclasses import dataclass
from functools import lru_cache, partial
from flint import fmpq
from proofs_check import Scalar, claim
C = fmpq(1, 3)
def once(k, more=C): return k + more
@lru_cache
def kept(k): return k * 2
def closed(k): return lambda x: x * k
@dataclass(frozen=True)
class Scale:
    a: int = 4
    def of(self, x): return x * self.a
TIMES, THRICE, TABLE, PART = Scale(5), closed(6), {"a": once}, partial(once, 7)
@claim("c", paper="none", provenance="own", kind="upper")
def c(x: Scalar(0, 1)): return x, BODY
"""
CHANGES = {
    "C": [("fmpq(1, 3)", "fmpq(1, 4)")],
    "kept(1)": [("k * 2", "k * 3")],
    "once(1)": [("fmpq(1, 3)", "fmpq(1, 4)")],
    "TIMES.of(x)": [("x * self.a", "x / self.a"), ("Scale(5)", "Scale(6)")],
    "Scale(1).of(x)": [("x * self.a", "x / self.a")],
    "THRICE(x)": [("x * k", "x / k"), ("closed(6)", "closed(7)")],
    'TABLE["a"](1)': [("k + more", "k - more")],
    "PART()": [("once, 7", "once, 8"), ("k + more", "k - more")],
}


@pytest.mark.parametrize("body", CHANGES)
def test_the_digest_follows_all_that_a_body_names(body, tmp_path):
    """Numbers, cached functions, classes, closures and tables of functions, whose text says nothing of them."""
    texts = [OWN.replace("BODY", body)]
    texts += [texts[0].replace(*change) for change in CHANGES[body]]
    seen = []
    for place, text in enumerate([*texts, texts[0]]):
        path = tmp_path / f"claims{place}.py"
        path.write_text(text)
        seen += [claim.digest for claim in load_claims(path)]
    assert len(set(seen[:-1])) == len(texts)
    assert seen[-1] == seen[0]
