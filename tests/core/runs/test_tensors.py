from __future__ import annotations

import pytest
import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.tensors import save_tensors
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.tensors import load_run_weights, read_masks


def test_masks_belong_to_weights_and_are_zero_or_one(tmp_path):
    weights = {"w": torch.zeros(2, 3)}
    good = torch.tensor([[0, 1, 1], [1, 0, 0]], dtype=torch.uint8)
    save_tensors(tmp_path / files.MASKS, {"w": good})
    assert torch.equal(read_masks(tmp_path, weights)["w"], good)
    for name, mask in (("v", good), ("w", good.T), ("w", good * 2), ("w", good * 1j)):
        save_tensors(tmp_path / files.MASKS, {name: mask})
        with pytest.raises(UserError, match=r"masks\.safetensors” does not fit"):
            read_masks(tmp_path, weights)


def test_only_weights_of_the_same_names_shapes_and_types_are_loaded(tmp_path):
    model, good = nn.Linear(3, 2), nn.Linear(3, 2).state_dict()
    load_run_weights(model, good, tmp_path)
    assert torch.equal(model.weight, good["weight"])
    for change in (
        {"bias": None}, {"more": torch.zeros(1)}, {"bias": torch.zeros(3)},
        {"weight": good["weight"].double()}, {"weight": torch.zeros(1)},
    ):  # fmt: skip
        bad = {k: v for k, v in (good | change).items() if v is not None}
        with pytest.raises(UserError, match="does not fit the network of its run"):
            load_run_weights(model, bad, tmp_path)
