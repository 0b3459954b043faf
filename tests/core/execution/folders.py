"""What tests of runs look at in a run folder."""

from __future__ import annotations

import torch
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.events import Progress
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Recipe, Training
from snip_gui.core.runs import folder as files

SHORT = Recipe(training=Training(epochs=2), pruning=Snip(sparsity=0.95))
STEPS_PER_EPOCH = 13  # 1,257 images in batches of 100

SCORED = {"recipe.json", "summary.json", "init.safetensors", "batch.safetensors",
          "scores.safetensors"}  # fmt: skip
PRUNED = SCORED | {"masks.safetensors", "input_map.png", "layers.png"}
TRAINED = PRUNED | {"metrics.csv", "checkpoint.safetensors", "curves.png"}


def names(folder):
    return {path.name for path in folder.iterdir()}


def model_weights(folder):
    tensors = load_file(folder / files.CHECKPOINT)
    return {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}


def trained(folder):
    """Weights and velocities; the state of torch's global generator is no result."""
    tensors = load_file(folder / files.CHECKPOINT)
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("rng.")}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def cancelling_at(step):
    """A token, and a listener that cancels it once training has come to a step."""
    cancel = CancelToken()

    def listen(event):
        if isinstance(event, Progress) and event.total and event.done >= step:
            cancel.cancel()

    return cancel, listen
