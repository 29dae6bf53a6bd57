"""Data goes one way: imports follow derive -> files, numeric, proofs_check, and never go back."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
THIRD_PARTY = {
    "derive": {"sympy"},
    "numeric": {"numpy", "scipy"},
    "proofs_check": {
        "sympy",
        "numpy",
        "scipy",
        "mpmath",
        "flint",
        "click",
        "rich",
        "jinja2",
        "matplotlib",
        "distributed",
    },
}  # fmt: skip
PACKAGES = {"derive": {"derive"}, "numeric": {"numeric"}, "proofs_check": {"derive", "numeric", "proofs_check"}}
GENERATED = {"numeric/_generated": {"numpy"}, "proofs_check/_generated": {"flint"}}


def imported(path):
    """Top-level packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]


def modules(folder):
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_arrows(package):
    allowed = PACKAGES[package] | THIRD_PARTY[package] | set(sys.stdlib_module_names)
    wrong = {f"{path.relative_to(ROOT)} imports {name}" for path in modules(package) for name in imported(path)}
    assert {w for w in wrong if w.rsplit(" ", 1)[1] not in allowed} == set()


@pytest.mark.parametrize("folder", GENERATED)
def test_generated_code_imports_one_library(folder):
    files = [path for path in modules(folder) if path.name != "__init__.py"]
    assert len(files) >= 10
    assert {name for path in files for name in imported(path)} == GENERATED[folder]


def test_top_level_reads_as_the_pipeline():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert folders == set(PACKAGES)


def test_modules_keep_to_the_size_of_the_style():
    files = [path for package in PACKAGES for path in modules(package) if "_generated" not in path.parts]
    too_long = {str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text().splitlines())) > 450}
    assert too_long == {}
