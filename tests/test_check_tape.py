"""Recorded claims: the tape against mpmath and against the scaled screen, its derivatives, and the descents on it."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import fmpq
from test_check_arithmetic import INSTANCE, SPECTRAL, TABLE

from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim
from proofs_check import arithmetic as ar
from proofs_check.arithmetic import Array, working_in
from proofs_check.arrays.backends import batched, float_arguments, floats
from proofs_check.arrays.screen import Screen
from proofs_check.arrays.stacked import determinants, eigenvalues, solutions, spectral_norms
from proofs_check.claims import evaluate
from proofs_check.instances.sampling import Sampler
from proofs_check.loading import catalogue_claims
from proofs_check.searching.charts import Chart
from proofs_check.searching.climbs import Group, in_lockstep
from proofs_check.searching.descent import descend
from proofs_check.searching.recorded import record, scaled_usage
from proofs_check.searching.recorder import Recorder
from proofs_check.searching.search import climb_together, screen

ROUNDING = 1e-12  # float64 with conditioning below 1e3
CONDITIONED = 1e-8  # differences of random arguments lose up to half of the digits
NOTHING = -25.0  # log of a share of the bound that is rounding alone
DIFFERENCE = 2e-5  # forward differences of step 1e-6 where second derivatives are below 10


def on_tape(operation, instances):
    recorder = Recorder()
    inputs = {name: recorder.input(np.shape(value)) for name, value in instances[0].items()}
    with working_in(recorder):
        result = operation({name: Array(register, recorder) for name, register in inputs.items()})
    tape = recorder.tape(list(inputs.values()), [result.data])
    outputs, doubtful = tape.replay([np.array([floats(one[name]) for one in instances]) for name in inputs])
    return outputs[0], doubtful, tape


@pytest.mark.parametrize("name", sorted(TABLE | SPECTRAL))
def test_replayed_operations_agree_with_mpmath(name):
    operation, oracle = (TABLE | SPECTRAL)[name]
    with mpmath.workdps(60):
        expected = float(oracle() * 1)
    doubled = {key: value + value if key == "t" else value for key, value in INSTANCE.items()}
    value, doubtful, _ = on_tape(operation, [INSTANCE, doubled, INSTANCE])
    assert doubtful is None
    np.testing.assert_allclose(value[[0, -1]], expected, rtol=ROUNDING)


def test_every_claim_of_the_catalogue_replays_as_it_screens():
    compared = 0
    for item in catalogue_claims():
        sampler = Sampler(item, np.random.default_rng(7), 5)
        drawn = [instance for _ in range(3) if (instance := sampler.draw(sampler.sizes(1), corner=False)) is not None]
        if not drawn or all(isinstance(value, int) for value in drawn[0].values()):
            continue
        replayed, screened = screen(item, drawn), scaled_usage(item, batched(drawn), len(drawn))
        floor = 0.0 if item.kind == "equality" else NOTHING
        replayed, screened = np.maximum(replayed, floor), np.maximum(screened, floor)  # NaN stays
        np.testing.assert_allclose(replayed, screened, rtol=CONDITIONED, atol=CONDITIONED, err_msg=item.id)
        compared += len(drawn)
    assert compared > 1000


@claim("tape-huge", paper="test", kind="upper", provenance="own")
def huge(n: Size(1, 4), R: Param("1/20", 8), x: Vector("n", norm2="R")):
    r"""\|x\| \le e^{20 R^2}"""
    return ar.norm2(x) * ar.sqrt(ar.exp(-20 * R**2)), ar.exp(20 * R**2)


@pytest.mark.parametrize("R", [1, 5, 6, 8])
def test_numbers_beyond_floats_are_left_to_scales(R):
    instance = {"n": 2, "R": fmpq(R), "x": np.array([fmpq(1, 2), fmpq(1, 3)], dtype=object)}
    expected = float(mpmath.log(mpmath.sqrt(mpmath.mpf(13)) / 6) - 30 * R**2)
    np.testing.assert_allclose(screen(huge, [instance, {**instance, "R": fmpq(1)}])[0], expected, rtol=ROUNDING)


@pytest.mark.parametrize(
    "operation",
    [
        lambda a: ar.exp(-740 * a["t"]) / ar.exp(-739 * a["t"]),  # subnormal: few digits are left
        lambda a: ar.sqrt(ar.exp(-800 * a["t"])) + ar.exp(-500 * a["t"]),  # 0 where a number is
        lambda a: 1 / ar.exp(800 * a["t"]) + ar.exp(-790 * a["t"]),
        lambda a: (ar.exp(-250 * a["t"]) ** 3) * ar.exp(200 * a["t"]) ** 3,
        lambda a: (a["t"] * Fraction(1, 10**104)) ** 3 * 10**200,
        lambda a: ar.log(a["t"] - 2),
    ],
)
def test_lost_digits_are_noticed_for_the_instances_that_lost_them(operation):
    _, doubtful, _ = on_tape(operation, [{"t": fmpq(1)}, {"t": fmpq(1, 8)}, {"t": fmpq(1)}])
    assert doubtful is not None
    assert doubtful[[0, 2]].all()


def test_entries_put_together_one_by_one_are_few_steps():
    for operation in (
        lambda a: ar.kron(a["A"], a["S"]),
        lambda a: ar.diagonal(a["x"]) @ a["A"],
        lambda a: ar.vector([ar.exp(entry) * 2 for entry in a["x"]]),
        lambda a: ar.matrix([[a["x"][0], 0], [1, a["x"][2]]]),
    ):
        value, _, tape = on_tape(operation, [INSTANCE])
        with working_in(Screen(1)):
            expected = operation(batched([INSTANCE])).data
        np.testing.assert_allclose(value, expected.mantissa * np.exp(expected.scale[0]), rtol=ROUNDING)
        assert len(tape.steps) <= 7
    _, _, tape = on_tape(lambda a: ar.norm2(a["A"] @ a["x"]) / ar.norm2(a["A"] @ a["x"]), [INSTANCE])
    assert len(tape.steps) == 3  # equal parts once


def test_a_body_that_asks_for_values_is_refused_while_recording():
    @claim("tape-asks", paper="test", kind="upper", provenance="own")
    def asks(t: Scalar(0, 1)):
        """t <= 1"""
        return (t, 1) if t > 0 else (t, 2)

    with pytest.raises(TypeError, match="no yes or no"):
        record(asks, {"t": fmpq(1, 2)})


def test_stacks_of_matrices_agree_with_one_by_one_and_keep_nan_to_itself():
    rng = np.random.default_rng(3)
    stack = rng.standard_normal((6, 3, 3))
    stack[2, 1, 1], stack[4] = np.nan, 0.0
    symmetric = stack + stack.swapaxes(1, 2)
    for found, one in (
        (spectral_norms(stack), lambda i: np.linalg.norm(stack[i], 2)),
        (eigenvalues(symmetric, True), lambda i: np.linalg.eigvalsh(symmetric[i])[-1]),
        (eigenvalues(symmetric, False), lambda i: np.linalg.eigvalsh(symmetric[i])[0]),
        (determinants(stack), lambda i: np.linalg.det(stack[i])),
    ):
        assert np.isnan(found[2])
        np.testing.assert_allclose(found[[0, 1, 3, 5]], [one(i) for i in (0, 1, 3, 5)], rtol=ROUNDING)
    b = rng.standard_normal((6, 3))
    solved = solutions(stack, b)
    assert np.isnan(solved[[2, 4]]).all()
    np.testing.assert_allclose((stack[[0, 1]] @ solved[[0, 1], :, None])[:, :, 0], b[:2], rtol=1e-9)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (1, 5)])
def test_perturbed_matrices_follow_the_vectors_of_the_first_to_second_order(shape):
    rng = np.random.default_rng(5)
    base = rng.standard_normal((4, 1, *shape))
    moved = base + 1e-5 * rng.standard_normal((4, 7, *shape)) * (np.arange(7) > 0)[:, None, None]
    stack = moved.reshape(-1, *shape)
    second_order = 100 * 1e-10  # gaps of these random matrices are above 1/10
    np.testing.assert_allclose(spectral_norms(stack, 7), spectral_norms(stack), atol=second_order)
    if shape[0] == shape[1]:
        stack = stack + stack.swapaxes(1, 2)
        for largest in (True, False):
            np.testing.assert_allclose(eigenvalues(stack, largest, 7), eigenvalues(stack, largest), atol=second_order)


@claim("tape-chart", paper="test", kind="upper", provenance="own")
def many_domains(
    n: Size(2, 3),
    R: Param("1/2", 2),
    A: Matrix("n", 2, spectral="R**2"),
    F: Matrix(2, 2, frobenius=1, symmetric=True, high="1/2"),
    P: Matrix(2, 2, psd=True, spectral="R"),
    x: Vector(2, norm2="R", low="-1/4"),
    y: Vector(2, norm1="sqrt(R)"),
    z: Vector(2, norm1="sqrt(R)"),
    w: Vector(2, norm_inf="1/3"),
    s: Vector(2, simplex=True),
):
    """a bound without a meaning"""
    assume(ar.norm2(x), "<=", R - ar.norm2(w) / 10)
    f = ar.exp(A @ (x + F @ s))
    return ar.norm2(f) + ar.spectral(P + F) + ar.norm2(y - z), 5 + R + ar.lambda_max(P) + ar.total(w * w)


def _points(seed, count):
    rng = np.random.default_rng(seed)
    sampler = Sampler(many_domains, rng, 3)
    drawn = [sampler.draw({"n": 3}, corner=False) for _ in range(count)]
    chart = Chart.at(many_domains, drawn[0])
    return chart, np.array([chart.start(one) for one in drawn]) + 0.3 * rng.standard_normal((count, chart.width))


def _usage_through_the_domains(chart, free, contractions):
    known, place = {"n": 3}, 0
    for name, width in chart.widths.items():
        value = many_domains.domains[name].project(free[:, place : place + width], known)
        place += width
        if name == "z":
            value = known["y"] + contractions[:, None] * (value - known["y"])
        known[name] = value
    return scaled_usage(many_domains, float_arguments(known, len(free)), len(free), penalized=True)


def test_a_chart_projects_as_the_domains_do():
    chart, free = _points(11, 12)
    contractions = np.where(np.arange(12) % 2, 1.0, 0.25)
    assert chart.twin == {"z": "y"}
    expected = _usage_through_the_domains(chart, free, contractions)
    np.testing.assert_allclose(chart.usage(free, contractions), expected, rtol=1e-10)


def test_slopes_of_a_chart_agree_with_central_differences():
    chart, free = _points(13, 6)
    contractions = np.where(np.arange(6) % 2, 1.0, 0.25)
    values, slopes = chart.climbed(free, contractions)
    np.testing.assert_allclose(-values, _usage_through_the_domains(chart, free, contractions), rtol=1e-10)
    h = 1e-5
    for i, direction in enumerate(np.eye(chart.width)):
        ahead, behind = (_usage_through_the_domains(chart, free + s * h * direction, contractions) for s in (1, -1))
        np.testing.assert_allclose(-slopes[:, i], (ahead - behind) / (2 * h), atol=DIFFERENCE)


def _rosenbrock(x):
    a, b = x[:, :-1], x[:, 1:]
    gradient = np.zeros_like(x)
    gradient[:, :-1] += -400 * a * (b - a**2) - 2 * (1 - a)
    gradient[:, 1:] += 200 * (b - a**2)
    return (100 * (b - a**2) ** 2 + (1 - a) ** 2).sum(axis=1), gradient


def _kinks(x):
    """8 |x1^2 - x2| + (1 - x1)^2 of Lewis and Overton, least at (1, 1)."""
    inner = x[:, 0] ** 2 - x[:, 1]
    slope = 8 * np.sign(inner)
    gradient = np.stack([2 * x[:, 0] * slope - 2 * (1 - x[:, 0]), -slope], axis=1)
    return 8 * np.abs(inner) + (1 - x[:, 0]) ** 2, gradient


@pytest.mark.parametrize(("function", "width", "reached"), [(_rosenbrock, 4, 1e-9), (_kinks, 2, 1e-2)])
def test_descents_find_minima_of_smooth_and_of_kinked_functions(function, width, reached):
    starts = np.random.default_rng(2).uniform(0.2, 2, (5, width))
    points, values = descend(lambda x, _: function(x), starts)
    assert (values < reached).all()
    np.testing.assert_allclose(function(points)[0], values)


def test_a_descent_is_the_same_alone_and_among_others():
    starts = np.random.default_rng(4).uniform(-2, 2, (4, 3))
    together = descend(lambda x, _: _rosenbrock(x), starts)[0]
    alone = [descend(lambda x, _: _rosenbrock(x), one[None])[0][0] for one in starts]
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_with_a_horizon_descents_that_cannot_catch_up_end_early_and_fast_ones_go_on():
    def function(x, number):
        """0.2 + x^2, then 3 + x^4 (slow at the end), then 0.1 + |x - 40| from far above."""
        x = x[:, 0]
        values = np.stack([0.2 + x**2, 3 + x**4, 0.1 + np.abs(x - 40)])
        slopes = np.stack([2 * x, 4 * x**3, np.sign(x - 40)])
        evaluated.extend(number)
        return values[number, np.arange(len(x))], slopes[number, np.arange(len(x))][:, None]

    trials, ends = {}, {}
    for horizon in (10.0, np.inf):
        evaluated: list[int] = []
        ends[horizon] = descend(function, np.array([[1.0], [1.3], [0.0]]), horizon)[1]
        trials[horizon] = evaluated.count(1)
    assert trials[10.0] < trials[np.inf] / 2, trials
    np.testing.assert_allclose(ends[10.0][[0, 2]], [0.2, 0.1], atol=2e-3)
    np.testing.assert_allclose(ends[np.inf], [0.2, 3.0, 0.1], atol=1e-6)


@claim("tape-cauchy", paper="test", kind="upper", provenance="own")
def cauchy(n: Size(1, 5), x: Vector("n", norm2=2), y: Vector("n", norm2=2)):
    """<x, y> <= |x| |y|, attained where they are parallel"""
    return ar.dot(x, y), ar.norm2(x) * ar.norm2(y)


def test_climbs_end_at_admissible_instances_that_attain_a_tight_bound():
    sampler = Sampler(cauchy, np.random.default_rng(1), 5)
    starts = [sampler.draw({"n": 4}, corner=False) for _ in range(4)]
    before = screen(cauchy, starts)
    ends = climb_together(Chart.at(cauchy, starts[0]), [(s, 1.0) for s in starts], np.random.default_rng(6), 3)
    assert len(ends) == len(starts)
    assert all(cauchy.admits(end) for end in ends)
    assert before.max() < -1e-3
    assert (before < -100).any()  # a start with a product below 0 finds the way
    np.testing.assert_allclose(screen(cauchy, ends), 0, atol=1e-9)


@claim("tape-one-size", paper="test", kind="upper", provenance="own")
def one_size(n: Size(1, 6), x: Vector("n", norm2=2), y: Vector("n", norm2=2)):
    """<x, y> <= |x| |y|, wrong by a factor for n = 5 alone"""
    return ar.dot(x, y) * (Fraction(101, 100) if n == 5 else 1), ar.norm2(x) * ar.norm2(y)


@pytest.mark.parametrize("seed", range(3))
def test_sizes_in_lockstep_reach_a_bound_together_and_break_it_where_it_is_wrong(seed):
    sampler = Sampler(one_size, np.random.default_rng(seed), 6)
    groups = []
    for n in (2, 3, 5, 6):
        starts = [(sampler.draw({"n": n}, corner=False), 1.0) for _ in range(1 if n == 5 else 3)]
        groups.append(Group.of(Chart.at(one_size, starts[0][0]), starts, 1 if n == 5 else 3))
    (climb,) = in_lockstep(groups)
    for _ in climb.rounds(np.random.default_rng(seed), thorough=False):
        pass
    leaders = list(climb.leaders())
    assert [one["n"] for one in leaders] == [2, 3, 5, 6]
    usage = np.array([screen(one_size, [one])[0] for one in leaders])
    np.testing.assert_allclose(usage, [0, 0, np.log(1.01), 0], atol=1e-6)
    assert {int(one["n"]) for one in climb.ends(beyond=1e-3)} == {5}


def test_a_start_beyond_the_range_of_a_search_gives_nothing():
    far = {"n": 1, "x": np.array([fmpq(10) ** 200], dtype=object)}

    @claim("tape-far", paper="test", kind="upper", provenance="own")
    def unbounded(n: Size(1, 2), x: Vector("n")):
        """|x| <= 1 + |x|"""
        return ar.norm2(x), 1 + ar.norm2(x)

    chart = Chart.at(unbounded, far)
    assert climb_together(chart, [(far, 1.0)], np.random.default_rng(0), 1) == []


def test_sides_that_are_numbers_alone_are_screened():
    @claim("tape-constant", paper="test", kind="upper", provenance="own")
    def constants(n: Size(1, 2), t: Scalar(0, 1)):
        """2 <= n + 3"""
        return 2, n + 3

    sides = evaluate(constants, batched([{"n": 1, "t": fmpq(1)}]), Screen(1))
    assert sides.left.shape == ()
    np.testing.assert_allclose(screen(constants, [{"n": 1, "t": fmpq(1)}] * 3), np.log(0.5), rtol=ROUNDING)
