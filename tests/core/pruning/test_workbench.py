from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.images.resident import ResidentImages
from snip_gui.core.methods.scoring import prune
from snip_gui.core.pruning import workbench
from snip_gui.core.recipe.recipe import Picked, Recipe


def test_the_minibatch_is_read_once(bench, monkeypatch):
    made = []

    def read(*arguments):
        made.append(arguments)
        return ResidentImages(*arguments)

    monkeypatch.setattr(workbench, "ResidentImages", read)
    before = bench.minibatch.inputs_KCHW.clone()
    for _ in prune(bench, CancelToken()):
        pass
    assert len(made) == 1
    assert torch.equal(bench.minibatch.inputs_KCHW, before)


def test_the_minibatch_is_that_of_the_recipe(make_bench, digits):
    bench = make_bench(Recipe(minibatch=Picked(indices=(3, 5, 8))))
    indices_K, inputs_KCHW, labels_K = bench.minibatch
    assert indices_K.tolist() == bench.minibatch_indices_K.tolist() == [3, 5, 8]
    np.testing.assert_array_equal(labels_K.numpy(), digits.train_labels_N[indices_K])
    assert inputs_KCHW.shape == (3, 1, 28, 28)


def test_an_empty_minibatch_is_refused_each_time(make_bench):
    bench = make_bench(Recipe(minibatch=Picked(indices=())))
    for _ in range(2):
        with pytest.raises(UserError, match="empty"):
            bench.minibatch  # noqa: B018
