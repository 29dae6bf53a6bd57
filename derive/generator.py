"""Generated modules: their text, their digests, and which of them are out of date.

A module records the digest of what it was made from (the formula's expressions and the source of this package's
pipeline) and the digest of its own text. It is out of date when either differs; text is never compared, since another
SymPy version may order the terms of the same expression in another way.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import sympy as sp

from derive.derivation import Derivation, differentiate
from derive.formula import Formula
from derive.printers.balls import ball_functions
from derive.printers.kernels import kernel_functions, nonzero_totals
from derive.printers.order import text
from derive.proof import Proof

_PIPELINE = (
    "language",
    "formula",
    "program",
    "calculus",
    "border",
    "letters",
    "products",
    "derivation",
    "scaling",
    "generator",
)
_PRINTERS = ("balls", "blocks", "helpers", "inplace", "kernels", "numpy", "order")
VANISHED = 8.0
"""A total counts as vanished below this many machine epsilons of the sum of its terms' absolute values: its rounding
error alone is about that large."""
_DIGEST_LINE = re.compile(r'^DIGEST = "([0-9a-f]{64})"$', re.MULTILINE)
_TEXT_LINE = re.compile(r"^# text ([0-9a-f]{64})\n\Z", re.MULTILINE)


@dataclass(frozen=True)
class Generated:
    """The modules of one formula: NumPy kernel and ball code, with the name of the file for both."""

    name: str
    file_name: str
    kernel: str
    balls: str


def generate(formula: Formula, proof: Proof) -> Generated:
    """Print the modules of a formula whose derivation has been proved."""
    d = differentiate(formula)
    digest = formula_digest(formula)
    constants = _constants(d)
    work, functions = kernel_functions(d)
    kernel = f'"""{_header(d, proof)}"""\n\nimport numpy as np\n\n{constants}{work}DIGEST = "{digest}"\n\n\n' + _spaced(
        functions
    )
    # Only a derivation with a rational constant that stands alone needs the exact rational type.
    functions = _spaced(ball_functions(d))
    names = "arb, fmpq" if "fmpq(" in functions else "arb"
    balls = (
        f'"""{_header(d, proof)}"""\n\nfrom flint import {names}\n\nNAME = "{formula.name}"\n'
        f'DIGEST = "{digest}"\n\n\n{functions}'
    )
    return Generated(formula.name, f"{formula.module_name}.py", _sealed(kernel), _sealed(balls))


def outdated(formulas: Mapping[str, Formula], folder: Path) -> dict[str, str]:
    """Generated files in a folder that do not belong to their formula as it stands, with the reason; fast.

    Args:
        formulas: name -> formula, all that the folder serves.
        folder: where the generated modules lie.

    Returns:
        File name -> reason, for missing, stale, edited and orphaned files.
    """
    expected = {f"{formula.module_name}.py": formula for formula in formulas.values()}
    reasons = {}
    for file_name, formula in expected.items():
        reason = _reason(folder / file_name, formula)
        if reason is not None:
            reasons[file_name] = reason
    for path in sorted(folder.glob("*.py")):
        if path.name not in expected and path.name != "__init__.py":
            reasons[path.name] = "no formula of this name is declared"
    return reasons


def formula_digest(formula: Formula) -> str:
    """SHA-256 of the formula's expressions and of the source of the pipeline that turns them into code."""
    parts = [formula.name, sp.srepr(formula.loss), formula.reference, _pipeline_source()]
    parts += [sp.srepr(s) for s in (*formula.rows, *formula.parameters, *formula.scalars, *formula.domain)]
    parts += [f"{name}: {sp.srepr(expression)}" for name, expression in formula.names.items()]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


@lru_cache(maxsize=1)
def _pipeline_source() -> str:
    here = Path(__file__).parent
    names = (*_PIPELINE, *(f"printers/{name}" for name in _PRINTERS))
    files = [here / f"{name}.py" for name in names]
    return "\x00".join(path.read_text(encoding="utf-8") for path in files)


def _reason(path: Path, formula: Formula) -> str | None:
    if not path.is_file():
        return "not generated yet"
    source = path.read_text(encoding="utf-8")
    seal, digest = _TEXT_LINE.search(source), _DIGEST_LINE.search(source)
    if seal is None or digest is None or seal[1] != _text_digest(source[: seal.start()]):
        return "edited by hand"
    return None if digest[1] == formula_digest(formula) else "formula or generator changed"


def _sealed(source: str) -> str:
    body = f"{source}\n\n"
    return f"{body}# text {_text_digest(body)}\n"


def _text_digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _spaced(functions: str) -> str:
    return functions.rstrip("\n") + "\n"


def _header(d: Derivation, proof: Proof) -> str:
    formula = d.formula
    lines = [f"{formula.name}: generated by `lemmascope derive` from its formula; do not edit.", ""]
    lines += [f"    {x.symbol} = {_defined(x.role, x.expression)}" for x in d.definitions]
    lines += [f"    L = {text(d.value)}", f"    dL/d{formula.z} = {text(d.gradient)}"]
    lines += [f"    dL/d{u} = {text(e)}" for u, e in zip(formula.scalars, d.border.gradient, strict=True)]
    lines.append("")
    lines += [f"Reference: {formula.reference or 'none given'}.", f"Proof: {proof}."]
    counts = {"value": d.value, "gradient": d.gradient, "diagonal of the Hessian": d.hessian.D}
    counted = ", ".join(f"{name} {_operations(d, e)}" for name, e in counts.items())
    return "\n".join([*lines, f"Operations per row: {counted}; rank of U: {d.hessian.rank}.", ""])


def _defined(role: str, expression: sp.Expr) -> str:
    return f"total({text(expression)})" if role == "total" else text(expression)


def _operations(d: Derivation, expression: sp.Expr) -> int:
    used = [expression, *(x.expression for x in d.needed([expression]))]
    return int(sum(sp.count_ops(e) for e in used))


def _constants(d: Derivation) -> str:
    formula = d.formula
    nonzero = nonzero_totals(d)
    domain = f"defined where {' and '.join(nonzero)} {'is' if len(nonzero) == 1 else 'are'} not 0" if nonzero else ""
    return (
        f'NAME = "{formula.name}"\n'
        f"DATA = {_strings(formula.data)}\n"
        f"PARAMETERS = {_strings(formula.parameters)}\n"
        f"SCALARS = {_strings(formula.scalars)}\n"
        f"DEGREE = {d.scaling.degree}\n"
        f"SHIFT_INVARIANT = {d.scaling.shift_invariant}\n"
        f'DOMAIN = "{domain}"\n'
        f"NONZERO = {_strings(nonzero)}\n"
        f"VANISHED = {VANISHED}\n"
    )


def _strings(symbols: Iterable[object]) -> str:
    """A tuple of strings as Python source."""
    quoted = [f'"{s}"' for s in symbols]
    return f"({', '.join(quoted)}{',' if len(quoted) == 1 else ''})"
