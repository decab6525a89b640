"""Products of many matrices, whose singular values are thousands of orders of magnitude apart.

A product is kept as `(Q, d, T)`, which stands for Q diag(exp(d)) T: Q has orthonormal columns, and
the largest number of each row of T is 1. Scales are in d alone, as logarithms.
"""

import numpy as np

TURNS = 4  # of QR, after which what is exp(-WINDOW) apart does not meet
WINDOW = 7.0  # logarithm of the range in which singular values are computed together
Product = tuple[np.ndarray, np.ndarray, np.ndarray]


def grown(product: Product, factor: np.ndarray) -> Product:
    """`factor @ product`; the leading axes are rows that do not meet."""
    Q, d, T = product
    Q, d, X, order = triangular(factor @ Q, d)
    return scaled(Q, d, X @ np.take_along_axis(T, order[..., None], axis=-2))


def singular_values(d: np.ndarray, T: np.ndarray) -> np.ndarray:
    """The logarithms of the singular values of diag(exp(d)) T, largest first.

    Turned several times (QR of the transpose), it is triangular and what is far apart in size has
    been separated; what is near is computed together, within windows.
    """
    leading = d.shape[:-1]
    count = min(T.shape[-2:])
    for _ in range(TURNS):
        _, d, T, _ = triangular(np.swapaxes(T, -1, -2), d)
    found = np.full((*leading, count), -np.inf)
    for index in np.ndindex(leading):
        found[index] = in_windows(d[index], T[index])
    return found


def in_windows(d: np.ndarray, T: np.ndarray) -> np.ndarray:
    """`singular_values` of one matrix that is nearly diagonal."""
    order = np.argsort(-d, kind="stable")
    d, T = d[order], T[np.ix_(order, order)]
    done, found, count = 0, [], len(d)
    while done < count and np.isfinite(d[done]):
        near = np.flatnonzero((d <= d[done] + WINDOW) & (d >= d[done] - 2 * WINDOW))
        part = np.exp(d[near] - d[done])[:, None] * T[np.ix_(near, near)]
        values = np.linalg.svd(part, compute_uv=False)
        skipped = done - near[0]
        own = np.flatnonzero((d[near] >= d[done] - WINDOW) & (near >= done))
        with np.errstate(divide="ignore"):
            found += list(np.log(values[skipped : skipped + len(own)]) + d[done])
        done += len(own)
    return np.sort([*found, *[-np.inf] * (count - len(found))])[::-1]


def triangular(A: np.ndarray, d: np.ndarray):
    """A diag(exp(d)) as Q diag(exp(d')) X: columns in the order of their size, QR, scales out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        order = np.argsort(-(np.log(np.linalg.norm(A, axis=-2)) + d), axis=-1, kind="stable")
        Q, R = np.linalg.qr(np.take_along_axis(A, order[..., None, :], axis=-1))
        logs = np.log(np.abs(R)) + np.take_along_axis(d, order, axis=-1)[..., None, :]
    top = logs.max(axis=-1)
    X = np.sign(R) * np.exp(logs - np.where(np.isfinite(top), top, 0.0)[..., None])
    return Q, top, X, order


def scaled(Q: np.ndarray, d: np.ndarray, T: np.ndarray) -> Product:
    """Q diag(exp(d)) T with the largest number of each row of T 1."""
    top = np.abs(T).max(axis=-1)
    with np.errstate(divide="ignore"):
        return Q, d + np.log(top), T / np.where(top > 0, top, 1.0)[..., None]
