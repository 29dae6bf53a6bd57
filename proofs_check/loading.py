"""Where claims come from: the catalogue, and the users' own files."""

from __future__ import annotations

import ast
import hashlib
import importlib
import linecache
import pkgutil
import sys
import types
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from .arrays.exact import InputError
from .claims import Claim, Malformed, collecting

CATALOGUE = "catalogue"
NEAR = 5
"""Ids that an error names."""


@lru_cache(maxsize=1)
def catalogue_claims() -> tuple[Claim | Malformed, ...]:
    """All claims of the catalogue, in the order of its modules."""
    from . import catalogue

    names = sorted(m.name for m in pkgutil.iter_modules(catalogue.__path__) if not m.name.startswith("constants_"))
    found: list[Claim | Malformed] = []
    for name in names:
        module = importlib.import_module(f"{catalogue.__name__}.{name}")
        found += [value for value in vars(module).values() if isinstance(value, (Claim, Malformed))]
    return _finished(found, CATALOGUE)


def load_claims(path: str | Path) -> tuple[Claim | Malformed, ...]:
    """Run a file and return the claims that it declares. The file's code runs, as with pytest.

    A function that fails while it is declared becomes a `Malformed` claim; the others are still loaded.

    Raises:
        InputError: the file is missing, is no Python, fails outside of a claim, or declares no claim.
    """
    file = Path(path)
    try:
        source = file.read_text(encoding="utf-8")
        tree = ast.parse(source, str(file))
    except OSError as cause:
        raise InputError(f"{path}: no file of claims ({cause.strerror or cause}); check the path") from cause
    except UnicodeDecodeError as cause:
        raise InputError(f"{path}: a file of claims is needed, {cause}") from cause
    except (SyntaxError, ValueError) as cause:
        raise InputError(f"{path}: not Python: {cause}") from cause
    linecache.checkcache(str(file))
    module = _private_module(file)
    with collecting() as found:
        for statement in tree.body:
            failure = _run(statement, file, module)
            if failure is not None:
                found.append(failure)
    if not found:
        raise InputError(f"{path}: no claim in this file; declare one with @claim(...)")
    return _finished(found, str(path))


def _private_module(file: Path) -> types.ModuleType:
    name = f"_claims_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:16]}"
    module = types.ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module  # dataclasses and the like look their module up
    return module


def _run(statement: ast.stmt, file: Path, module: types.ModuleType) -> Malformed | None:
    code = compile(ast.Module([statement], type_ignores=[]), str(file), "exec")
    try:
        exec(code, vars(module))
    except (Exception, SystemExit) as cause:
        reason = f"{type(cause).__name__}: {cause}"
        if isinstance(statement, ast.FunctionDef) and statement.decorator_list:
            return Malformed(_identifier(statement), f"line {statement.lineno}: {reason}", str(file), statement.lineno)
        raise InputError(f"{file}:{statement.lineno}: {reason}") from cause
    return None


def _identifier(statement: ast.FunctionDef) -> str:
    for decorator in statement.decorator_list:
        arguments = getattr(decorator, "args", [])
        if arguments and isinstance(arguments[0], ast.Constant):
            return str(arguments[0].value)
    return statement.name


def _finished(found: list[Claim | Malformed], origin: str) -> tuple[Claim | Malformed, ...]:
    return tuple(
        replace(item, origin=origin) if isinstance(item, Claim) else item for item in _without_repetition(found)
    )


def _without_repetition(found: list[Claim | Malformed]) -> list[Claim | Malformed]:
    """Every further claim of an id that is taken becomes malformed, under a name of its own."""
    first: dict[str, Claim | Malformed] = {}
    kept: list[Claim | Malformed] = []
    for item in found:
        if item.id in first:
            where = f"{first[item.id].path}:{first[item.id].line}"
            reason = f"duplicate id {item.id!r}, first declared at {where}; choose another"
            item = Malformed(item.id, reason, item.path, item.line, item.paper, item.provenance, item.expect)
        else:
            first[item.id] = item
        kept.append(item)
    return kept


def find_claim(identifier: str, path: str = "") -> Claim | Malformed:
    """The claim of an id, in the catalogue or in a file.

    Raises:
        InputError: there is none.
    """
    pool = catalogue_claims() if path in ("", CATALOGUE) else load_claims(path)
    for item in pool:
        if item.id == identifier:
            return item
    where = path or "the catalogue"
    near = get_close_matches(identifier, [item.id for item in pool], n=NEAR) or [item.id for item in pool[:NEAR]]
    raise InputError(
        f"no claim {identifier!r} in {where}; there are {len(pool)}, such as {', '.join(near)}: lemmascope list"
    )
