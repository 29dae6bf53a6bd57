"""Certified flows: containment against closed forms and mpmath, sabotage, bounds on growth, errors, sample counts."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb, arb_poly, fmpq

from numeric.in_context import CovarianceMixture, reduced_loss
from proofs_check import Param, Size, check, claim
from proofs_check.arithmetic import vector, working_in
from proofs_check.arrays.array import Array
from proofs_check.arrays.backends import BALLS, DIGITS, SYMBOLS, batched, joined
from proofs_check.arrays.balls import precision
from proofs_check.arrays.exact import InputError, array, rational
from proofs_check.arrays.fields import Unsupported
from proofs_check.claims import Malformed
from proofs_check.flows import integrate, integration, landscape
from proofs_check.flows.recording import recorded
from proofs_check.flows.reduced import Loss, _largest_growth
from proofs_check.instances.survey import chance, survey

NARROW = 1e-9
"""A step at 128 bits is good to 2^-43, and the flows below take up to a hundred."""
INSIDE = 0.1
"""A least value inside a step is enclosed by the values on an eighth of the step."""
SCREEN = 1e-6
"""The screen integrates at 1e-9 a step."""
FIXED, RANDOM = "linear-self-attention-fixed", "linear-self-attention-random"


@dataclass(frozen=True)
class Own:
    """A vector field of a test, with its growth in closed form."""

    velocity: Any
    growth: Any


DECAY = Own(lambda x: [-x[0]], lambda box: arb(-1))
EXPLOSION = Own(lambda x: [x[0] * x[0]], lambda box: (2 * box[0]).upper())
ROTATION = Own(lambda x: [-x[1], x[0]], lambda box: arb(0))
LOGISTIC = Own(lambda x: [x[0] * (1 - x[0])], lambda box: (1 - 2 * box[0]).upper())
SOLVED = {
    "decay": (DECAY, ["1/3"], "5", lambda t: [mpmath.exp(-t) / 3]),
    "explosion": (EXPLOSION, ["1/3"], "5/2", lambda t: [1 / (3 - t)]),
    "rotation": (ROTATION, ["1", "0"], "10", lambda t: [mpmath.cos(t), mpmath.sin(t)]),
    "logistic": (LOGISTIC, ["1/50"], "12", lambda t: [1 / (1 + 49 * mpmath.exp(-t))]),
}


def contains(ball, value, digits=90):
    """Whether an mpmath number lies in a ball, up to its own last digits."""
    middle, reach = arb(mpmath.nstr(value, digits)).mid(), arb(f"1e-{digits - 5}")
    return bool((arb(ball) + arb(0, reach.upper())).contains(middle))


def radius(cell):
    return float(arb(cell).rad())


@pytest.mark.parametrize("bits", [64, 128, 256, 1024])
@pytest.mark.parametrize("name", SOLVED)
def test_solutions_in_closed_form_are_contained(name, bits):
    field, start, time, solution = SOLVED[name]
    with precision(bits), mpmath.workdps(100):
        found = integrate(field, [rational(x) for x in start], rational(time))
        exact = solution(mpmath.mpf(fmpq_text(time)))
        assert all(contains(ball, value) for ball, value in zip(found.state, exact, strict=True))
        # a goal of 3/8 of the bits, at most 512, of which errors may grow by a little
        assert max(map(radius, found.state)) < (NARROW if bits <= 128 else 2.0 ** (-0.3 * min(bits, 512)))


def fmpq_text(text):
    q = rational(text)
    return mpmath.mpf(int(q.p)) / int(q.q)


def test_a_dropped_remainder_is_noticed(monkeypatch):
    """Without the defect of the Taylor polynomial a passage claims to be exact, and misses the solution."""
    monkeypatch.setattr(integration, "_norm", lambda cells: arb(0))
    with precision(128), mpmath.workdps(100):
        found = integrate(LOGISTIC, [rational("1/50")], rational(12))
        assert not contains(found.state[0], SOLVED["logistic"][3](mpmath.mpf(12))[0])


def test_the_growth_of_errors_is_carried_along():
    """Every start in a ball ends in the ball at the end, which is little wider than the flow makes it."""
    with precision(128):
        start = arb(fmpq(1, 3), arb(fmpq(1, 10**6)).upper())
        end = integrate(EXPLOSION, [start], fmpq(2)).state[0]
        for point in (start.lower(), start.upper()):
            assert end.contains(1 / (1 / point - 2))
        stretch = float((1 / (1 / start.upper() - 2) - 1 / (1 / start.lower() - 2)).mid() / 2)
        assert radius(end) < 4 * stretch


def test_the_least_value_of_every_start_in_a_ball_is_enclosed():
    """Where a solution grows its least value is the start, on either side of the middle of the ball."""
    with precision(128):
        start = arb(fmpq(1, 3), arb(fmpq(1, 10**6)).upper())
        lowest = integrate(EXPLOSION, [start], fmpq(2)).lowest[0]
        assert all(lowest.contains(point) for point in (start.lower(), start.upper()))


def test_a_defect_inside_a_step_counts():
    """x' = 1 and p = t + t^2 (h - t)^2: exact at both ends of the step with no defect there, and off in between."""
    with precision(128):
        h = fmpq(1)
        p = arb_poly([0, 1, 1, -2, 1])
        step = integration._proved(lambda box: arb(0), [p], [p.derivative() - arb_poly([1])], arb(0), h)
        assert step is None or step.radius >= arb(fmpq(1, 16))


@pytest.mark.parametrize(
    ("field", "start", "time", "index", "least"),
    [
        (ROTATION, [1, 0], 4, 0, -1),
        (ROTATION, [1, 0], 4, 1, "sin"),
        (DECAY, [1], 2, 0, "exp"),
        (EXPLOSION, ["1/3"], 2, 0, "1/3"),
    ],
)
def test_the_least_value_on_the_way(field, start, time, index, least):
    """cos on [0, 4] falls to -1 in between; the others have theirs at an end."""
    with precision(128):
        found = integrate(field, [rational(x) for x in start], fmpq(time)).lowest[index]
        value = {"sin": arb(4).sin(), "exp": (-arb(2)).exp()}.get(least) or arb(rational(least))
        assert arb(found).overlaps(value)
        assert radius(found) < (INSIDE if least == -1 else NARROW)


def test_beyond_the_life_of_a_solution_nothing_is_claimed():
    with precision(128):
        found = integrate(EXPLOSION, [fmpq(1, 3)], fmpq(3))
    assert arb(found.state[0]).is_nan()
    assert arb(found.lowest[0]).is_nan()


def test_components_at_rest_stay_exact():
    with precision(128):
        saddle = Own(lambda x: [x[0] * x[1], -x[1]], lambda box: arb(2))
        assert integrate(saddle, [fmpq(0), fmpq(1)], fmpq(1)).state[0] == 0
        assert recorded(saddle.velocity, [fmpq(0), fmpq(1)]).moving == [1]
        assert recorded(saddle.velocity, [fmpq(1), fmpq(0)]).moving == [0]
        assert recorded(saddle.velocity, [fmpq(0), fmpq(0)]).moving == []
        assert integrate(saddle, [fmpq(0), fmpq(0)], fmpq(1)).state == [0, 0]
        assert recorded(lambda x: [x[0], x[0] - 1], [fmpq(0), fmpq(0)]).moving == [1]
        assert integrate(Own(lambda x: [x[0] ** 0], lambda box: arb(0)), [fmpq(1)], fmpq(2)).state[0].contains(3)


def test_a_quotient_is_no_polynomial():
    with pytest.raises(Unsupported, match="polynomial velocity"):
        recorded(lambda x: [x[0] / x[0]], [fmpq(1)])
    with pytest.raises(Unsupported, match="polynomial velocity, got the power -1"):
        recorded(lambda x: [x[0] ** -1], [fmpq(1)])


def rows(Lambda):
    """Data of the loss for one covariance, from the indices (i, j)."""
    d = len(Lambda)
    pairs = [(i, j) for i in range(d) for j in range(d)]
    return [[Lambda[i] for i, _ in pairs], [Lambda[j] for _, j in pairs], [rational(int(i == j)) for i, j in pairs]]


def flowed(backend, Lambda, N, S, sigma, time):
    """State and least u as cells of a back end."""
    with working_in(backend):
        data = [joined(array(row), backend) for row in rows([rational(x) for x in Lambda])]
        loss = landscape(FIXED, data, [rational(N), sum(map(rational, Lambda), fmpq(0))])
        z = joined(array([entry for row in S for entry in row]), backend)
        flow = loss.flow(z, joined(array([sigma]), backend), rational(time))
    return [*flow.z.data, flow.scalars.data[0], flow.lowest.data[0]]


def spelled_out(Lambda, N, S, sigma, time):
    """(5.4) in mpmath, entry by entry for a diagonal Lambda.

    U' = -u^2 Gamma Lambda U Lambda + u Lambda^2, u' = -tr[u Gamma Lambda U Lambda U^T - Lambda^2 U^T].
    """
    L, N, places = [fmpq_text(x) for x in Lambda], fmpq_text(N), range(len(Lambda))
    G = [(1 + 1 / N) * l + mpmath.fsum(L) / N for l in L]

    def velocity(_t, x):
        U, u = [x[i * len(L) : (i + 1) * len(L)] for i in places], x[-1]
        entries = [-(u**2) * G[i] * L[i] * U[i][j] * L[j] + u * L[i] ** 2 * (i == j) for i in places for j in places]
        first = mpmath.fsum(u * G[i] * L[i] * U[i][j] * L[j] * U[i][j] for i in places for j in places)
        return [*entries, mpmath.fsum(L[i] ** 2 * U[i][i] for i in places) - first]

    start = [fmpq_text(entry) for row in S for entry in row] + [fmpq_text(sigma)]
    return mpmath.odefun(velocity, 0, start)(fmpq_text(time))


PATHS = {  # Lambda, N, S, sigma, time
    "one": (["3/4"], 3, [["1/10"]], "1/10", "3"),
    "full": (["3/2", "1/2"], 20, [["3/25", "1/20"], ["1/20", "4/25"]], "1/5", "3/2"),
    "unbalanced": (["3/2", "1"], 2, [["1/5", "1/7"], ["0", "1/9"]], "1/3", "1"),
    "large": (["1", "1/2"], 5, [["4", "0"], ["0", "3"]], "5", "1/16"),
}


@pytest.mark.parametrize("name", PATHS)
def test_flows_of_the_derived_loss_contain_an_independent_integration(name):
    with mpmath.workdps(40):
        exact = spelled_out(*PATHS[name])
        with precision(128):
            found = flowed(BALLS, *PATHS[name])
        assert all(contains(ball, value, 35) for ball, value in zip(found[:-1], exact, strict=True))
        assert max(map(radius, found)) < NARROW


def test_flows_in_digits_agree_to_half_of_them():
    with mpmath.workdps(40):
        exact, found = spelled_out(*PATHS["one"]), flowed(DIGITS, *PATHS["one"])
        assert all(abs(a - b) < 1e-18 for a, b in zip(found[:-1], exact, strict=True))
        assert found[-1] == fmpq_text("1/10")


@pytest.mark.parametrize("name", PATHS)
def test_the_screen_proposes_the_same(name):
    Lambda, N, S, sigma, time = PATHS[name]
    flat = array([entry for row in S for entry in row])
    instance = {"Lambda": array(Lambda), "S": flat, "sigma": array([sigma]), "N": rational(N), "t": rational(time)}
    arguments = batched([instance, instance])
    L, d = arguments["Lambda"], len(Lambda)
    pairs, zero = [(i, j) for i in range(d) for j in range(d)], 0 * L[0]
    data = [vector([L[pair[k]] for pair in pairs]) for k in (0, 1)]
    data.append(vector([zero + int(i == j) for i, j in pairs]))
    loss = landscape(FIXED, data, [arguments["N"], sum(L, zero)])
    flow = loss.flow(arguments["S"], arguments["sigma"], arguments["t"])
    with precision(128):
        exact = np.array([float(arb(cell).mid()) for cell in flowed(BALLS, *PATHS[name])])
    parts = (x.data for x in (flow.z, flow.scalars, flow.lowest))
    found = np.column_stack([part.mantissa * np.exp(part.scale)[:, None] for part in parts])
    assert np.abs(found - exact).max() < SCREEN


def test_growth_bounds_every_eigenvalue_in_a_box():
    """Against the Hessian of the NumPy kernels at random points of random boxes."""
    rng = np.random.default_rng(0)
    Lambda, N = ["3/2", "1/2"], 4
    exact = [rational(x) for x in Lambda]
    numeric = reduced_loss(CovarianceMixture([np.diag([1.5, 0.5])], [1.0]), N)
    loss = Loss(FIXED, [[arb(cell) for cell in row] for row in rows(exact)], [arb(N), arb(2)])
    for width in (0, 1e-6, 1e-2, 0.3):
        for _ in range(8):
            middle = rng.normal(size=5)
            with precision(128):
                bound = float(loss.growth([arb(m, width) for m in middle]))
            for _ in range(8):
                point = middle + width * rng.uniform(-1, 1, 5)
                largest = -np.linalg.eigvalsh(numeric.hessian(point[:4].reshape(2, 2), point[4]))[0]
                assert largest <= bound + 1e-12  # rounding of eigvalsh
            at_middle = -np.linalg.eigvalsh(numeric.hessian(middle[:4].reshape(2, 2), middle[4]))[0]
            assert width or bound <= max(0.0, at_middle) + 1e-6  # near the smallest at a point


@pytest.mark.parametrize(
    ("diagonal", "border", "corner"),
    [([0, 0, 0, 0], [1, 1, 1, 1], 0), ([0], [1], 2), ([1], [1], 1), ([1, 0], [1, 2], 3), ([0], [0], 0)],
)
def test_growth_of_wide_boxes(diagonal, border, corner):
    """Radii around 0: the largest eigenvalue is at a corner of the box, beyond what its widest cell alone adds."""
    radii = [*diagonal, *border, corner]
    with precision(128):
        cells = [arb(0, r) for r in radii]
        bound = float(_largest_growth(cells[: len(diagonal)], cells[len(diagonal) : -1], cells[-1]))
    largest = 0.0
    for signs in product((-1, 1), repeat=len(radii)):
        *rest, last = (sign * r for sign, r in zip(signs, radii, strict=True))
        matrix = np.diag([*rest[: len(diagonal)], last]).astype(float)
        matrix[-1, :-1] = matrix[:-1, -1] = rest[len(diagonal) :]
        largest = max(largest, np.linalg.eigvalsh(-matrix)[-1])
    assert largest <= bound + 1e-12  # rounding of eigvalsh


def test_losses_and_gradients_agree_on_every_back_end():
    data, U, u = rows([rational("3/2"), rational("1/2")]), ["1/3", "-1/5", "2/7", "1"], "3/4"
    values = {}
    for name, backend in {"balls": BALLS, "digits": DIGITS, "symbols": SYMBOLS}.items():
        with precision(128), working_in(backend):
            loss = landscape(FIXED, [joined(array(row), backend) for row in data], [fmpq(5), fmpq(2)])
            state = joined(array(U), backend), joined(array([u]), backend)
            cells = [loss.value(*state).data[()], *loss.gradient(*state).data]
            values[name] = [float(cell.mid()) if isinstance(cell, arb) else float(cell) for cell in cells]
    assert values["balls"] == pytest.approx(values["symbols"], rel=1e-14)
    assert values["digits"] == pytest.approx(values["symbols"], rel=1e-14)
    numeric = reduced_loss(CovarianceMixture([np.diag([1.5, 0.5])], [1.0]), 5)
    slope, along_u = numeric.gradient(np.array([1 / 3, -0.2, 2 / 7, 1]).reshape(2, 2), 0.75)
    assert values["symbols"][1:] == pytest.approx([*slope.ravel(), along_u], rel=1e-13)


def at(backend, *numbers):
    return joined(array(numbers), backend)


def test_what_a_flow_refuses():
    one = at(BALLS, 1)
    with precision(128), working_in(BALLS):
        with pytest.raises(InputError, match="needs a loss with rows and scalar variables, got 'plain-exp'"):
            landscape("plain-exp", [one], [])
        with pytest.raises(InputError, match=r"takes the data cubic, mixed, square and the parameters N, got 1 and 1"):
            landscape(RANDOM, [one], [1])
        loss = landscape(FIXED, [one, one, one], [1, 1])
        with pytest.raises(InputError, match="rational time of at least 0, got -1"):
            loss.flow(one, one, -1)
        with pytest.raises(InputError, match=r"rational time of at least 0, got \[1.414"):
            loss.flow(one, one, Array(BALLS.array_of(arb(2).sqrt()), BALLS))
        with pytest.raises(ValueError, match="has 1 rows, got 2 and 1 scalars"):
            loss.flow(at(BALLS, 1, 2), one, 1)
        with pytest.raises(ValueError, match="has 1 rows, got 1 and 2 scalars"):
            loss.value(one, at(BALLS, 1, 2))
    symbolic = at(SYMBOLS, 1)
    with working_in(SYMBOLS):
        loss = landscape(FIXED, [symbolic] * 3, [1, 1])
        assert loss.flow(symbolic, symbolic, 0).scalars.data[0] == 1
        with pytest.raises(Unsupported, match="no symbolic form"):
            loss.flow(symbolic, symbolic, 1)
    screened = batched([{"x": array([1]), "t": rational(-2)}])
    with pytest.raises(InputError, match="time of at least 0, got -2"):
        landscape(FIXED, [screened["x"]] * 3, [screened["t"]] * 2).flow(screened["x"], screened["x"], screened["t"])


def counted(samples):
    @claim("counted", paper="own", kind="upper", provenance="own", samples=samples)
    def body(d: Size(1, 3), t: Param(0, 1)):
        """t <= 1"""
        return t, 1

    return body


def test_a_claim_states_its_own_number_of_samples():
    few, many = (survey(item, chance(item, 0), 0, 1000, False) for item in (counted(8), counted(None)))
    assert few.met < 50 < 1000 < many.met
    assert survey(counted(8), chance(counted(8), 0), 0, 4, False).wanted == 4
    assert [v.outcome for v in check([counted(8)], samples=1000)] == ["proved"]
    for wrong in (0, -3, True, "many"):
        item = counted(wrong)
        assert isinstance(item, Malformed)
        assert "samples is a whole number of at least 1" in item.reason
