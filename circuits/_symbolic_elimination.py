"""Sparse elimination over sympy expressions that takes pivots of plus or minus one first.

Nodal equations of these circuits are mostly connections, so that almost every pivot is a unit and the entries stay
polynomials; a dense symbolic inverse is hopeless above four cells.
"""

from collections.abc import Sequence
from typing import Any

import sympy

Row = dict[int, Any]


def solve(
    size: int, K: Sequence[tuple[int, int, Any]], R: Sequence[tuple[int, int, Any]], wanted: Sequence[int]
) -> dict[int, Row]:
    """Solve `K x = R u`: for each wanted row of x, its coefficients in u by column.

    Raises:
        ValueError: K is singular.
    """
    left, right = _rows(size, K), _rows(size, R)
    solved: dict[int, int] = {}
    users = _users(left)
    for _ in range(size):
        row, column = _pivot(left, solved)
        solved[column] = row
        _eliminate(left, right, users, row, column)
    return {k: right[solved[k]] for k in wanted}


def _rows(size: int, triplets: Sequence[tuple[int, int, Any]]) -> list[Row]:
    rows: list[Row] = [{} for _ in range(size)]
    for i, j, value in triplets:
        rows[i][j] = rows[i].get(j, 0) + sympy.sympify(value)
    return [{j: value for j, value in row.items() if value != 0} for row in rows]


def _users(rows: list[Row]) -> dict[int, set[int]]:
    users: dict[int, set[int]] = {}
    for i, row in enumerate(rows):
        for j in row:
            users.setdefault(j, set()).add(i)
    return users


def _pivot(left: list[Row], solved: dict[int, int]) -> tuple[int, int]:
    """The shortest row with a unit entry; failing that, the shortest row."""
    used = set(solved.values())
    best: tuple[int, int, int, int] | None = None
    for i, row in enumerate(left):
        if i in used:
            continue
        for j, value in row.items():
            if j not in solved:
                key = (0 if value in (1, -1) else 1, len(row), i, j)
                best = key if best is None or key < best else best
    if best is None:
        raise ValueError("the network is singular: expected every node to have a path for direct current")
    return best[2], best[3]


def _eliminate(left: list[Row], right: list[Row], users: dict[int, set[int]], row: int, column: int) -> None:
    pivot = left[row][column]
    left[row] = {j: value / pivot for j, value in left[row].items()}
    right[row] = {j: value / pivot for j, value in right[row].items()}
    for i in list(users[column]):
        if i == row or column not in left[i]:
            continue
        factor = left[i].pop(column)
        users[column].discard(i)
        _subtract(left[i], {j: v for j, v in left[row].items() if j != column}, factor)
        _subtract(right[i], right[row], factor)
        for j in left[row]:
            (users.setdefault(j, set()).add if j in left[i] else users.setdefault(j, set()).discard)(i)


def _subtract(target: Row, source: Row, factor: Any) -> None:
    for j, value in source.items():
        difference = sympy.expand(target.get(j, 0) - factor * value)
        if difference == 0:
            target.pop(j, None)
        else:
            target[j] = difference
