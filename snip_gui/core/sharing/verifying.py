"""Computes the mask of a run again, and compares it with the stored one bit for bit.

If the data set is available, everything is computed from the recipe: initial weights, minibatch and
mask. Otherwise the mask alone, from the weights and images that the run folder holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note
from snip_gui.core.base.machine.devices import set_up, versions
from snip_gui.core.base.network_state import get_weights, split_stored
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.data.images.decoders import Decoders
from snip_gui.core.data.images.image_set import ImageSet
from snip_gui.core.data.images.store import ArrayStore
from snip_gui.core.data.minibatch.curation import Split
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.methods.scoring import prune
from snip_gui.core.models.describe import describe_architecture
from snip_gui.core.models.networks import make_network, without_file_weights
from snip_gui.core.models.own.source import OWN
from snip_gui.core.pruning.workbench import Minibatch, Workbench, build_steps
from snip_gui.core.recipe.methods import find_method
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_recipe, read_summary
from snip_gui.core.runs.network import read_test_images
from snip_gui.core.runs.tensors import load_run_weights, misfit, read_masks
from snip_gui.core.sharing.events import Comparison, Verified

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.batches import Batches
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.runs.folder import Summary


def verify_run(
    folder: Path, environment: Environment, cancel: CancelToken
) -> Generator[Event, None, None]:
    """Compute the mask of a run again; ends with `Verified`. The folder is left unchanged.

    The device and the number of threads are those recorded in the run, because the last bits of
    scores depend on them.

    Raises
    ------
    UserError
        If the run has no mask, a file is missing or damaged, its masks are found by training, its
        method needs more images than the folder holds, or its network is user-supplied and running
        the code was not agreed to.
    Cancelled
        If cancelled meanwhile.
    """
    recipe, summary = read_recipe(folder, to_look=False), read_summary(folder)
    if find_method(recipe.pruning).masks_for == "training":
        raise UserError(
            f"The masks of {find_method(recipe.pruning).title} are found by training.",
            "They can only be computed again by running the recipe once more.",
        )
    if not (folder / files.MASKS).exists():
        raise UserError(
            f"“{folder.name}” has no mask to verify.", "Resume the run at least until it is pruned."
        )
    environment = replace(environment, device=summary.device, num_threads=summary.num_threads)
    if recipe.model.name == OWN:
        choice = msgspec.structs.replace(recipe.model, file=str(folder / files.NETWORK))
        recipe = msgspec.structs.replace(recipe, model=choice)
    environment = replace(environment, image_folders=(folder / files.IMAGES,))
    init, _ = load_tensors(folder / files.INIT)
    batch, _ = load_tensors(folder / files.BATCH)
    images = yield from _read_images(recipe, folder, environment, cancel)
    comparisons: list[Comparison] = []
    if images is None:
        yield Note("Only the mask is computed again, from the weights and images in the folder.")
        bench: Workbench = _make_stored_bench(recipe, summary, folder, environment, init, batch)
    else:
        bench = yield from build_steps(recipe, environment, images, cancel)
        weights = split_stored(init)[0]
        comparisons.append(_compare("initial weights", weights, get_weights(bench.model)))
        again = {"inputs": bench.minibatch.inputs_KCHW, "labels": bench.minibatch.labels_K}
        comparisons.append(_compare("minibatch", batch, again))
    scored = yield from prune(bench, cancel)
    masks = read_masks(folder, split_stored(init)[0])
    found = scored.masks.mask_at(scored.num_kept_at(recipe.pruning.sparsity))
    again = {name: torch.from_numpy(mask.astype(np.uint8)) for name, mask in found.items()}
    comparisons.append(_compare("mask", masks, again))
    here = versions()
    yield Verified(
        "folder" if images is None else "recipe",
        tuple(comparisons),
        {
            name: (version, here[name])
            for name, version in summary.versions.items()
            if here.get(name, version) != version
        },
    )


def _read_images(
    recipe: Recipe, folder: Path, environment: Environment, cancel: CancelToken
) -> Generator[Event, None, ImageSet | None]:
    """Read the data set; returns None if it or the file of initial weights is not available."""
    weights = recipe.model.weights
    if weights and not Path(weights).is_file():
        yield Note(f"“{weights}”, the file of its initial weights, is not available.")
        return None
    images = yield from read_test_images(folder, environment, cancel)
    if images is None:
        yield Note("The data set of the run is not available.")
    return images


def _compare(subject: str, stored: Mapping[str, Tensor], again: Mapping[str, Tensor]) -> Comparison:
    """Compare tensors by name; those of which one is missing or has another shape differ."""
    num_values = num_different = 0
    for name in stored.keys() | again.keys():
        one, other = stored.get(name), again.get(name)
        size = max(tensor.numel() for tensor in (one, other) if tensor is not None)
        num_values += size
        if one is None or other is None or (one.shape, one.dtype) != (other.shape, other.dtype):
            num_different += size
        else:
            other = other.detach().cpu()
            # NaN equals NaN: both are the same value, computed again.
            differs = (one != other) & ~((one != one) & (other != other))
            num_different += int(differs.count_nonzero())
    return Comparison(subject, num_values, num_different)


@dataclass(frozen=True, eq=False)
class _StoredBench(Workbench):
    """A workbench with the minibatch of a run folder, and no other images."""

    stored: Minibatch | None = None

    @property
    def minibatch(self) -> Minibatch:
        """The stored images."""
        assert self.stored is not None
        return self.stored

    @property
    def minibatch_indices_K(self) -> NDArray[np.int64]:
        """Unknown, as the data set is not available: all -1."""
        assert self.stored is not None
        return self.stored.indices_K

    def training_batches(self) -> Batches:
        """Raise `UserError`, because the folder holds no other images."""
        raise self._no_images()

    def batches(self, part: str, indices: NDArray[np.int64] | None = None) -> Batches:
        """Raise `UserError`, because the folder holds no other images."""
        raise self._no_images()

    def _no_images(self) -> UserError:
        return UserError(
            f"{find_method(self.recipe.pruning).title} scores images that the run folder does not "
            "hold, and the data set is not available.",
            "Name the folder or file of the images.",
            field="data.name",
        )


def _make_stored_bench(
    recipe: Recipe,
    summary: Summary,
    folder: Path,
    environment: Environment,
    init: Mapping[str, Tensor],
    batch: Mapping[str, Tensor],
) -> _StoredBench:
    """Return a workbench with the initial weights and the minibatch in a run folder."""
    inputs_KCHW, labels_K = batch.get("inputs"), batch.get("labels")
    if inputs_KCHW is None or labels_K is None or inputs_KCHW.dim() != 4:
        raise misfit(folder / files.BATCH, "it holds no images with labels")
    if len(inputs_KCHW) != len(labels_K) or not len(labels_K):
        raise misfit(folder / files.BATCH, "it does not hold one label for each image")
    device = set_up(environment)
    _, channels, rows, columns = inputs_KCHW.shape
    shape, num_classes = (channels, rows, columns), len(summary.classes)
    choice = without_file_weights(recipe.model)
    network = make_network(choice, shape, num_classes, seed=0, trusted=environment.trusted_code)
    load_run_weights(network.module, dict(init), folder / files.INIT)
    model = network.module.to(device)
    pruning = recipe.pruning
    none = np.zeros(0, np.int64)
    return _StoredBench(
        recipe=recipe,
        images=_describe_images(recipe, summary, shape),
        split=Split(none, none),
        device=device,
        model=model,
        architecture=describe_architecture(model, shape, shape, num_classes, network.computed),
        prunable=prunable_parameters(
            model, biases=pruning.prunable == "weights-and-biases", exclude=pruning.exclude
        ),
        decoders=Decoders(1),
        trusted_code=environment.trusted_code,
        stored=Minibatch(np.full(len(labels_K), -1), inputs_KCHW.to(device), labels_K.to(device)),
    )


def _describe_images(recipe: Recipe, summary: Summary, shape: tuple[int, int, int]) -> ImageSet:
    """Return the data set of a run without any image."""
    none = ArrayStore(np.zeros((0, *shape), np.uint8))
    labels = np.zeros(0, np.int64)
    return ImageSet(
        name=recipe.data.name,
        title=recipe.data.name,
        classes=summary.classes,
        train_images=none,
        train_labels_N=labels,
        test_images=none,
        test_labels_N=labels,
        mean_C=summary.mean,
        deviation_C=summary.deviation,
        digest=summary.data_digest,
        kept="",
    )
