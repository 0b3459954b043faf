"""What an export writes: the pruned network of a run, with everything that describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from snip_gui.core import run_folder as files
from snip_gui.core.errors import UserError
from snip_gui.core.tensors import load_tensors
from snip_gui.core.training.checkpoint import model_state

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Package:
    """A pruned network.

    Attributes
    ----------
    state
        The state_dict, removed weights exactly zero.
    masks
        uint8 masks, 1 where kept, by state_dict key; prunable parameters only.
    manifest
        JSON-ready description: recipe, data, counts, errors, versions.
    """

    state: dict[str, Tensor]
    masks: dict[str, Tensor]
    manifest: dict[str, Any]


def package_run(folder: Path) -> Package:
    """Read what there is to export of a run.

    The weights are those of the last checkpoint, or where training would begin if there is none.

    Raises
    ------
    UserError
        If the run has no mask, or a file is missing or damaged.
    """
    recipe, summary = files.read_recipe(folder), files.read_summary(folder)
    if not (folder / files.MASKS).exists():
        raise UserError(
            f"“{folder.name}” has no mask to export.", "Let the run go on at least to pruning."
        )
    masks, _ = load_tensors(folder / files.MASKS)
    state, step = _newest_weights(folder)
    for name, mask in masks.items():
        state[name] = state[name].masked_fill(mask == 0, 0)
    # A diverged run went on after its last checkpoint: what it measured is not of these weights.
    measured = summary.final if step == summary.step else {}
    manifest = {
        "format": 1,
        "producer": "snip-gui",
        "recipe": msgspec.to_builtins(recipe),
        "state": summary.state,
        "trained": step > 0,
        "steps": step,
        "sparsity_asked": recipe.pruning.sparsity,
        "sparsity_reached": summary.sparsity,
        "num_parameters": summary.num_parameters,
        "num_kept": summary.num_kept,
        "layers": msgspec.to_builtins(summary.layers),
        "batch_digest": summary.batch_digest,
        "normalisation": {"mean": list(summary.mean), "deviation": list(summary.deviation)},
        "classes": list(summary.classes),
        "errors": {split: 1 - final.accuracy for split, final in measured.items()},
        "versions": summary.versions,
    }
    return Package(state, masks, manifest)


def _newest_weights(folder: Path) -> tuple[dict[str, Tensor], int]:
    """Return the newest weights of a run, and how many steps they were trained."""
    if (folder / files.CHECKPOINT).exists():
        tensors, metadata = load_tensors(folder / files.CHECKPOINT)
        return model_state(tensors), int(metadata.get("step", 0))
    start = folder / files.START
    tensors, _ = load_tensors(start if start.exists() else folder / files.INIT)
    return tensors, 0
