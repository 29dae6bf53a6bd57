"""Every notebook runs from top to bottom, and stays short."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
MOST_CELLS, MOST_LINES = 15, 15
DERIVATIONS = ("walkthrough",)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    rendered = [output for output in outputs if "text/latex" in output.get("data", {})]
    assert len(pictures) >= 2
    assert rendered or path.stem not in DERIVATIONS, "the derivation is shown as mathematics"
    assert not [output for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_short(path):
    cells = nbformat.read(path, as_version=4).cells
    assert len(cells) <= MOST_CELLS
    assert max(len(cell.source.splitlines()) for cell in cells) <= MOST_LINES


@pytest.mark.parametrize("name", ["walkthrough", "recover_query_key", "in_context_linear_regression"])
def test_it_is_there(name):
    assert name in [path.stem for path in NOTEBOOKS]
