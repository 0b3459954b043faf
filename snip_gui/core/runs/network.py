"""The pruned network of a run, with its description.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.base.network_state import split_stored
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.data.sets.loading import read_images, read_options_for
from snip_gui.core.models.networks import make_network, without_file_weights
from snip_gui.core.models.own.source import OWN
from snip_gui.core.recipe.json import load_plugins, recipe_to_builtins, refuse_missing
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_recipe, read_summary
from snip_gui.core.runs.tensors import check_masks, load_run_weights, misfit, read_masks
from snip_gui.core.training.checkpoint import mask_state, model_state

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping

    from torch import Tensor, nn

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import ModelChoice

# Enough to distinguish two networks; more would only take longer.
_COMPARED_IMAGES = 100


@dataclass(frozen=True, eq=False)
class RunNetwork:
    """The pruned network of a run.

    Attributes
    ----------
    folder
        Folder of the run.
    state
        The state_dict, with removed weights exactly zero.
    masks
        uint8 masks, 1 where kept, by state_dict key; prunable parameters only.
    manifest
        JSON-ready description: recipe, data, counts, errors, versions.
    images_BCHW
        Preprocessed images of the scored minibatch, on which to compare outputs.
    trusted
        Digests of the Python files that the user has agreed to run.
    extra
        Extra state of modules that is not a tensor, by state_dict key.
    """

    folder: Path
    state: dict[str, Tensor]
    masks: dict[str, Tensor]
    manifest: dict[str, Any]
    images_BCHW: Tensor
    choice: ModelChoice
    trusted: Collection[str] = ()
    notes: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def network(self) -> nn.Module:
        """The network in evaluation mode, with removed weights zero.

        Raises
        ------
        UserError
            If it is user-supplied, and running its code was not agreed to or fails; or the package
            that provides it is not installed.
        """
        return self._make()

    def copy_network(self) -> nn.Module:
        """Return a copy of the network; raises `UserError` as `network`."""
        try:
            return copy.deepcopy(self.network)
        except Exception:  # noqa: BLE001 - user-supplied modules may hold what cannot be copied
            return self._make()

    def _make(self) -> nn.Module:
        refuse_missing(self.manifest["recipe"], "model.name")
        _, channels, rows, columns = self.images_BCHW.shape
        num_classes = len(self.manifest["classes"])
        shape = (channels, rows, columns)
        made = make_network(self.choice, shape, num_classes, seed=0, trusted=self.trusted)
        load_run_weights(made.module, self.state | self.extra, self.folder)
        # Runs of earlier versions do not say which names share a tensor: the last one was loaded.
        with torch.no_grad():
            for name, parameter in made.module.named_parameters():
                if name in self.masks:
                    parameter.masked_fill_(self.masks[name] == 0, 0)
        made.module.eval()  # not chained: user-supplied code may override what it returns
        return made.module


def read_network(folder: Path, trusted: Collection[str] = ()) -> RunNetwork:
    """Read the pruned network of a run.

    The weights are those of the last checkpoint, or if there is none, those that training would
    start from.

    Raises
    ------
    UserError
        If the run has no mask, a file is missing or damaged, or weights are not finite.
    """
    recipe, summary = files.read_recipe(folder), files.read_summary(folder)
    if not (folder / files.MASKS).exists():
        raise UserError(
            f"“{folder.name}” has no mask to export.", "Resume the run at least until it is pruned."
        )
    state, extra, step, changed, aliases = _newest_weights(folder)
    if changed:
        check_masks(changed, state, folder / files.CHECKPOINT)
    masks = changed or read_masks(folder, state)
    images_BCHW = _read_scored_images(folder)
    for name in state:
        mask = masks.get(aliases.get(name, name))
        if mask is not None:
            if mask.shape != state[name].shape:
                raise misfit(folder / files.MASKS, f"“{name}” has another shape than its mask")
            state[name] = state[name].masked_fill(mask == 0, 0)
    _refuse_infinite(state, masks, folder)
    kept = dict.fromkeys((row.layer for row in summary.layers), 0)
    for name, mask in masks.items():
        layer = name.rpartition(".")[0]
        if layer not in kept:
            raise misfit(folder / files.SUMMARY, f"it does not know the layer “{layer}”")
        kept[layer] += int(mask.count_nonzero())
    # A diverged run continued after its last checkpoint, so its metrics are not those of these
    # weights.
    measured = summary.final if step == summary.step else {}
    plugins = load_plugins(folder / files.RECIPE)
    manifest = {
        "format": 1,
        "producer": "snip-gui",
        "recipe": recipe_to_builtins(recipe) | ({"plugins": plugins} if plugins else {}),
        "state": summary.state,
        "trained": step > 0,
        "steps": step,
        "sparsity_asked": recipe.pruning.sparsity,
        "sparsity_reached": 1 - sum(kept.values()) / summary.num_parameters,
        "num_parameters": summary.num_parameters,
        "num_kept": sum(kept.values()),
        "layers": [
            {"layer": row.layer, "kept": kept[row.layer], "total": row.total}
            for row in summary.layers
        ],
        "outside": summary.outside,
        "remarks": list(summary.remarks),
        "batch_digest": summary.batch_digest,
        "input_shape": list(images_BCHW.shape[1:]),
        "normalisation": {"mean": list(summary.mean), "deviation": list(summary.deviation)},
        "classes": list(summary.classes),
        "errors": {split: 1 - final.accuracy for split, final in measured.items()},
        "versions": summary.versions,
    }
    choice = without_file_weights(recipe.model)
    if choice.name == OWN:
        choice = msgspec.structs.replace(choice, file=str(folder / files.NETWORK))
    network = RunNetwork(folder, state, masks, manifest, images_BCHW, choice, trusted, extra=extra)
    if step == 0:
        network.notes.append(f"“{folder.name}” is untrained: its weights are the initial ones.")
    elif summary.state == "diverged":
        network.notes.append(
            f"The training of “{folder.name}” diverged: its weights are those of step {step:,}, "
            "before that."
        )
    return network


def _refuse_infinite(state: Mapping[str, Tensor], masks: Collection[str], folder: Path) -> None:
    """Raise `UserError` if a prunable weight, or a tensor that was finite at first, is not finite.

    Other buffers may hold infinities by design, such as masks that are added to attention scores.
    """
    infinite = [name for name, tensor in state.items() if not bool(tensor.isfinite().all())]
    if not infinite:
        return
    initial, _ = load_tensors(folder / files.INIT)
    for name in infinite:
        if name in masks or name not in initial or bool(initial[name].isfinite().all()):
            raise UserError(
                f"“{name}” of “{folder.name}” holds values that are not finite numbers, so its "
                "network has no meaningful outputs.",
                "Choose another run, or train this recipe again with a lower learning rate.",
            )


def _newest_weights(
    folder: Path,
) -> tuple[dict[str, Tensor], dict[str, Any], int, dict[str, Tensor], dict[str, str]]:
    """Return the latest weights of a run, extra state, number of steps, masks, and shared names.

    Masks are returned only if they change during training; otherwise they are in a separate file.
    A checkpoint needs no shared names, because its weights were trained under the mask.
    """
    checkpoint, start = folder / files.CHECKPOINT, folder / files.START
    path = next((p for p in (checkpoint, start) if p.exists()), folder / files.INIT)
    tensors, metadata = load_tensors(path)
    step, masks, aliases = 0, {}, metadata.get("shared", {})
    if path == checkpoint:
        step = metadata.get("step", 0)
        if not isinstance(step, int) or step < 0:
            raise misfit(path, "it does not say after which step it is")
        tensors, masks, aliases = model_state(tensors), mask_state(tensors), {}
    if not isinstance(aliases, dict) or not all(isinstance(v, str) for v in aliases.values()):
        raise misfit(path, "it does not say which names share a tensor")
    try:
        state, extra = split_stored(tensors)
    except ValueError as error:
        raise misfit(path, str(error)) from error
    return state, extra, step, masks, aliases


def _read_scored_images(folder: Path) -> Tensor:
    """Read some of the preprocessed images of the scored minibatch."""
    batch, _ = load_tensors(folder / files.BATCH)
    inputs_BCHW = batch.get("inputs")
    if inputs_BCHW is None or inputs_BCHW.dim() != 4 or not inputs_BCHW.is_floating_point():
        raise misfit(folder / files.BATCH, "it holds no images")
    if not len(inputs_BCHW):
        raise misfit(folder / files.BATCH, "it holds no image")
    return inputs_BCHW[:_COMPARED_IMAGES]


def read_test_images(
    folder: Path, environment: Environment, cancel: CancelToken
) -> Generator[Event, None, ImageSet | None]:
    """Read the data set of a run; returns None if it is not available."""
    recipe, summary = read_recipe(folder), read_summary(folder)
    if environment.data_folder is None and summary.data_folder:
        environment = replace(environment, data_folder=Path(summary.data_folder))
    options = read_options_for(recipe.data, environment)
    place = environment.data_folder
    try:
        images = yield from read_images(recipe.data.name, place, cancel, options)
    except UserError as error:
        yield Note(error.message)
        return None
    return images if images.digest == summary.data_digest else None
