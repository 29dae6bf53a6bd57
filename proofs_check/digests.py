"""Digests of claims: everything of one's own that a verdict on a claim depends on.

That is its source, its metadata, the constants that it looks up, the helpers and plain values of its file that it
names (the whole file where one of them is neither: a class, a cached function, a table of functions), and the whole of
every module beside that file which such a helper comes from, with what that imports from there.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from importlib.util import resolve_name
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import sympy
from flint import fmpq, fmpz

from .constants import tables

PLAIN = (int, str, Fraction, fmpq, fmpz, sympy.Basic)
IMPORTED = (ModuleType, FunctionType, BuiltinFunctionType, type)
"""What a file gets from elsewhere; any other object in it was made there."""
LIBRARY = ("derive", "numeric", "proofs_check")


def digest_of(body: Callable[..., Any], source: str, metadata: tuple[str, ...]) -> str:
    """The digest of a claim.

    Args:
        body: its function.
        source: the text of that.
        metadata: what else it states.
    """
    modules: set[str] = set()
    parts = [source, *metadata, *_helpers(body, {body.__code__.co_name}, modules)]
    parts += [_text(name) for name in sorted(modules)]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "constant" and node.args:
            identifier = getattr(node.args[0], "value", None)
            parts.append(f"{identifier}: {tables().get(str(identifier), '')}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _helpers(function: Callable[..., Any], seen: set[str], modules: set[str]) -> list[str]:
    """Helpers and plain values of the function's own file; ``modules`` takes the names of those beside it."""
    parts: list[str] = []
    space = getattr(function, "__globals__", {})
    for name in _names(function.__code__):
        value: Any = space.get(name)
        if name in seen or name not in space:
            continue
        if _is_plain(value):
            seen.add(name)
            parts.append(f"{name} = {value!r}")
        elif _is_helper(value, function.__module__):
            seen.add(name)
            parts += [inspect.getsource(value), *_helpers(value, seen, modules)]
        elif isinstance(value, IMPORTED) and _home(value) != function.__module__:
            modules |= _reached(_home(value), str(Path(space.get("__file__", "")).parent.resolve()))
        elif function.__module__ not in seen:
            seen.add(function.__module__)
            parts.append(inspect.getsource(sys.modules[function.__module__]))
    return parts


def _is_plain(value: Any) -> bool:
    """Whether the text of a value says all of it."""
    if isinstance(value, dict):
        return all(map(_is_plain, (*value.keys(), *value.values())))
    return all(map(_is_plain, value)) if isinstance(value, (tuple, list)) else isinstance(value, PLAIN)


def _is_helper(value: Any, home: str) -> bool:
    """Whether a value is a function of the file whose text and names say all of it."""
    if not inspect.isfunction(value) or value.__module__ != home:
        return False
    return not (value.__closure__ or value.__defaults__ or value.__kwdefaults__ or hasattr(value, "__wrapped__"))


def _names(code: CodeType) -> Iterator[str]:
    """The names that code uses, those of its comprehensions and inner functions too."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _home(value: Any) -> str:
    """The name of the module that a value comes from."""
    return value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))


@lru_cache(maxsize=1024)
def _reached(name: str, folder: str) -> frozenset[str]:
    """A module in a folder, with all that it reaches there; nothing where it lies elsewhere."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found and _lies_in(current, folder):
            found.add(current)
            waiting += _imported(current)
    return frozenset(found)


def _imported(name: str) -> Iterator[str]:
    """Modules, and other names, that a module imports."""
    package = sys.modules[name].__package__
    for node in ast.walk(ast.parse(_text(name))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            yield from (source, *(f"{source}.{alias.name}" for alias in node.names))


@lru_cache(maxsize=4096)
def _lies_in(name: str, folder: str) -> bool:
    """Whether a module is one's own, in the folder or below; a checkout of this library beside it is not."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if not file or not Path(file).resolve().is_relative_to(folder):
        return False
    parts = Path(file).resolve().relative_to(folder).parts
    return "site-packages" not in parts and parts[0] not in LIBRARY


@lru_cache(maxsize=256)
def _text(name: str) -> str:
    return inspect.getsource(sys.modules[name])
