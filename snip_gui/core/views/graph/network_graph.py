"""The layers of a network as a graph: boxes, and edges with the residual ones. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from snip_gui.core.base.events import Event
from snip_gui.core.views.graph.layered import Placed, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.graph.wiring import Wiring
    from snip_gui.core.models.architecture import Architecture

NodeKind: TypeAlias = Literal["input", "layer", "sum", "concat", "output"]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A box, or a point where tensors are added up or concatenated.

    Attributes
    ----------
    layer
        Name of its layer; empty for others.
    title, details
        What it is called, and its class and output shape.
    """

    kind: NodeKind
    layer: str
    title: str
    details: str


@dataclass(frozen=True)
class NetworkGraph:
    """A graph with its layout.

    Attributes
    ----------
    edges
        Positions of the nodes that each edge joins; the nodes are in order of computation.
    is_traced
        Whether it is known how the layers are connected; otherwise they form a chain.
    """

    nodes: tuple[GraphNode, ...]
    edges: tuple[tuple[int, int], ...]
    placed: Placed
    is_traced: bool


@dataclass(frozen=True, slots=True, eq=False)
class GraphLaidOut(Event):
    """The graph of a network is ready."""

    architecture: Architecture
    graph: NetworkGraph


def lay_out(architecture: Architecture, cancel: CancelToken) -> Iterator[Event]:
    """Lay out the graph of a network; ends with `GraphLaidOut`."""
    cancel.raise_if_cancelled()
    yield GraphLaidOut(architecture, network_graph(architecture))


def network_graph(architecture: Architecture) -> NetworkGraph:
    """Return the graph of a network."""
    wiring = architecture.wiring
    nodes, edges = _chain(architecture) if wiring is None else _traced(architecture, wiring)
    return NetworkGraph(
        tuple(nodes), tuple(edges), place(len(nodes), edges), is_traced=wiring is not None
    )


def _describe(architecture: Architecture) -> Mapping[str, str]:
    """Return the class and output shape of each layer as text."""
    return {
        layer.name: ", ".join(filter(None, (layer.kind, " x ".join(map(str, layer.output_shape)))))
        for layer in architecture.layers
    }


def _input(architecture: Architecture) -> GraphNode:
    return GraphNode("input", "", "Images", " x ".join(map(str, architecture.input_shape)))


def _chain(architecture: Architecture) -> tuple[list[GraphNode], list[tuple[int, int]]]:
    """Return the prunable layers of a network that cannot be traced, in state_dict order."""
    details = _describe(architecture)
    layers = [
        GraphNode("layer", name, name, details[name]) for name in architecture.prunable_layers
    ]
    nodes = [_input(architecture), *layers]
    return nodes, [(number, number + 1) for number in range(len(nodes) - 1)]


def _traced(
    architecture: Architecture, wiring: Wiring
) -> tuple[list[GraphNode], list[tuple[int, int]]]:
    """Return layers, sums and concatenations; operations in between are left out."""
    details = _describe(architecture)
    nodes: list[GraphNode] = []
    edges: list[tuple[int, int]] = []
    shown: list[tuple[int, ...]] = []  # by step, the nodes that its value comes from
    joined: dict[tuple[int, ...], int] = {}  # concatenations by what they join
    for step in wiring.steps:
        inputs = tuple(dict.fromkeys(node for before in step.inputs for node in shown[before]))
        if step.kind == "source":
            node = _input(architecture)
        elif step.layer:
            name = step.layer
            node = GraphNode("layer", name, name or "(whole)", details.get(name, ""))
        elif step.kind in ("sum", "concat") and len(inputs) > 1:
            kind: NodeKind = "sum" if step.kind == "sum" else "concat"
            node = GraphNode(kind, "", "+" if kind == "sum" else "concat", "")
            if kind == "concat":
                joined[inputs] = len(nodes)
                inputs = _continued(inputs, joined)
        else:
            shown.append(inputs)
            continue
        edges += [(before, len(nodes)) for before in inputs]
        shown.append((len(nodes),))
        nodes.append(node)
    ends = tuple(dict.fromkeys(node for number in wiring.outputs for node in shown[number]))
    edges += [(before, len(nodes)) for before in ends]
    nodes.append(GraphNode("output", "", "Classes", str(architecture.num_classes)))
    return nodes, edges


def _continued(inputs: tuple[int, ...], joined: Mapping[tuple[int, ...], int]) -> tuple[int, ...]:
    """Return the inputs of a concatenation, of which the first few may be joined already.

    In a DenseNet every layer joins the outputs of all before it; without this there would be
    thousands of edges.
    """
    for length in range(len(inputs) - 1, 1, -1):
        earlier = joined.get(inputs[:length])
        if earlier is not None:
            return (earlier, *inputs[length:])
    return inputs
