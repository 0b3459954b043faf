"""Files in which weights lie among everything else that a training keeps."""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import types

import numpy as np
import pytest
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.weight_files.nested import find_states
from snip_gui.core.weight_files.reading import read_checkpoint, read_checkpoints

STATE = {"fc1.weight": torch.arange(12.0).reshape(3, 4), "fc1.bias": torch.zeros(3)}
OPTIMIZER = {
    "state": {0: {"exp_avg": torch.ones(3, 4), "step": torch.tensor(1.0)}},
    "param_groups": [{"lr": 0.1, "params": [0]}],
}


@pytest.mark.parametrize(
    "path",
    ["", "net", "weights", "params", "model_state", "model_ema", "a.b.c", "any thing", "models.0"],
)
def test_weights_are_found_wherever_they_are(path):
    loaded = dict(STATE)
    for name in reversed(path.split(".") if path else []):
        loaded = [loaded] if name == "0" else {name: loaded}
    assert find_states(loaded) == {path: STATE}


def test_nothing_else_that_a_training_keeps_is_mistaken_for_weights():
    by_name = {"fc1.weight": torch.ones(3, 4), "fc1.bias": torch.ones(3)}
    loaded = {
        "net": STATE,
        "optimizer": OPTIMIZER,
        "opt": by_name,
        "optim_state_dict": by_name,
        "optimizer_states": [OPTIMIZER],
        "trainer": {"state": OPTIMIZER, "adam": {"exp_avg": by_name, "exp_avg_sq": by_name}},
        "moments": {"fc1.weight": {"exp_avg": torch.ones(3, 4), "momentum_buffer": STATE}},
        "scheduler": {"last_epoch": 3, "_last_lr": [0.1]},
        "rng": torch.zeros(8, dtype=torch.uint8),
        "epoch": 3,
        "history": [0.1, {"loss": 0.2}],
    }
    assert find_states(loaded) == {"net": STATE}


def test_what_refers_to_itself_is_searched_once():
    loaded: dict = {"net": STATE}
    loaded["again"] = loaded
    loaded["list"] = [loaded]
    assert find_states(loaded) == {"net": STATE}


def test_vectors_are_weights_only_where_there_is_no_matrix():
    vectors = {"mean": torch.zeros(3)}
    assert find_states({"net": STATE, "norm": vectors}) == {"net": STATE}
    assert find_states({"norm": vectors}) == {"norm": vectors}


def test_several_sets_have_to_be_chosen_among(tmp_path):
    path = tmp_path / "net.pt"
    average = {name: tensor + 1 for name, tensor in STATE.items()}
    torch.save({"model": {"net": STATE}, "model_ema": average, "optimizer": OPTIMIZER}, path)
    assert [one.key for one in read_checkpoints(path)] == ["model_ema", "model.net"]
    with pytest.raises(UserError, match=r"“model_ema” and “model\.net”") as caught:
        read_checkpoint(path)
    assert "--weights-key model_ema" in caught.value.hint
    chosen = read_checkpoint(path, "model_ema")
    assert torch.equal(chosen.state["fc1.bias"], torch.ones(3))
    with pytest.raises(UserError, match="no weights under “ema”") as caught:
        read_checkpoint(path, "ema")
    assert "“model_ema”" in caught.value.hint


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (torch.zeros(3, 4, device="meta"), "no values"),
        (torch.zeros(3, 4).to_sparse(), "not an ordinary tensor"),
    ],
)
def test_a_tensor_without_numbers_is_named(tmp_path, odd, said):
    torch.save({"net": STATE | {"odd": odd}}, tmp_path / "net.pt")
    with pytest.raises(UserError, match=f"“odd” .*{said}"):
        read_checkpoint(tmp_path / "net.pt")


class Spy:
    """Runs a command of the system when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


BESIDE = {
    "number": np.float64(0.5),
    "numbers": np.arange(3),
    "arguments": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("x"), best=np.int64(3)),
    "settings": types.SimpleNamespace(when=datetime.datetime(2020, 1, 1)),
    "path": pathlib.Path("x"),
    "random": np.random.RandomState(0).get_state(),
}


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("name", list(BESIDE))
def test_what_a_script_saves_beside_weights_is_skipped(tmp_path, name, is_zip):
    path = tmp_path / "net.pt"
    torch.save(
        {"model": STATE, "more": [BESIDE[name]]}, path, _use_new_zipfile_serialization=is_zip
    )
    found = read_checkpoint(path)
    assert found.state.keys() == STATE.keys()
    with pytest.raises(Exception, match="Unsupported global"):  # as before, for everybody else
        torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    "wrap", [lambda spy: argparse.Namespace(spy=spy), lambda spy: np.array([spy], object)]
)
def test_code_in_what_is_skipped_does_not_run(tmp_path, wrap):
    torch.save({"model": STATE, "more": wrap(Spy(tmp_path / "ran"))}, tmp_path / "net.pt")
    with pytest.raises(UserError, match="it could run code"):
        read_checkpoint(tmp_path / "net.pt")
    assert not (tmp_path / "ran").exists()


def test_weights_that_are_arrays_are_missing_rather_than_skipped(tmp_path):
    torch.save({"fc1.weight": np.zeros((3, 4))}, tmp_path / "net.pt")
    with pytest.raises(UserError, match="it holds no"):
        read_checkpoint(tmp_path / "net.pt")
