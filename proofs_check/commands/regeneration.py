"""Regenerate what changed: prove the derivation, print the code, verify it against 50 digits, then install it."""

import importlib.util
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from derive import Formula, generate, outdated, prove
from proofs_check.commands.kernel_check import KernelReport, verify_generated
from proofs_check.files import write_text

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """Where generated modules lie: one folder of NumPy kernels, one of ball code."""

    kernels: Path
    balls: Path

    @classmethod
    def checkout(cls) -> "Target":
        """The folders of the installed project."""
        import numeric._generated
        import proofs_check._generated

        return cls(Path(numeric._generated.__path__[0]), Path(proofs_check._generated.__path__[0]))

    @classmethod
    def below(cls, folder: Path) -> "Target":
        """Folders ``kernels`` and ``balls`` below a folder of the user's."""
        return cls(folder / "kernels", folder / "balls")


@dataclass(frozen=True)
class Change:
    """One file name whose modules are out of date, why, and what the verification of the new ones measured."""

    file_name: str
    reason: str
    report: KernelReport | None = None


def changes(formulas: Mapping[str, Formula], target: Target) -> list[Change]:
    """What is out of date, without deriving anything (well under a second)."""
    reasons = {**outdated(formulas, target.balls), **outdated(formulas, target.kernels)}
    return [Change(file_name, reason) for file_name, reason in sorted(reasons.items())]


def regenerate(formulas: Mapping[str, Formula], target: Target, progress: Progress = lambda line: None) -> list[Change]:
    """Bring generated modules up to date; files that are current are not touched.

    Each pair of modules is proved, generated and verified against 50 digits before it replaces the old pair, so a
    failure leaves the old files as they were. Modules whose formula is gone are removed.

    Raises:
        ProofError: a derivation is wrong. KernelError: generated code is wrong. FormulaError: cannot be printed.
    """
    by_file = {f"{formula.module_name}.py": formula for formula in formulas.values()}
    done = []
    for change in changes(formulas, target):
        if change.file_name not in by_file:
            for folder in (target.kernels, target.balls):
                (folder / change.file_name).unlink(missing_ok=True)
            done.append(change)
            continue
        formula = by_file[change.file_name]
        progress(f"{formula.name}: proving, generating, verifying")
        done.append(Change(change.file_name, change.reason, _renew(formula, target)))
    return done


def _renew(formula: Formula, target: Target) -> KernelReport:
    generated = generate(formula, prove(formula))
    with tempfile.TemporaryDirectory() as scratch:
        kernel = _load(Path(scratch) / f"kernel_{generated.file_name}", generated.kernel)
        balls = _load(Path(scratch) / f"balls_{generated.file_name}", generated.balls)
        report = verify_generated(formula, kernel, balls)
    write_text(target.kernels / generated.file_name, generated.kernel)
    write_text(target.balls / generated.file_name, generated.balls)
    return report


def _load(path: Path, source: str) -> ModuleType:
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
