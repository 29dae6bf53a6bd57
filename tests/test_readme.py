"""What the README shows is what happens: its Python runs, its commands exist, its set-up is CI's."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from numeric import shipped
from proofs_check.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands():
    """The lemmascope commands of the README, without those that the two set-up lines and the editor need."""
    shown = (part.split("#")[0].strip() for line in blocks("sh")[1].splitlines() for part in line.split("&&"))
    return [shlex.split(part)[1:] for part in shown if part.startswith("lemmascope ")]


@pytest.mark.parametrize("block", blocks("python"), ids=["solve", "formula", "stream", "claim"])
def test_python_blocks_run(block, tmp_path, monkeypatch):
    # A claim reads its own source, so the block becomes a module.
    (tmp_path / "readme_block.py").write_text(block)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "readme_block", raising=False)
    __import__("readme_block")
    module = sys.modules.pop("readme_block")
    if hasattr(module, "verdict"):
        assert (module.verdict.outcome, module.verdict.tight) == ("holds", True)


def test_commands_run_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = commands()
    words = ["derive", "check", "check", "new", "check", "replay", "solve", "experiment", "experiment"]
    assert [c[0] for c in shown] == words
    for command in shown:
        if command == ["check"]:
            continue  # the whole catalogue has a test of its own
        arguments = [str(shipped(Path(a).stem)) if a.endswith(".npz") else a for a in command]
        extra = ["--samples", "50", "--jobs", "1"] if command[0] == "check" else []
        result = CliRunner().invoke(main, [*arguments, *extra])
        assert result.exit_code == 0, (command, result.output)


def test_set_up_is_the_same_in_ci():
    run, test = blocks("sh")[0].splitlines()
    ci = (ROOT / ".ci/run").read_text()
    assert run.split("#")[0].rstrip().endswith(".venv/bin/lemmascope verify")
    assert ".venv/bin/python -m pytest" in test
    assert "\npython -m pytest\n" in ci


def test_a_newcomer_runs_something_in_the_first_30_lines():
    assert "lemmascope verify" in "\n".join(README.splitlines()[:30])


def test_templates_run_and_are_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("formula", "claim"):
        assert CliRunner().invoke(main, ["new", kind, f"my-{kind}"]).exit_code == 0
        namespace = {"__name__": "template"}
        exec(compile((tmp_path / f"my_{kind}.py").read_text(), str(tmp_path / f"my_{kind}.py"), "exec"), namespace)
        namespace[f"test_my_{kind}"]()
        again = CliRunner().invoke(main, ["new", kind, f"my-{kind}"])
        assert again.exit_code == 2
        assert "exists already" in again.stderr
    assert "lower case with dashes" in CliRunner().invoke(main, ["new", "claim", "My Claim"]).stderr
