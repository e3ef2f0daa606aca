"""Sparse elimination over sympy expressions that takes pivots of plus or minus one first.

Nodal equations of these circuits are mostly connections, so that almost every pivot is a unit and the entries stay
polynomials; a dense symbolic inverse is hopeless above four cells.
"""

import heapq
from collections.abc import Sequence
from typing import Any

import sympy

Row = dict[int, Any]

_UNITS = (1, -1)


def solve(
    size: int, K: Sequence[tuple[int, int, Any]], R: Sequence[tuple[int, int, Any]], wanted: Sequence[int]
) -> dict[int, Row]:
    """Solve `K x = R u`: for each wanted row of x, its coefficients in u by column.

    Raises:
        ValueError: K is singular.
    """
    left = _rows(size, K)
    right = _rows(size, R)
    solved: dict[int, int] = {}
    users = _users(left)
    pivots = _Pivots(left)
    for _ in range(size):
        row, column = pivots.take()
        solved[column] = row
        for changed in _eliminate(left, right, users, row, column):
            pivots.enter(changed)
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


class _Pivots:
    """The shortest row with a unit entry; failing that, the shortest row. A row that changes is entered again."""

    def __init__(self, left: list[Row]) -> None:
        self._left = left
        self._used: set[int] = set()
        self._version = [0] * len(left)
        self._heap: list[tuple[int, int, int, int, int]] = []
        for i in range(len(left)):
            self.enter(i)

    def enter(self, i: int) -> None:
        row = self._left[i]
        if i in self._used:
            return
        # An entry of before does not stand for the row any more, also where nothing is left of it.
        self._version[i] += 1
        if not row:
            return
        unlike, column = min((0 if value in _UNITS else 1, j) for j, value in row.items())
        heapq.heappush(self._heap, (unlike, len(row), i, column, self._version[i]))

    def take(self) -> tuple[int, int]:
        while self._heap:
            _, _, i, column, version = heapq.heappop(self._heap)
            if i not in self._used and version == self._version[i]:
                self._used.add(i)
                return i, column
        raise ValueError("the network is singular: expected every node to have a path for direct current")


def _eliminate(left: list[Row], right: list[Row], users: dict[int, set[int]], row: int, column: int) -> list[int]:
    """Clear a column from all other rows; returns those that changed."""
    pivot = left[row][column]
    changed = []
    if pivot != 1:
        left[row] = {j: value / pivot for j, value in left[row].items()}
        right[row] = {j: value / pivot for j, value in right[row].items()}
    for i in sorted(users[column]):
        if i == row or column not in left[i]:
            continue
        factor = left[i].pop(column)
        users[column].discard(i)
        _subtract(left[i], {j: v for j, v in left[row].items() if j != column}, factor)
        _subtract(right[i], right[row], factor)
        for j in left[row]:
            (users.setdefault(j, set()).add if j in left[i] else users.setdefault(j, set()).discard)(i)
        changed.append(i)
    return changed


def _subtract(target: Row, source: Row, factor: Any) -> None:
    # A sum of expanded sums is expanded already: only products of sums have to be.
    plain = factor in _UNITS
    for j, value in source.items():
        product = factor * value if plain else sympy.expand(factor * value)
        difference = target[j] - product if j in target else -product
        if difference == 0:
            target.pop(j, None)
        else:
            target[j] = difference
