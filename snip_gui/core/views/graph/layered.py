"""A layered layout of a directed acyclic graph: small, and linear in nodes and edges.

Every node stands on the level of its longest path from a source; within a level, nodes are ordered
by the mean position of what feeds them (the barycentre heuristic of Sugiyama et al. 1981). Edges
to the next level are straight; longer ones run in lanes to the right of the levels that they pass.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Placed:
    """Where nodes and edges are, in units of a node's width and of a level's height.

    Attributes
    ----------
    centres
        Horizontal centre and level of each node.
    lanes
        For each edge, the horizontal position of its lane, or None if it is straight.
    """

    centres: tuple[tuple[float, int], ...]
    lanes: tuple[float | None, ...]


_LANE = 0.12  # distance between lanes
_GAP = 0.15  # between nodes, and from nodes to lanes


def place(num_nodes: int, edges: Sequence[tuple[int, int]]) -> Placed:
    """Place nodes and edges.

    Parameters
    ----------
    num_nodes
        Number of nodes, in topological order: every edge leads to a higher number.
    """
    before: dict[int, list[int]] = defaultdict(list)
    for start, end in edges:
        before[end].append(start)
    level = [0] * num_nodes
    for node in range(num_nodes):
        level[node] = 1 + max((level[start] for start in before[node]), default=-1)
    rows: dict[int, list[int]] = defaultdict(list)
    for node in range(num_nodes):
        rows[level[node]].append(node)
    x = [0.0] * num_nodes
    half = [0.0] * (max(level, default=0) + 1)
    for number in sorted(rows):
        row = sorted(rows[number], key=lambda node: (_mean(x, before[node]), node))
        for position, node in enumerate(row):
            x[node] = (position - (len(row) - 1) / 2) * (1 + _GAP)
        half[number] = x[row[-1]] + 0.5
    return Placed(
        centres=tuple(zip(x, level, strict=True)),
        lanes=_find_lanes(edges, level, half),
    )


def _mean(x: Sequence[float], nodes: Sequence[int]) -> float:
    return sum(x[node] for node in nodes) / len(nodes) if nodes else 0.0


def _find_lanes(
    edges: Sequence[tuple[int, int]], level: Sequence[int], half: Sequence[float]
) -> tuple[float | None, ...]:
    """Return the lane of each edge; short edges get inner ones, and lanes are reused."""
    lanes: list[float | None] = [None] * len(edges)
    busy_until: list[int] = []  # by lane, the level at which its last edge ends
    long = [n for n, (start, end) in enumerate(edges) if level[end] - level[start] > 1]
    for number in sorted(long, key=lambda n: (level[edges[n][0]], level[edges[n][1]])):
        start, end = (level[node] for node in edges[number])
        lane = next((n for n, until in enumerate(busy_until) if until <= start), len(busy_until))
        if lane == len(busy_until):
            busy_until.append(0)
        busy_until[lane] = end
        widest = max(half[start + 1 : end])
        lanes[number] = widest + _GAP + lane * _LANE
    return tuple(lanes)
