"""``lemmascope solve``: a problem file in, a solution and its JSON summary out."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from numeric import InputError, Solution, load, loss_names, solve
from proofs_check.files import json_number, replacing


def solve_file(
    data: Path,
    loss: str,
    method: str = "auto",
    rtol: float = 1e-10,
    max_steps: int | None = None,
    x0: str | None = None,
    starts: int = 1,
    seed: int = 0,
    intercept: bool = False,
    causal: bool = False,
    out: Path | None = None,
    progress: bool = False,
) -> tuple[Solution, dict[str, Any]]:
    """Load, solve, compare with the file's X_true if it has one, and write X (or x) if asked to.

    Options are those of `numeric.solve` and `ProblemData.problem`; x0 is "logit" or the path of an .npz. With an
    intercept X has a row and a column more than X_true, and nothing is compared.

    Raises:
        InputError: the data or the start cannot be used, or an option makes no sense; nothing is written then.
    """
    check_target("--out", out)
    if out is not None and out.resolve() == data.resolve():
        raise InputError(f"--out {out}: that is the file of the problem itself; choose another name")
    if loss not in loss_names():
        raise InputError(f"--loss {loss}: there is no such loss; choose one of {', '.join(loss_names())}")
    stored = load(data)
    try:
        problem = stored.problem(loss, intercept, causal)
    except ValueError as error:
        raise InputError(f"{data}: {error}") from error
    start = x0 if x0 in (None, "logit") else _load_start(Path(str(x0)))
    solution = solve(
        problem,
        method,
        x0=start,
        rtol=rtol,
        max_steps=max_steps,
        seed=seed,
        progress=progress or None,
        starts=starts,
    )
    summary = {
        "status": solution.status,
        "message": solution.message,
        "method": solution.method,
        "steps": solution.steps,
        "value": json_number(solution.value),
        "gradient_norm": json_number(solution.gradient_norm),
        "seconds": solution.seconds,
        "relative_error": None if intercept else json_number(stored.relative_error(solution.x)),
        "unique": solution.unique,
    }
    if starts > 1:
        summary["starts"] = [
            {**asdict(s), "value": json_number(s.value), "gradient_norm": json_number(s.gradient_norm)}
            for s in solution.starts
        ]
    if out is not None:
        _save(out, "X" if len(stored.inputs) == 2 else "x", solution.x)
    return solution, summary


def check_target(option: str, path: Path | None) -> None:
    """A file that is to be written later can be written, as far as that shows beforehand.

    Raises:
        InputError: its folder does not exist, or it is a folder itself.
    """
    if path is None:
        return
    if not path.resolve().parent.is_dir():
        raise InputError(f"{option} {path}: the folder {path.parent} does not exist; create it first")
    if path.is_dir():
        raise InputError(f"{option} {path}: that is a folder; name a file")


def _load_start(path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = [name for name in ("X", "x") if name in archive.files]
            if names:
                return np.asarray(archive[names[0]])
    except OSError as error:
        raise InputError(f"--x0 {path}: cannot be read ({error.strerror or error}); check the path") from error
    except Exception as error:  # every way in which a file can be damaged, or be no archive
        raise InputError(f"--x0 {path}: not an .npz with X or x, as lemmascope solve --out writes it") from error
    raise InputError(f"--x0 {path}: the file has neither X nor x; lemmascope solve --out writes such a file")


def _save(path: Path, name: str, x: np.ndarray) -> None:
    with replacing(path.resolve()) as scratch, scratch.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **{name: x})
