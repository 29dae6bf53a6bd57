"""Helper functions of the printed modules: name -> source; a module carries those that it uses."""

HELPERS = {
    "_workspace": '''
def _workspace(z, count, work, overwrite):
    """z as scratch, and `count` work arrays like it."""
    if z.shape[-1] >= 128:
        np.setbufsize(16)  # rows then meet their scalar without a copy of it for each entry
    z = z if overwrite else z.copy()
    work = [np.empty_like(z) for _ in range(count)] if work is None else work[:count]
    return z, *work
''',
    "_drop": '''
def _drop(q, dropped):
    """q with 0 at the dropped entries, in place, whatever stood there: bit by bit, as infinity * 0 would be NaN."""
    if dropped is not None:
        columns, kept = dropped
        bits = q.view(kept.dtype)[..., columns]
        np.bitwise_and(bits, kept, out=bits)
    return q
''',
    "_shift": '''
def _shift(z, dropped, small):
    """m, the largest kept entry of each group, subtracted from z in place; 0 where the entries are small enough."""
    if small:
        return np.zeros((*z.shape[:-1], 1), z.dtype)
    if dropped is None:
        m = np.maximum.reduce(z, axis=-1, keepdims=True)
    else:
        columns, kept = dropped
        bits = z.view(kept.dtype)[..., columns]
        np.bitwise_or(bits, ~kept, out=bits)  # NaN, which fmax passes over
        m = np.fmax.reduce(z, axis=-1, keepdims=True)
    np.subtract(z, m, out=z)
    _drop(z, dropped)
    return m
''',
    "_shift_of_size": '''
def _shift_of_size(z, dropped, small, scratch):
    """m, the largest kept absolute value of each group; 0 where the entries are small enough."""
    if small:
        return np.zeros((*z.shape[:-1], 1), z.dtype)
    _drop(z, dropped)
    return np.maximum.reduce(np.abs(z, out=scratch), axis=-1, keepdims=True)
''',
    "_cosh_sinh": '''
def _cosh_sinh(z, m, small, cosh, scratch, sinh=True):
    """cosh(z) e^(-m) over `cosh` and sinh(z) e^(-m) over z, by e^(|z|-m) and e^(-2|z|) - 1: no cancellation near 0."""
    if small:
        np.cosh(z, out=cosh)
        return cosh, np.sinh(z, out=z) if sinh else z
    np.abs(z, out=scratch)
    np.expm1(np.multiply(scratch, -2, out=cosh), out=cosh)
    np.exp(np.subtract(scratch, m, out=scratch), out=scratch)
    cosh *= 0.5
    cosh *= scratch  # (e^(-|z|) - e^|z|)/2 e^(-m)
    if sinh:
        np.copysign(cosh, z, out=z)
    return np.add(cosh, scratch, out=cosh), z
''',
    "_total": '''
def _total(q):
    """Sum over the rows of each group, with the axis kept."""
    return np.add.reduce(q, axis=-1, keepdims=True)
''',
    "_dot": '''
def _dot(p, q):
    """total(p q). Long rows in pieces, so that rounding errors stay small."""
    if q.shape[-1] <= 8192:
        return np.vecdot(p, q)[..., None]
    pieces = (slice(start, start + 8192) for start in range(0, q.shape[-1], 8192))
    return np.sum([np.vecdot(p[..., piece], q[..., piece]) for piece in pieces], axis=0)[..., None]
''',
    "_count": '''
def _count(z, dropped):
    """The number of kept rows of each group, with the axis kept."""
    n = np.full((*z.shape[:-1], 1), z.shape[-1], z.dtype)
    if dropped is None:
        return n
    _, kept = dropped
    return n - kept.shape[-1] - np.sum(kept, axis=-1, keepdims=True, dtype=z.dtype)  # kept entries are -1
''',
    "_full": '''
def _full(z, scalar, out):
    """A row quantity that is the same in every row."""
    out[...] = scalar
    return out
''',
    "_ratio": '''
def _ratio(total, size):
    """|total| as a part of the sum of its absolute terms, 0 for a sum of zeros."""
    return np.divide(np.abs(total), size, out=np.zeros_like(total), where=size > 0)
''',
}
HELPERS = {name: source.lstrip("\n") for name, source in HELPERS.items()}
