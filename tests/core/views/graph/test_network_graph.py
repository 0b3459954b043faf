from __future__ import annotations

import itertools

from snip_gui.core.graph.wiring import Step, Wiring
from snip_gui.core.models.architecture import Architecture, LayerInfo
from snip_gui.core.views.graph.layered import place
from snip_gui.core.views.graph.network_graph import network_graph


def test_a_node_stands_below_everything_that_feeds_it():
    edges = [(0, 1), (1, 2), (0, 3), (2, 3), (3, 4)]
    levels = [level for _, level in place(5, edges).centres]
    assert all(levels[start] < levels[end] for start, end in edges)
    assert levels == [0, 1, 2, 3, 4]


def test_branches_stand_beside_each_other_and_long_edges_pass_them():
    placed = place(5, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), (0, 4)])
    row = sorted(x for x, level in placed.centres if level == 1)
    assert all(b - a > 1 for a, b in itertools.pairwise(row))
    *short, long = placed.lanes
    assert short == [None] * 6
    assert long > max(row) + 0.5


def test_long_edges_at_the_same_level_have_lanes_of_their_own():
    chain = [(n, n + 1) for n in range(6)]
    lanes = place(7, [*chain, (0, 3), (1, 4), (3, 6)]).lanes[6:]
    assert lanes[0] != lanes[1]
    assert lanes[2] == lanes[0]  # reused once it is free


def test_nothing_is_laid_out_as_nothing():
    assert place(0, []).centres == ()


def architecture_of(*steps, outputs):
    layers = tuple(
        LayerInfo(step.layer, "Conv2d", True, (4, 8, 8), 40, 36, 0, 64)
        for step in steps if step.layer
    )  # fmt: skip
    wiring = Wiring(steps, outputs) if outputs else None
    return Architecture((1, 8, 8), (1, 8, 8), 10, layers, 0, 0, wiring=wiring)


def join(name, *inputs):
    return Step("join", 4, inputs=inputs, layer=name)


def test_operations_without_weights_are_left_out_and_sums_are_points():
    steps = (Step("source", 1), join("a", 0), Step("same", 4, inputs=(1,)), join("b", 2),
             Step("sum", 4, inputs=(2, 3)), join("c", 4))  # fmt: skip
    graph = network_graph(architecture_of(*steps, outputs=(5,)))
    assert [node.title for node in graph.nodes] == ["Images", "a", "b", "+", "c", "Classes"]
    assert set(graph.edges) == {(0, 1), (1, 2), (1, 3), (2, 3), (3, 4), (4, 5)}
    assert graph.nodes[1].details == "Conv2d, 4 x 8 x 8"


def test_a_concatenation_continues_an_earlier_one():
    steps = (Step("source", 1), join("a", 0), join("b", 1), Step("concat", 8, inputs=(1, 2)),
             join("c", 3), Step("concat", 12, inputs=(1, 2, 4)), join("d", 5))  # fmt: skip
    graph = network_graph(architecture_of(*steps, outputs=(6,)))
    titles = [node.title for node in graph.nodes]
    assert titles == ["Images", "a", "b", "concat", "c", "concat", "d", "Classes"]
    assert [start for start, end in graph.edges if end == 5] == [3, 4]


def test_a_network_that_cannot_be_traced_is_a_chain():
    graph = network_graph(architecture_of(join("a", 0), join("b", 1), outputs=()))
    assert not graph.is_traced
    assert [node.title for node in graph.nodes] == ["Images", "a", "b"]
    assert graph.edges == ((0, 1), (1, 2))
