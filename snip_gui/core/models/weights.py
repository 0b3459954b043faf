"""Loads weights from a file into a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.network_state import get_weights
from snip_gui.core.models.fitting import last_layer, read_fitting, refuse_codes

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


def load_weights(model: nn.Module, path: Path, key: str = "") -> list[str]:
    """Load the weights of a file into a network; return sentences for the log.

    They say where in the file the weights are, if they are nested, and whether any were randomly
    initialised: if the last layer differs in the number of classes, it stays as initialised.

    Parameters
    ----------
    key
        Location of the weights in the file; empty to search for the only set that fits.

    Raises
    ------
    UserError
        If the file cannot be read or does not fit the network; the error names the mismatch.
    """
    wanted = get_weights(model)
    checkpoint = read_fitting(model, path, key)
    state = {name: tensor for name, tensor in checkpoint.state.items() if name in wanted}
    refuse_codes(wanted, state)
    key_note = f"The weights are those under “{checkpoint.key}” in “{path.name}”."
    notes = [key_note] if checkpoint.key else []
    if any(tensor.shape != wanted[name].shape for name, tensor in state.items()):
        last = last_layer(model)
        state = {name: t for name, t in state.items() if not name.startswith(f"{last}.")}
        notes.append(
            f"The last layer “{last}” of “{path.name}” has a different number of classes and was "
            "randomly initialised."
        )
    model.load_state_dict(state, strict=False)
    return notes
