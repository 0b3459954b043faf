"""Writes the files of a run that precede training: inputs, scores, masks and pictures."""

from __future__ import annotations

import datetime
import hashlib
from typing import TYPE_CHECKING

from snip_gui.core.base.files import write_bytes, write_text
from snip_gui.core.base.machine.devices import versions
from snip_gui.core.base.network_state import stored_state
from snip_gui.core.base.tensors import as_tensor, save_tensors
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.data.minibatch.own_images import copy_images
from snip_gui.core.graph.layout import split_flat
from snip_gui.core.methods.scoring import make_scored
from snip_gui.core.models.own.running import executed_source
from snip_gui.core.models.own.source import OWN
from snip_gui.core.pruning.edits.edited import EditedRanking
from snip_gui.core.pruning.events import Pruned
from snip_gui.core.pruning.mask_source import OneMask
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import LayerSummary, Summary
from snip_gui.core.runs.placing import run_digest
from snip_gui.core.views.png_files import save_input_map, save_layer_bars

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from snip_gui.core.base.environment import Environment
    from snip_gui.core.pruning.masked_model import MaskedModel
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.pruning.workbench import Workbench


def write_scored(
    folder: Path, bench: Workbench, scored: Scored, num_kept: int, environment: Environment
) -> Summary:
    """Write recipe, scored weights, scored images and scores; return the summary so far."""
    _, inputs_KCHW, labels_K = bench.minibatch
    batch = {"inputs": inputs_KCHW.cpu(), "labels": labels_K.cpu()}
    write_text(folder / files.RECIPE, encode_recipe(bench.recipe))
    if bench.recipe.model.name == OWN:
        # The source that ran, because the file may have been edited since.
        write_bytes(folder / files.NETWORK, executed_source(bench.recipe.model.file_digest))
    copy_images(bench.recipe, bench.image_folders, folder / files.IMAGES)
    save_tensors(folder / files.INIT, stored_state(bench.model))
    save_tensors(folder / files.BATCH, batch)
    if scored.masks.scores is not None:
        parts = split_flat(scored.masks.scores, scored.layout)
        save_tensors(folder / files.SCORES, {name: as_tensor(part) for name, part in parts.items()})
    images = bench.images
    edited = scored.masks if isinstance(scored.masks, EditedRanking) else None
    return Summary(
        state="scored",
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        num_parameters=scored.layout.num_parameters,
        num_kept=num_kept,
        num_zero_scores=scored.num_zero,
        num_weights=sum(tensor.size for tensor in scored.layout.tensors if tensor.is_weight),
        batch_digest=_digest(batch),
        data_digest=images.digest,
        mean=images.mean_C,
        deviation=images.deviation_C,
        classes=images.classes,
        layers=tuple(
            LayerSummary(layer=row.layer, kept=row.kept, total=row.total)
            for row in scored.layer_rows(num_kept)
        ),
        score_seconds=scored.seconds,
        num_edited_kept=edited.num_edited_kept if edited else 0,
        num_edited_removed=edited.num_edited_removed if edited else 0,
        outside=dict(bench.architecture.outside),
        remarks=bench.architecture.remarks,
        device=str(bench.device),
        num_threads=environment.num_threads,
        data_folder=str(environment.data_folder or ""),
        recipe_digest=run_digest(bench.recipe),
        versions=versions(),
    )


def write_masks(folder: Path, bench: Workbench, masked: MaskedModel) -> None:
    """Write and draw the masks found during training."""
    masks = {name: (mask != 0).cpu().numpy() for name, mask in masked.masks().items()}
    save_tensors(folder / files.MASKS, {k: as_tensor(v.astype("uint8")) for k, v in masks.items()})
    scored = make_scored(bench, Pruned(OneMask(bench.prunable.layout, masks)))
    draw_pruned(folder, scored, scored.num_kept_at(0))


def draw_pruned(folder: Path, scored: Scored, num_kept: int) -> None:
    """Draw the input map and the sparsity of each layer."""
    sparsity = sparsity_text(1 - num_kept / scored.layout.num_parameters)
    title = f"{scored.model.title}, {sparsity} removed"
    fractions = scored.input_fractions(num_kept)
    if not isinstance(fractions, str):
        save_input_map(folder / "input_map.png", fractions, title)
    save_layer_bars(folder / "layers.png", scored.layer_rows(num_kept), title)


def _digest(batch: Mapping[str, Tensor]) -> str:
    """Return a digest of the preprocessed scored images and their labels."""
    digest = hashlib.sha256()
    for tensor in batch.values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
