"""Verification of exported files: weights must be read back bit for bit, and outputs must agree.

Shapes: B images, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.network_state import load_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from snip_gui.core.runs.network import RunNetwork

TOLERANCE = 1e-5
"""Tolerance of outputs relative to the largest, for a different summation order or runtime."""
_SPREAD_TOLERANCE = 1e-2
# The resolution of single precision after summation in a different order.
_RESOLUTION = 2e-6
_NAMED = 3


def refuse_other_weights(written: Mapping[str, Tensor], read: Mapping[str, Tensor]) -> None:
    """Raise `UserError` naming some differences unless both have the same tensors, bit for bit."""
    differences = [
        *(f"it lacks “{name}”" for name in written if name not in read),
        *(f"“{name}” is not in the network" for name in read if name not in written),
        *(
            f"“{name}” differs"
            for name, tensor in written.items()
            if name in read and not _is_same(tensor, read[name])
        ),
    ]
    if differences:
        more = f"; and {len(differences) - _NAMED:,} more" if len(differences) > _NAMED else ""
        raise UserError(
            "The file does not hold the network as it is: "
            f"{'; '.join(differences[:_NAMED])}{more}.",
            "Choose another format.",
        )


def _is_same(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape, type and bits."""
    alike = one.shape == other.shape and one.dtype == other.dtype
    return alike and torch.equal(_bits(one), _bits(other))


def _bits(tensor: Tensor) -> Tensor:
    """Return the bytes of a tensor, in which NaN equals NaN and -0.0 differs from 0.0."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8) if len(flat) else flat


def outputs_with(package: RunNetwork, state: Mapping[str, Tensor]) -> Tensor:
    """Return the class scores (B, K) of the network with other weights."""
    network = package.copy_network()
    load_state(network, state)
    return compute_scores(network, package.images_BCHW)


@torch.no_grad()
def compute_scores(network: torch.nn.Module, images_BCHW: Tensor) -> Tensor:
    """Return class scores (B, K), computed on a copy in case the network modifies its input."""
    scores_BK: Tensor = network(images_BCHW.clone())
    return scores_BK


def refuse_other_outputs(expected_BK: Tensor, found_BK: Tensor, what: str) -> float:
    """Return the largest difference; raise `UserError` if it exceeds rounding.

    Raises
    ------
    UserError
        If outputs differ by more than `TOLERANCE` times the largest output (at least 1), or by more
        than a hundredth of the variation between images; or if they are not finite, so that nothing
        can be said of them.
    """
    if expected_BK.shape != found_BK.shape:
        raise UserError(f"{what} gives different outputs.", "Choose another format.")
    if not bool(expected_BK.isfinite().all()):
        raise UserError(
            "The outputs of the network are not finite numbers, so they cannot be compared.",
            "Choose a format that stores the weights alone.",
        )
    largest = float(expected_BK.abs().max())
    allowed = TOLERANCE * max(1.0, largest)
    if len(expected_BK) > 1:  # stricter for a network whose outputs hardly vary
        spread = float((expected_BK.max(0).values - expected_BK.min(0).values).max())
        allowed = min(allowed, max(_SPREAD_TOLERANCE * spread, _RESOLUTION * largest))
    difference = float((expected_BK - found_BK).abs().max())
    if not difference <= allowed:
        raise UserError(
            f"{what} gives outputs that differ by {difference:.1e} from those of the masked "
            "network.",
            "Choose another format.",
        )
    return difference


def prove_weights(package: RunNetwork, read: Mapping[str, Tensor]) -> str:
    """Compare weights bit for bit and outputs on real images; return what was compared."""
    refuse_other_weights(package.state, read)
    try:
        expected_BK = compute_scores(package.network, package.images_BCHW)
    except UserError as error:
        return f"equal bit for bit; outputs not compared: {error.message.rstrip('.')}"
    if not bool(expected_BK.isfinite().all()):
        return "equal bit for bit; outputs not compared: they are not finite numbers"
    refuse_other_outputs(expected_BK, outputs_with(package, read), "The file read back")
    return f"equal bit for bit, and in its outputs on {len(expected_BK)} images"
