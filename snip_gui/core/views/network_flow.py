"""The whole network as a flow from input to output: layers of connections between rows of units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from snip_gui.core.graph.wiring import Reach, Wiring
    from snip_gui.core.models.architecture import Architecture
    from snip_gui.core.pruning.scored import Scored


@dataclass(frozen=True, slots=True)
class Units:
    """The units, channels or pixels of a tensor.

    Attributes
    ----------
    alive, unreached, idle
        Number on a path from the input to an output; reached by no input; reached, but leading to
        no output. They add up to the total.
    """

    alive: int
    unreached: int
    idle: int

    @property
    def total(self) -> int:
        """Total number."""
        return self.alive + self.unreached + self.idle


@dataclass(frozen=True, slots=True)
class FlowLayer:
    """A layer: its connections, and the units at their outputs.

    Attributes
    ----------
    feeders
        Positions in the flow of its inputs: 0 is the network's input, 1 the first layer.
    total, kept, on_paths
        Numbers of its prunable parameters; if it is not pruned, of all its weights, all kept.
    is_pruned
        Whether its connections are prunable.
    units
        None if they cannot be traced.
    """

    layer: str
    feeders: tuple[int, ...]
    total: int
    kept: int
    on_paths: int
    is_pruned: bool
    units: Units | None


@dataclass(frozen=True, slots=True)
class NetworkFlow:
    """The flow of a network at one sparsity.

    Attributes
    ----------
    inputs
        Pixels or channels of the image; None if the network cannot be traced, in which case layers
        are in state_dict order.
    layers
        Layers in the order of a forward pass.
    """

    inputs: Units | None
    layers: tuple[FlowLayer, ...]

    @property
    def is_followed(self) -> bool:
        """Whether it is known how the layers are connected."""
        return self.inputs is not None

    @property
    def total(self) -> int:
        """Number of prunable parameters."""
        return sum(layer.total for layer in self.layers if layer.is_pruned)

    @property
    def kept(self) -> int:
        """Number of kept prunable parameters."""
        return sum(layer.kept for layer in self.layers if layer.is_pruned)

    @property
    def on_paths(self) -> int:
        """Number of kept parameters on a path from the input to an output."""
        return sum(layer.on_paths for layer in self.layers if layer.is_pruned)


def network_flow(
    scored: Scored, num_kept: int, found: Reach | None, on_paths: dict[str, int]
) -> NetworkFlow:
    """Return the flow of a scored network at a number of kept connections.

    Parameters
    ----------
    found, on_paths
        Results of `Scored.reach` and `Scored.num_on_paths`.
    """
    architecture = scored.architecture
    kept = {row.layer: (row.kept, row.total) for row in scored.layer_rows(num_kept)}
    dense = {layer.name: layer.num_weights for layer in architecture.layers}
    order = _order(architecture)
    places = {layer: number for number, layer in enumerate(order, 1)}
    layers = []
    for number, layer in enumerate(order, 1):
        part, total = kept.get(layer, (dense.get(layer, 0),) * 2)
        layers.append(
            FlowLayer(
                layer=layer,
                feeders=_feeders(architecture.wiring, layer, places) or (number - 1,),
                total=total,
                kept=part,
                on_paths=on_paths.get(layer, part),
                is_pruned=layer in kept,
                units=_count_units(found, layer),
            )
        )
    inputs = _units(found, 0) if found is not None else None
    return NetworkFlow(inputs, tuple(layers))


def _order(architecture: Architecture) -> tuple[str, ...]:
    """Return the layers in the order of a forward pass; unused ones come last."""
    wiring = architecture.wiring
    met = tuple(wiring.step_by_layer) if wiring is not None else ()
    rest = (layer for layer in architecture.prunable_layers if layer not in met)
    return (*met, *rest)


def _feeders(wiring: Wiring | None, layer: str, places: dict[str, int]) -> tuple[int, ...]:
    """Return the positions in the flow of a layer's inputs."""
    if wiring is None or layer not in wiring.step_by_layer:
        return ()
    steps = (wiring.steps[number] for number in wiring.feeders(wiring.step_by_layer[layer]))
    return tuple(sorted({places[step.layer] if step.layer else 0 for step in steps}))


def _count_units(found: Reach | None, layer: str) -> Units | None:
    if found is None or found.find_ends(layer) is None:
        return None
    return _units(found, found.wiring.step_by_layer[layer])


def _units(found: Reach, number: int) -> Units:
    reached, alive = found.reached[number], found.alive(number)
    num_reached, num_alive = int(np.count_nonzero(reached)), int(np.count_nonzero(alive))
    return Units(num_alive, len(reached) - num_reached, num_reached - num_alive)
