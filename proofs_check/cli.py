"""The command ``lemmascope``: thin commands over the library, one sentence for each mistake, exit status 0, 1 or 2.

Exit status, the highest that applies: 0 all as expected, 1 a verdict differs from its expectation (or generated code
is stale, or a solve did not converge), 2 the user's mistake.
"""

import sys
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

EXPECTED, DIFFERS, MISTAKE = 0, 1, 2


class _OneSentence(click.ClickException):
    """The user's mistake: what was asked, what was got, what to do; never a traceback."""

    exit_code = MISTAKE

    def show(self, file: Any = None) -> None:
        click.echo(f"lemmascope: {self.message}", err=True)


def _mistakes_in_one_sentence(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from derive import FormulaError, ProofError
        from numeric.validation import InputError as ProblemError
        from proofs_check.arrays.exact import InputError
        from proofs_check.commands.kernel_check import KernelError

        try:
            return command(*args, **kwargs)
        except (FormulaError, ProblemError, InputError) as error:
            raise _OneSentence(_sentence(error)) from error
        except OSError as error:
            raise _OneSentence(f"{error.filename or 'A file'}: {error.strerror or error}.") from error
        except (ProofError, KernelError) as error:
            click.echo(f"lemmascope: {error}", err=True)
            sys.exit(DIFFERS)

    return wrapped


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--json", "json_to", is_flag=False, flag_value="-", metavar="[FILE]",
        help="Write the result as one JSON object, to standard output when no file is named.",
    )(command)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lemmascope", prog_name="lemmascope")
def main() -> None:
    """Lemmascope: put the lemmas of attention-regression theory under a microscope.

    \b
    lemmascope verify                 the main job: kernels, a real attention head, the catalogue, a report
    lemmascope derive                 regenerate kernels after editing a formula
    lemmascope check [ID | FILE.py]   verdicts for catalogue claims or your own
    """


@main.command()
@click.option("--out", default=".", type=click.Path(path_type=Path), help="Folder for the report and the witnesses.")
@click.option("--samples", default=200, show_default=True, help="Instances screened for each claim.")
@click.option("--seed", default=0, show_default=True, help="Seed of all chance.")
@click.option("--jobs", type=int, help="Worker processes.  [default: one per core]")
@click.option("--resume", is_flag=True, help="Go on from the verdicts that an interrupted run left in --out.")
@_mistakes_in_one_sentence
def verify(out: Path, samples: int, seed: int, jobs: int | None, resume: bool) -> None:
    """The main job: check that the kernels are current and right, recover a real attention head, check the
    catalogue, and write report.html, verdicts.json and the witnesses."""
    from proofs_check.commands.main_job import run

    sys.exit(run(out, samples, seed, jobs, resume))


@main.command()
@click.argument("files", nargs=-1, metavar="[FILE.py]...", type=click.Path(path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 when a file is out of date.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the modules of formulas from files.")
@_mistakes_in_one_sentence
def derive(files: tuple[Path, ...], only_check: bool, out: Path | None) -> None:
    """Regenerate the kernels whose formula changed; each is proved, and verified against 50 digits.

    Without FILE.py: the formulas of the checkout. With files: the formulas that they declare as FORMULA or FORMULAS
    (this runs the files' code); their modules go into --out DIR, as DIR/kernels and DIR/balls.
    """
    from derive import formulas, formulas_in
    from proofs_check.commands.regeneration import Target, changes, regenerate

    if bool(files) != (out is not None):
        raise click.UsageError("Formula files and --out DIR go together: lemmascope derive mine.py --out generated")
    wanted = formulas() if out is None else {n: f for path in files for n, f in formulas_in(path).items()}
    target = Target.checkout() if out is None else Target.below(out)
    if only_check:
        stale = changes(wanted, target)
        for change in stale:
            click.echo(f"{change.file_name}: {change.reason}")
        click.echo(f"{len(stale)} of {len(wanted)} out of date; run lemmascope derive" if stale else "All current.")
        sys.exit(DIFFERS if stale else EXPECTED)
    done = regenerate(wanted, target, progress=lambda line: click.echo(line, err=True))
    for change in done:
        measured = "removed" if change.report is None else f"largest errors against 50 digits: {change.report}"
        click.echo(f"{change.file_name}: {change.reason}; {measured}")
    click.echo(f"{len(done)} of {len(wanted)} regenerated." if done else "All current, nothing to do.")


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--loss", default="normalized-exp", show_default=True, help="For instance rescaled-cosh.")
@click.option("--method", default="auto", show_default=True, help="auto, or a method; a wrong name lists them.")
@click.option("--rtol", default=1e-10, show_default=True, help="Gradient norm relative to the start.")
@click.option("--max-steps", type=int, help="Most steps.  [default: the method's own]")
@click.option("--x0", metavar="FILE|logit", help="Start: an .npz with X or x, as --out writes it, or the logits' fit.")
@click.option(
    "--starts", default=1, show_default=True, help="Solve from so many starts, and tell how the minima spread."
)
@click.option("--intercept", is_flag=True, help="Append a column of ones to A1 and A2.")
@click.option("--causal", is_flag=True, help="Drop the entries of B above the diagonal.")
@click.option("--seed", default=0, show_default=True, help="Seed of random starts.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the solution to this .npz.")
@_json_option
@_mistakes_in_one_sentence
def solve(data: Path, loss: str, json_to: str | None, **options: Any) -> None:
    """Solve the regression problem stored in DATA, an .npz with A, b [, w] or A1, A2, B [, w].

    Several prompts are stacked: A1, A2 with row_off (k + 1 offsets of their rows) and B_0, B_1 ... [, w_0, w_1 ...].
    X_true or x_true is only compared with; other keys are ignored.

    \b
    The status, and the exit status:
      0  converged       the gradient is zero to the tolerance or to rounding
      1  stalled         no further decrease, yet no minimum to the tolerance
      1  max_steps       the steps ran out
      1  unbounded       the loss falls along a ray to infinity
      1  overflow        the loss is too large for a float
      1  outside_domain  the loss is not defined at the start
      1  bad_start       the start is critical, no minimum, and cannot be left
      2  (a mistake in the data or the options)
    """
    from proofs_check.commands.display import solution_lines, write_json
    from proofs_check.commands.solving import check_target, solve_file

    check_target("--json", None if json_to in (None, "-") else Path(str(json_to)))
    solution, summary = solve_file(data, loss, progress=sys.stderr.isatty(), **options)
    if json_to is not None:
        write_json(summary, json_to)
    if json_to != "-":
        click.echo(solution_lines(solution, summary))
    sys.exit(EXPECTED if solution.success else DIFFERS)


@main.command()
@click.argument("targets", nargs=-1, metavar="[ID | FILE.py]...")
@click.option("--paper", help="Only claims of this arXiv number.")
@click.option("--samples", default=1000, show_default=True, help="Instances screened for each claim.")
@click.option("--seed", default=0, show_default=True, help="Seed of all chance.")
@click.option("--jobs", type=int, help="Worker processes.  [default: one per core]")
@click.option("--deep", is_flag=True, help="Larger sizes and a longer search.")
@click.option("--witnesses", default="witnesses", show_default=True, help="Folder for witness files.")
@click.option(
    "--executor", default="processes", show_default=True, metavar="NAME",
    help="processes, dask:ADDRESS, or module:callable such as mpi4py.futures:MPIPoolExecutor.",
)  # fmt: skip
@click.option(
    "--resume", is_flag=False, flag_value="", metavar="[FILE.jsonl]",
    help="Go on after a kill: take over the results of the same campaign.  [default: WITNESSES/campaign.jsonl]",
)  # fmt: skip
@_json_option
@_mistakes_in_one_sentence
def check(targets: tuple[str, ...], paper: str | None, json_to: str | None, **options: Any) -> None:
    """Give claims their verdicts: the whole catalogue, single claims by ID, or the claims of FILE.py.

    FILE.py is run, as pytest would run it: check only files that you trust. Results go to WITNESSES/campaign.jsonl as
    they are found; after a kill, the same command with --resume goes on from there.
    """
    from proofs_check.campaigns.checking import check_targets, exit_status, summary
    from proofs_check.commands.display import VerdictProgress, verdict_table, write_json

    try:
        with VerdictProgress() as progress:
            verdicts = check_targets(targets, paper, progress=progress, begins=_nothing_to_resume, **options)
    except KeyboardInterrupt:
        click.echo("lemmascope: interrupted; the same command with --resume goes on from here.", err=True)
        raise
    if json_to is not None:
        write_json(summary(verdicts, options["seed"]), json_to)
    verdict_table(verdicts, to_stderr=json_to == "-")
    sys.exit(exit_status(verdicts))


def _nothing_to_resume(path: Path) -> None:
    click.echo(f"lemmascope: begins {path}: there was no such file to go on from.", err=True)


@main.command()
@click.option("--trials", default=100_000, show_default=True, help="Scalar trials; the others follow in proportion.")
@click.option("--deep", is_flag=True, help="A hundred times the trials, and every constant of the catalogue.")
@click.option("--seed", default=0, show_default=True, help="Seed of all chance.")
@click.option("--jobs", type=int, help="Worker processes.  [default: one per core]")
@click.option("--part", "names", multiple=True, metavar="NAME", help="Only this part; may be given several times.")
@click.option("--speed", is_flag=True, help="Measure what a certified decision costs instead.")
@_json_option
@_mistakes_in_one_sentence
def selftest(speed: bool, json_to: str | None, **options: Any) -> None:
    """Attack the checker itself, and exit with 1 at the first wrong certified answer.

    Points inside balls must stay inside; undefined cells must decide nothing; statements that are false, tight,
    vacuous or beyond floats, and claims in other words, must get their verdicts; sharpened constants must be refuted.
    """
    from proofs_check.commands.display import write_json
    from proofs_check.selftest.showing import attack, show_speed

    result, right = show_speed(json_to == "-") if speed else attack(**options, to_stderr=json_to == "-")
    if json_to is not None:
        write_json(result, json_to)
    sys.exit(EXPECTED if right else DIFFERS)


@main.command()
@click.argument("witness", type=click.Path(path_type=Path))
@_json_option
@_mistakes_in_one_sentence
def replay(witness: Path, json_to: str | None) -> None:
    """Evaluate a WITNESS again: balls decide, mpmath at twice the digits must agree.

    The witness of a claim from a file runs that file's code.
    """
    from proofs_check.commands.display import write_json
    from proofs_check.replaying import replay as evaluate_again

    result = evaluate_again(witness)
    if json_to is not None:
        write_json(result.to_json(), json_to)
    if json_to != "-":
        click.echo(f"{result.claim}: {result.message}\n  left  {result.left}\n  right {result.right}")
    sys.exit(EXPECTED if result.confirmed else DIFFERS)


@main.command(name="list")
@click.option("--paper", help="Only claims of this arXiv number.")
@_json_option
@_mistakes_in_one_sentence
def list_claims(paper: str | None, json_to: str | None) -> None:
    """List the catalogue: id, paper, kind, provenance, expected outcome, statement."""
    from proofs_check.campaigns.checking import catalogue_rows
    from proofs_check.commands.display import claim_table, write_json

    rows = catalogue_rows(paper)
    if json_to is not None:
        write_json({"claims": rows}, json_to)
    if json_to != "-":
        claim_table(rows)


@main.command()
@click.argument("verdicts", type=click.Path(path_type=Path), default=Path("verdicts.json"))
@click.option("--out", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True)
@_mistakes_in_one_sentence
def report(verdicts: Path, out: Path) -> None:
    """Write a report page from a JSON file of verify or check --json."""
    from proofs_check.commands.report import read_results, write_report

    write_report(read_results(verdicts), out)
    click.echo(f"Wrote {out}.")


@main.command()
@click.argument("name")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE | ID]...")
@click.option("--quick", is_flag=True, help="A smaller version, in seconds.")
@click.option("--out", type=click.Path(path_type=Path), help="A folder for the tables (CSV, JSON) and pictures.")
@_json_option
@_mistakes_in_one_sentence
def experiment(name: str, files: tuple[Path, ...], quick: bool, out: Path | None, json_to: str | None) -> None:
    """Run an experiment whose table the documentation shows; "list" tells their names.

    \b
    recovery          query-key matrices from attention maps; your own heads: npz FILEs with A1, A2, B [, X_true]
    sketching         the cost of a sketched Newton step
    contraction       its rate in two norms
    linear-attention  in-context regression; your own covariance laws: npz FILEs with Lambda or eigenvalues [, weights]
    in-context-speed  its seconds
    tightness         how claimed, derived and observed constants grow; claims of your choice: IDs or FILE.py
    """
    from proofs_check.commands.display import study_table, write_json
    from proofs_check.experiments import EXPERIMENTS, run
    from proofs_check.experiments.output import check_folder, write_study

    if name == "list":
        if json_to is not None:
            write_json({"experiments": dict(EXPERIMENTS)}, json_to)
        if json_to != "-":
            click.echo("\n".join(f"{known}: {what}" for known, what in EXPERIMENTS.items()))
        return
    if out is not None:
        check_folder(out)
    study = run(name, files, quick, report=lambda line: click.echo(line, err=True))
    if out is not None:
        click.echo(f"Wrote {len(write_study(study, out))} files into {out}.", err=True)
    if json_to is not None:
        write_json(study.to_json(), json_to)
    if json_to != "-":
        study_table(study)


@main.command()
@click.argument("kind", type=click.Choice(["formula", "claim"]))
@click.argument("name")
@_mistakes_in_one_sentence
def new(kind: str, name: str) -> None:
    """Write a filled form for a formula or a claim of your own into the current folder, with its test."""
    from proofs_check.commands.scaffold import write_template

    path = write_template(kind, name, Path())
    use = f"lemmascope check {path}" if kind == "claim" else f"lemmascope derive {path} --out generated"
    click.echo(f"Wrote {path}. Edit it, then: {use}")


@main.command()
@click.option("--loss", default="normalized-exp", show_default=True, help="The loss of all cases in memory.")
@click.option("--all-losses", is_flag=True, help="Also value and gradient of each other loss.  [default: no]")
@click.option("--quick", is_flag=True, help="One size of each operation.  [default: all sizes]")
@click.option("--cores", type=click.Choice(["1", "2", "both"]), default="both", show_default=True, help="Pinned cores.")
@click.option("--rivals", default="jax,torch,casadi,numpy", show_default=True, help="Some of these, or none.")
@click.option(
    "--memory", type=click.Choice(["kept", "fresh"]), default="kept", show_default=True,
    help="Let all contestants keep freed memory, or give it back, so that fresh arrays cost page faults.",
)  # fmt: skip
@click.option(
    "--stream-rows", type=click.IntRange(min=0), metavar="N",
    help="Rows of the streamed cases, 128 bytes each in a temporary file; 0 for none."
    "  [default: 1000000, --quick 200000]",
)  # fmt: skip
@click.option(
    "--stream-dir", type=click.Path(path_type=Path),
    help="Folder of that file, which is removed.  [default: the system's temporary folder]",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Seed of the data.")
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Draw time against n, with slopes, into this PNG.  [default: none]"
)
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="Folder for bench.json and bench.png, or solvers.json and solvers.png.  [default: none]",
)  # fmt: skip
@click.option("--solvers", is_flag=True, help="Time solvers to a given accuracy, instead of kernels.")
@click.option(
    "--cap", type=click.FloatRange(min=0, min_open=True), metavar="S",
    help="With --solvers: most seconds for one run of one method.  [default: 60, --quick 5]",
)  # fmt: skip
@_json_option
@_mistakes_in_one_sentence
def bench(plot: Path | None, out: Path | None, json_to: str | None, solvers: bool, **options: Any) -> None:
    """Time each kernel against its floor (BLAS, exp, one read of the data) and against JAX, PyTorch, CasADi and NumPy,
    measure time, reads and memory of streamed rows, and compare results with balls.

    Takes about 8 minutes on one core and 14 on both, with --quick 2 and 3, more beside other work. Rivals are
    optional: pip install 'lemmascope[bench]'. Targets that are missed do not change the exit status.

    With --solvers: time to a relative accuracy of 1e-10 of our solvers, of SciPy's on the same kernels and of JAX, on
    one core, with a performance profile as the picture. Methods that do not arrive run until the cap: it takes more
    than an hour, about 20 minutes with --cap 5, and 3 with --quick. Of the other options, --quick, --rivals (jax or
    none), --seed, --plot, --out and --json count.
    """
    from proofs_check.commands.display import write_json

    measure, save_picture, show = _solver_bench(**options) if solvers else _kernel_bench(**options)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    result = measure(lambda line: click.echo(line, err=True))
    if json_to is not None:
        write_json(result, json_to)
    name = "solvers" if solvers else "bench"
    if out is not None:
        write_json(result, str(out / f"{name}.json"))
    for path in (plot, out and out / f"{name}.png"):
        if path is not None:
            save_picture(result, path)
    if json_to != "-":
        show(result)


def _kernel_bench(cores: str, rivals: str, cap: float | None, **options: Any) -> tuple[Callable[..., Any], ...]:
    """What measures kernels, what draws and what prints the result."""
    from proofs_check.bench import Settings, run
    from proofs_check.bench.plot import save_plot
    from proofs_check.bench.table import print_report

    if cap is not None:
        raise click.UsageError("--cap goes with --solvers: lemmascope bench --solvers --cap 10")
    settings = Settings.from_words(cores, rivals, **options)
    return partial(run, settings), save_plot, print_report


def _solver_bench(
    quick: bool, seed: int, cap: float | None, rivals: str, **kernels_alone: Any
) -> tuple[Callable[..., Any], ...]:
    """The same for solvers."""
    from proofs_check.bench import Settings
    from proofs_check.bench.solvers import SolverSettings, run_solvers
    from proofs_check.bench.solvers.profile import save_profile
    from proofs_check.bench.solvers.table import print_solvers

    named = Settings.from_words("1", rivals).rivals
    return partial(run_solvers, SolverSettings(quick, seed, cap, "jax" in named)), save_profile, print_solvers
