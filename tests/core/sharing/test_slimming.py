"""Slimming frees what it says, loses what it says, and nothing else."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import BusyError, UserError
from snip_gui.core.execution.run import run
from snip_gui.core.export.package import package_run
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.extend import copy_extended, extended
from snip_gui.core.runs.lease import holding
from snip_gui.core.sharing.slimming import (
    PARTS,
    RemovableMeasured,
    Slimmed,
    measure_job,
    measure_parts,
    slim_job,
)
from tests.run_folders import make_run, recipe_with

ALL = [part.name for part in PARTS]
RECIPE = Recipe(
    minibatch=Draw(size=20),
    training=Training(epochs=1, optimizer="adam", learning_rate=0.001),
    pruning=Snip(sparsity=0.95),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    environment = Environment(device="cpu", num_threads=1)
    run(RECIPE, folder, environment, lambda _e: None, CancelToken())
    (folder / files.EVENTS).write_bytes(b"events")
    return folder


@pytest.fixture
def copied(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def disk(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def slim(folder, *parts):
    events = list(slim_job([folder], parts or ALL, CancelToken()))
    return [event for event in events if isinstance(event, Slimmed)]


def test_slimming_frees_what_was_measured(copied):
    before, found = disk(copied), measure_parts(copied)
    assert all(found.values())
    (done,) = slim(copied)
    assert done == Slimmed(copied, sum(found.values()))
    # Headers of rewritten files may differ in length by little.
    assert before - disk(copied) == pytest.approx(done.num_bytes, rel=0.01)
    assert measure_parts(copied) == dict.fromkeys(ALL, 0)


def test_a_slim_checkpoint_holds_the_same_weights(copied):
    before = load_file(copied / files.CHECKPOINT)
    slim(copied, "optimizer")
    after = load_file(copied / files.CHECKPOINT)
    assert after.keys() == {name for name in before if not name.startswith("optimizer.")}
    assert all(torch.equal(before[name], tensor) for name, tensor in after.items())
    with safe_open(copied / files.CHECKPOINT, "pt") as file:
        assert '"step"' in file.metadata()["snip_gui"]


def test_what_remains_is_exported_as_before(whole, copied):
    before = package_run(whole).state
    slim(copied)
    after = package_run(copied).state
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_only_single_steps_leave_the_metrics(copied):
    before = files.read_metrics(copied)
    slim(copied, "timelines")
    assert files.read_metrics(copied) == [p for p in before if p.split != "train"]
    assert not (copied / files.EVENTS).exists()
    assert (copied / files.SCORES).exists()


def test_a_run_without_optimizer_state_is_not_extended(copied, tmp_path):
    slim(copied, "optimizer")
    with pytest.raises(UserError, match="optimizer state was removed"):
        copy_extended(copied, tmp_path / "longer", extended(RECIPE, 1))
    assert not (tmp_path / "longer").exists()


def test_a_run_that_can_be_resumed_keeps_its_optimizer_state(whole, tmp_path):
    folder = make_run(tmp_path, "halted", recipe_with(), state="stopped")
    shutil.copy(whole / files.CHECKPOINT, folder)
    data = (folder / files.CHECKPOINT).read_bytes()
    assert measure_parts(folder)["optimizer"] == 0
    slim(folder)
    assert (folder / files.CHECKPOINT).read_bytes() == data


def test_a_run_in_use_is_left_alone(copied):
    before = disk(copied)
    with holding(copied):
        held = disk(copied)
        with pytest.raises(BusyError):
            slim(copied)
        assert disk(copied) == held
    assert disk(copied) == before


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff" * 64, b"\x02" + bytes(7) + b"[]", b"\x09" + bytes(7) + b'{"a": {}}'],
    ids=["empty", "too long", "a list", "no place"],
)
def test_a_damaged_checkpoint_is_left_unchanged(copied, data):
    (copied / files.CHECKPOINT).write_bytes(data)
    with pytest.raises(UserError, match="damaged"):
        slim(copied, "optimizer")
    assert (copied / files.CHECKPOINT).read_bytes() == data


def test_a_checkpoint_that_is_cut_is_left_unchanged(copied):
    path = copied / files.CHECKPOINT
    path.write_bytes(path.read_bytes()[:-200_000])
    data = path.read_bytes()
    with pytest.raises(UserError, match="damaged"):
        slim(copied, "optimizer")
    assert path.read_bytes() == data


def test_what_is_not_a_run_is_refused(tmp_path):
    (tmp_path / files.SCORES).write_bytes(b"mine")
    with pytest.raises(UserError):
        slim(tmp_path)
    assert (tmp_path / files.SCORES).exists()


def test_runs_are_measured_together_and_a_damaged_one_counts_as_nothing(copied, tmp_path):
    (tmp_path / "none").mkdir()
    *_, found = measure_job([copied, tmp_path / "none"], CancelToken())
    assert found == RemovableMeasured((copied, tmp_path / "none"), measure_parts(copied))
