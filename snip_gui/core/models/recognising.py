"""Recognises which network a checkpoint belongs to, and builds a recipe that continues from it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.network_state import get_weights
from snip_gui.core.graph.parameters import own_prunable, prunable_parameters
from snip_gui.core.models.catalogue import MODELS
from snip_gui.core.models.events import CheckpointFound, SeveralFound, WeightSet
from snip_gui.core.models.fitting import fitted, misfits, refuse_codes, sentence, shared
from snip_gui.core.models.networks import (
    SUGGESTED,
    TORCHVISION,
    Images,
    find_input_shape,
    find_network,
    without_file_weights,
)
from snip_gui.core.models.own.source import OWN, candidates, digest_file, read_source
from snip_gui.core.recipe.json import from_builtins
from snip_gui.core.recipe.methods import Magnitude
from snip_gui.core.recipe.recipe import ModelChoice, Recipe
from snip_gui.core.weight_files.checkpoint import distinct
from snip_gui.core.weight_files.reading import read_checkpoints

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Mapping, Sequence

    from torch import Tensor, nn

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.weight_files.checkpoint import Checkpoint

_LOADER = ".load.py"


def inspect(
    path: Path,
    recipe: Recipe,
    images: Images | None,
    environment: Environment,
    cancel: CancelToken,
    key: str = "",
    datasets: Collection[str] = (),
) -> Iterator[Event]:
    """Read a checkpoint and identify it.

    Ends with `CheckpointFound`, or with `SeveralFound` if the file has several sets of weights that
    fit a network, such as an average beside the last ones.

    Parameters
    ----------
    recipe
        The current recipe: its network is one of those tried, and its data set is used if the file
        names none.
    images
        Images of the current data set; None if none is loaded.
    key
        Location of the weights in the file; empty to search for them.
    datasets
        Names of the data sets that exist: if the file names another, the current one is used.

    Raises
    ------
    UserError
        If it cannot be read, or no known network fits it.
    """
    yield Progress(f"Reading {path.name}")
    found: list[CheckpointFound] = []
    errors: list[UserError] = []
    context = _Context(path, recipe, images, environment, key, datasets)
    for checkpoint in read_checkpoints(path, key):
        try:
            found.append((yield from _identify(checkpoint, context, cancel)))
        except UserError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    if len(found) > 1:
        yield SeveralFound(path, tuple(WeightSet(one.key, one.num_values) for one in found))
    else:
        yield found[0]


@dataclass(frozen=True)
class _Context:
    """The arguments of `inspect`."""

    path: Path
    recipe: Recipe
    images: Images | None
    environment: Environment
    key: str
    datasets: Collection[str]


def _identify(
    checkpoint: Checkpoint, context: _Context, cancel: CancelToken
) -> Generator[Event, None, CheckpointFound]:
    """Identify a single set of weights; raises as `inspect` does."""
    path, recipe = context.path, context.recipe
    _refuse_bad_numbers(checkpoint, path)
    _as_pruned(path, find_masks(checkpoint))  # refuses a file of zeros only
    if "shrunk" in checkpoint.manifest:
        raise UserError(
            f"“{path.name}” holds a shrunk network, which fits only its own module definition.",
            "Load it with the “.load.py” file beside it, or open another export.",
        )
    written = _read_recipe(checkpoint)
    if written is not None and context.datasets and written.data.name not in context.datasets:
        yield Note(
            f"“{path.name}” names the data set “{written.data.name}”, which does not exist here; "
            "the current one is used instead."
        )
        written = msgspec.structs.replace(written, data=recipe.data, minibatch=recipe.minibatch)
    images = _read_images(checkpoint) or context.images
    if images is None:
        raise UserError("There are no images to open it with.", "Choose a data set first.")
    base = recipe if written is None else written
    found: list[Recipe] = []
    reasons: list[str] = []
    source = {"weights": str(path.absolute()), "weights_digest": digest_file(path)}
    for choice in _choices(path, base, recipe):
        cancel.raise_if_cancelled()
        with_weights = msgspec.structs.replace(choice, **source, weights_key=context.key)
        try:
            yield Progress(f"Trying {find_network(choice).title}")
            found.append(
                _continue_from(checkpoint, path, with_weights, base, images, context.environment)
            )
        except UserError as error:
            reasons.append(error.message)
    if not found:
        raise UserError(
            f"No known network fits “{path.name}”. {reasons[0]}",
            "Choose its network and data set under Setup, then open it again.",
        )
    state = distinct(checkpoint.state)
    return CheckpointFound(
        path=path,
        title=checkpoint.title,
        key=checkpoint.key,
        num_tensors=len(state),
        num_values=sum(tensor.numel() for tensor in state.values()),
        mask_from="its mask" if checkpoint.masks else "its zeros",
        recipes=tuple(found),
        knows_recipe=written is not None,
        errors=_read_errors(checkpoint),
    )


def fitting_recipe(
    checkpoint: Checkpoint, path: Path, base: Recipe, model: nn.Module, choice: ModelChoice
) -> Recipe:
    """Return the recipe with the network, mask and sparsity of a checkpoint."""
    masks = shared(find_masks(checkpoint), model)  # a shared weight is pruned in all its layers
    masks = {name: masks[name] for name, p in model.named_parameters(remove_duplicate=False)
             if name in masks and masks[name].shape == p.shape}  # fmt: skip
    excluded = tuple(
        layer
        for layer, module in model.named_modules()
        if own_prunable(module)
        and not any(name.startswith(f"{layer}." if layer else "") for name in masks)
    )
    has_biases = any(mask.dim() == 1 for mask in masks.values())
    layout = prunable_parameters(model, biases=has_biases, exclude=excluded).layout
    masks = {t.name: masks.get(t.name, torch.ones(t.shape)) for t in layout.tensors}
    pruning = msgspec.structs.replace(_as_pruned(path, masks), exclude=excluded)
    return msgspec.structs.replace(base, model=choice, pruning=pruning)


def _as_pruned(path: Path, masks: Mapping[str, Tensor]) -> Magnitude:
    """Return pruning settings that reproduce masks; raises `UserError` if they keep nothing."""
    total = sum(mask.numel() for mask in masks.values())
    kept = sum(int((mask != 0).sum()) for mask in masks.values())
    if kept == 0:
        raise UserError(f"Every weight in “{path.name}” is zero.", "Choose another file.")
    has_biases = any(mask.dim() == 1 for mask in masks.values())
    return Magnitude(
        sparsity=1 - kept / total, prunable="weights-and-biases" if has_biases else "weights"
    )


def find_masks(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Return the masks of a checkpoint; if it has none, zero weights count as removed.

    Zero biases are ignored, because biases start at zero, unless the file states that biases were
    pruned too.
    """
    written = _read_recipe(checkpoint)
    dense = () if written is None else tuple(f"{name}." for name in written.pruning.exclude)
    state = distinct(checkpoint.state)
    numbers = {n: t for n, t in state.items() if t.is_floating_point()}
    masks = dict(checkpoint.masks)
    if not masks:
        masks = {n: t != 0 for n, t in numbers.items() if t.dim() > 1 and not n.startswith(dense)}
    has_biases = any(mask.dim() == 1 for mask in masks.values())
    if written is None or written.pruning.prunable == "weights" or has_biases:
        return masks
    layers = {name.rpartition(".")[0] for name in masks}
    for name, tensor in numbers.items():
        layer, _, part = name.rpartition(".")
        if layer in layers and "bias" in part:
            masks[name] = tensor != 0
    return masks


def _continue_from(
    checkpoint: Checkpoint,
    path: Path,
    choice: ModelChoice,
    base: Recipe,
    images: Images,
    environment: Environment,
) -> Recipe:
    """Return a recipe that continues with a network; raises `UserError` if it does not fit."""
    if choice.name == OWN and choice.file_digest not in environment.trusted_code:
        # Its code must not run without consent, so only the file can be checked.
        _refuse_other_code(choice)
        pruning = _as_pruned(path, find_masks(checkpoint))
        return msgspec.structs.replace(base, model=choice, pruning=pruning)
    shape = find_input_shape(choice, images.shape, images.num_classes)
    model = empty_network(choice, shape, images.num_classes, environment)
    checkpoint = fitted(checkpoint, model)
    _refuse_other(checkpoint, model, choice)
    return fitting_recipe(checkpoint, path, base, model, choice)


def _refuse_other_code(choice: ModelChoice) -> None:
    """Raise `UserError` unless the file of a network exists and is the one that was used.

    The choice may come from the description in a checkpoint of unknown origin.
    """
    path = Path(choice.file)
    if not path.is_absolute():  # what it means depends on where the program was started
        raise UserError(f"“{path}”, the file of the network, is not a full path.")
    if read_source(path).digest != choice.file_digest:
        raise UserError(f"“{path}” has changed since the checkpoint was saved.")


def empty_network(
    choice: ModelChoice,
    shape: tuple[int, int, int],
    num_classes: int,
    environment: Environment,
) -> nn.Module:
    """Return a network on the meta device, or with values if it is user-supplied."""
    if choice.name == OWN:
        from snip_gui.core.models.own.running import make_own

        return make_own(choice, shape, num_classes, environment.trusted_code)[0]
    if choice.name.startswith(TORCHVISION):
        from snip_gui.core.models.torchvision_models import shape_only

        return shape_only(shape, num_classes, choice.name.removeprefix(TORCHVISION))
    with torch.device("meta"):
        return find_network(choice).build(shape, num_classes)


def _refuse_other(checkpoint: Checkpoint, model: nn.Module, choice: ModelChoice) -> None:
    """Raise `UserError` unless the checkpoint fits a network; the last layer may differ."""
    if problems := misfits(model, checkpoint.state):
        raise UserError(f"For {find_network(choice).title}, {sentence(problems)}.")
    refuse_codes(get_weights(model), checkpoint.state)


def _choices(path: Path, base: Recipe, recipe: Recipe) -> Sequence[ModelChoice]:
    """Return the networks to try: that of the file, the current one, then all others."""
    own = [*_read_loader(path.with_name(path.name + _LOADER))]
    first = [without_file_weights(r.model) for r in (base, recipe)]
    first = [c for c in first if c.name != OWN or c.file]
    names = [*MODELS.names, *(TORCHVISION + name for name in SUGGESTED)]
    known = {choice.name for choice in first}
    rest = [ModelChoice(name=name) for name in names if name not in known]
    return list(dict.fromkeys([*own, *first, *rest]))


def _read_loader(path: Path) -> Iterator[ModelChoice]:
    """Yield the network in the loader beside a checkpoint, if there is a valid one."""
    with contextlib.suppress(UserError):  # the checkpoint is usable without it
        if path.is_file() and "Network" in candidates(source := read_source(path)):
            file = str(path.absolute())
            yield ModelChoice(name=OWN, file=file, symbol="Network", file_digest=source.digest)


def _read_recipe(checkpoint: Checkpoint) -> Recipe | None:
    """Return the recipe stored in a file; None if there is no usable one."""
    raw = checkpoint.manifest.get("recipe")
    if not isinstance(raw, dict) or "shrunk" in checkpoint.manifest:
        return None
    try:
        return from_builtins(raw)
    except UserError:
        return None  # of a newer version; the weights are usable all the same


def _read_images(checkpoint: Checkpoint) -> Images | None:
    """Return the image shape and classes stated in the file."""
    shape, classes = (checkpoint.manifest.get(key) for key in ("input_shape", "classes"))
    if not isinstance(shape, list) or len(shape) != 3 or not isinstance(classes, list):
        return None
    if not classes or not all(isinstance(side, int) and 0 < side <= 4096 for side in shape):
        return None
    channels, rows, columns = shape
    return Images((channels, rows, columns), len(classes))


def _read_errors(checkpoint: Checkpoint) -> tuple[tuple[str, float], ...]:
    errors = checkpoint.manifest.get("errors", {})
    if not isinstance(errors, dict):
        return ()
    return tuple((str(split), e) for split, e in errors.items() if isinstance(e, float))


def _refuse_bad_numbers(checkpoint: Checkpoint, path: Path) -> None:
    for name, tensor in checkpoint.state.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise UserError(
                f"“{name}” in “{path.name}” holds values that are not finite.",
                "If the training diverged, choose an earlier checkpoint.",
            )
