"""Problem files: the three layouts, and one clear sentence for each way in which a file can be wrong."""

import numpy as np
import pytest

from numeric import AttentionRegression, InputError, VectorRegression, load, shipped

A, b = np.arange(6.0).reshape(3, 2), np.full(3, 1 / 3)
A1, A2, B = A, A - 1, np.full((3, 3), 1 / 3)
STACKED = {
    "A1": np.vstack([A1, A1[:2]]), "A2": np.vstack([A2, A2[:2]]), "row_off": np.array([0, 3, 5]),
    "B_0": B, "B_1": np.full((2, 2), 0.5),
}  # fmt: skip


@pytest.fixture
def saved(tmp_path):
    def save(**arrays):
        path = tmp_path / "problem.npz"
        np.savez(path, **arrays)
        return path

    return save


def test_vector_form(saved):
    data = load(saved(A=A, b=b, w=np.ones(3), x_true=np.array([3.0, 4.0]), note=np.array("ignored")))
    problem = data.problem("rescaled-exp")
    assert isinstance(problem, VectorRegression)
    assert problem.value(np.ones(2)) == VectorRegression("rescaled-exp", A, b, w=np.ones(3)).value(np.ones(2))
    assert data.relative_error(np.array([3.0, 4.5])) == 0.1


def test_matrix_form(saved):
    data = load(saved(A1=A1, A2=A2, B=B, w=B))
    expected = AttentionRegression("normalized-exp", A1, A2, B, w=B)
    assert data.problem("normalized-exp").value(np.eye(2)) == expected.value(np.eye(2))
    assert data.x_true is None
    assert data.relative_error(np.eye(2)) is None


def test_stacked_prompts_with_weights(saved):
    data = load(saved(**STACKED, w_0=B, w_1=np.eye(2), X_true=np.eye(2)))
    expected = AttentionRegression(
        "normalized-exp", [A1, A1[:2]], [A2, A2[:2]], [B, np.full((2, 2), 0.5)], w=[B, np.eye(2)]
    )
    assert data.problem("normalized-exp").value(np.eye(2)) == expected.value(np.eye(2))
    assert data.relative_error(np.eye(2)) == 0.0


def test_x_true_of_another_shape_is_an_error(saved):
    data = load(saved(A=A, b=b, x_true=np.ones((2, 2))))
    with pytest.raises(InputError, match=r"X_true: got shape \(2, 2\), but the unknown has shape \(2,\)"):
        data.relative_error(np.ones(2))


WRONG_KEYS = {
    "no keys": ({"C": A}, "a problem needs the keys A and b .*; the file has none of these"),
    "half of the keys": ({"A": A, "B": B}, "a problem needs the keys .*; the file has A, B"),
    "a missing prompt": (
        {k: STACKED[k] for k in ("A1", "A2", "row_off", "B_0")},
        "announces 2 prompts, but B_1 is missing",
    ),
    "offsets too long": (STACKED | {"row_off": np.array([0, 3, 9])}, r"row_off: got \[0, 3, 9\]; it must rise"),
    "float offsets": (STACKED | {"row_off": np.array([0.0, 3.0, 5.0])}, r"row_off: got .*integers"),
    "NaN in x_true": ({"A": A, "b": b, "x_true": np.array([np.nan, 1.0])}, "X_true: 1 of 2 entries are NaN"),
}


@pytest.mark.parametrize("mistake", WRONG_KEYS)
def test_wrong_keys(saved, mistake):
    arrays, match = WRONG_KEYS[mistake]
    with pytest.raises(InputError, match=rf"problem\.npz: .*{match}"):
        load(saved(**arrays))


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"A": A * np.nan, "b": b}, "A: 6 of 6 entries are NaN"),
        ({"A1": A1, "A2": A2[:2], "B": B}, r"B: got shape \(3, 3\)"),
        ({"A": A, "b": b[:2]}, r"b: got shape \(2,\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_the_problem(saved, arrays, match):
    with pytest.raises(InputError, match=match):
        load(saved(**arrays)).problem("normalized-exp")


def test_files_that_are_no_problem_files(tmp_path, saved):
    whole = saved(A=A, b=b).read_bytes()
    damaged = bytearray(whole)
    damaged[120:140] = bytes(20)
    np.save(tmp_path / "array.npy", A)
    np.savez(tmp_path / "pickled.npz", A=np.array([{}], dtype=object), b=b)
    contents = {
        "truncated.npz": (whole[: len(whole) // 2], "truncated or damaged|no npz"),
        "damaged.npz": (bytes(damaged), "truncated or damaged|no npz"),
        "empty.npz": (b"", "truncated or damaged|no npz"),
        "text.npz": (b"A, b\n1, 2\n", "no npz of plain arrays"),
    }
    for name, (content, match) in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: ({match})"):
            load(tmp_path / name)
    with pytest.raises(InputError, match=r"holds a single array; use numpy.savez and the keys A and b"):
        load(tmp_path / "array.npy")
    with pytest.raises(InputError, match=r"no npz of plain arrays .*; save arrays of numbers"):
        load(tmp_path / "pickled.npz")
    with pytest.raises(InputError, match=r"missing\.npz: cannot be read \(No such file.*check the path"):
        load(tmp_path / "missing.npz")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)


def test_the_shipped_head_is_there_and_others_are_refused():
    problem = load(shipped("attention_f2_L3H3")).problem("normalized-exp")
    assert problem.x_shape == (32, 32)
    with pytest.raises(
        InputError,
        match=r"no data file 'f9' comes with the package: choose one of attention_f1_L3H3, attention_f2_L3H3",
    ):
        shipped("f9")
