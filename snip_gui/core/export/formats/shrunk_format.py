"""The smaller dense network as a state_dict, with its module definition in a companion file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.export.formats.pt_format import encode_state, read_back
from snip_gui.core.export.proof import compute_scores, refuse_other_outputs, refuse_other_weights
from snip_gui.core.export.shrinking.module_source import make_from_source

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.export.package import Package

__all__ = ["companion", "encode", "prove", "read_back"]


def encode(package: Package) -> bytes:
    """Return the weights of the smaller network."""
    return encode_state(package.shrunk.network.state_dict())


def companion(package: Package) -> str:
    """Return the definition of the smaller network."""
    return package.shrunk.source


def prove(package: Package, path: Path) -> str:
    """Create the network from its definition and the file; compare it with the masked one."""
    shrunk, read = package.shrunk, read_back(path)
    refuse_other_weights(shrunk.network.state_dict(), read)
    network = make_from_source(shrunk.source)
    network.load_state_dict(read)
    expected_BK = compute_scores(package.network, package.images_BCHW)
    found_BK = compute_scores(network, package.images_BCHW)
    difference = refuse_other_outputs(expected_BK, found_BK, "The shrunk network")
    return (
        f"{shrunk.description} Outputs on {len(expected_BK)} images within {difference:.1e} of "
        "the masked network's"
    )
