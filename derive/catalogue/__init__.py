"""The shipped formulas, one family per file; a new file with ``FORMULA`` or ``FORMULAS`` is found by itself."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from derive.formula import Formula, FormulaError


def formulas() -> dict[str, Formula]:
    """All shipped formulas by name, in the order of their files' names.

    >>> "normalized-exp" in formulas()
    True
    """
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return _by_name(formula for name in modules for formula in _declared(_imported(name)))


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except FormulaError:
        raise
    except Exception as error:
        raise FormulaError(f"derive/catalogue/{name}.py does not run: {type(error).__name__}: {error}") from error


def formulas_in(path: Path) -> dict[str, Formula]:
    """The formulas that a file outside the project declares; the file's code runs.

    Raises:
        FormulaError: the file does not exist, does not run, or declares no formula.
    """
    if not path.is_file():
        raise FormulaError(f"No formula file at {path}.")
    spec = importlib.util.spec_from_file_location(f"formula_file_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise FormulaError(f"{path} is not a Python file; a formula file ends in .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except FormulaError:
        raise
    except Exception as error:
        raise FormulaError(f"{path} does not run: {type(error).__name__}: {error}") from error
    found = _by_name(_declared(module))
    if not found:
        raise FormulaError(f"{path} declares neither FORMULA nor FORMULAS.")
    return found


def _declared(module: ModuleType) -> tuple[Formula, ...]:
    single = getattr(module, "FORMULA", None)
    found = tuple(getattr(module, "FORMULAS", ())) + (() if single is None else (single,))
    for formula in found:
        if not isinstance(formula, Formula):
            raise FormulaError(f"{module.__file__} declares {formula!r}, which is not a Formula.")
    return found


def _by_name(found: Iterable[Formula]) -> dict[str, Formula]:
    by_name: dict[str, Formula] = {}
    for formula in found:
        if formula.name in by_name:
            raise FormulaError(f"Two formulas are named {formula.name!r}; rename one of them.")
        by_name[formula.name] = formula
    return by_name
