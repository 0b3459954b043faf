"""A system that is killed in any of its phases ends as if it had not been: real processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.execution.resume import resume
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.recipe.methods import Han, Imp
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.runs.folder import read_summary
from tests.core.execution.folders import STEPS_PER_EPOCH, same, trained
from tests.core.execution.test_methods import masks_of
from tests.core.execution.test_systems import RECIPES, TRAINING

pytestmark = pytest.mark.slow

SYSTEMS = RECIPES | {
    "han": Recipe(training=TRAINING, pruning=Han(sparsity=0.9, rounds=2, retrain_epochs=1)),
    "imp": Recipe(training=TRAINING, pruning=Imp(sparsity=0.9, rounds=2)),
}

# Runs a recipe, with a checkpoint at every step, and kills itself at a step.
CHILD = """
import os, signal, sys
from pathlib import Path
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.events import Progress
from snip_gui.core.execution import book
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.json import load_recipe

recipe, folder, step = sys.argv[1:]
book._CHECKPOINT_SECONDS = -1.0

def kill(event):
    if isinstance(event, Progress) and event.total and event.done >= int(step):
        os.kill(os.getpid(), signal.SIGKILL)

environment = Environment(device="cpu", num_threads=1)
run(load_recipe(Path(recipe)), Path(folder), environment, kill, CancelToken())
"""


ENVIRONMENT = Environment(device="cpu", num_threads=1)


# Other phases are killed in this process by tests of `snip_gui.core.execution`, which is faster.
PHASES = {"lc": 1, "dns": 2, "layer-obs": 1, "sparse-vd": 2, "l0": 0, "han": 1, "imp": 2}


@pytest.mark.parametrize(("name", "phase"), list(PHASES.items()))
def test_a_system_that_was_killed_ends_as_if_it_had_not_been(name, phase, tmp_path):
    recipe, step = tmp_path / "recipe.json", phase * STEPS_PER_EPOCH + 5
    recipe.write_text(encode_recipe(SYSTEMS[name]))
    words = [sys.executable, "-c", CHILD, str(recipe), str(tmp_path / "run"), str(step)]
    found = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    child = subprocess.run(words, env=found, capture_output=True, text=True, check=False)
    assert child.returncode == -9, child.stderr
    assert 0 < read_summary(tmp_path / "run").step <= step
    resume(tmp_path / "run", ENVIRONMENT, lambda _event: None, CancelToken())
    assert read_summary(tmp_path / "run").state == "finished"
    run(SYSTEMS[name], tmp_path / "whole", ENVIRONMENT, lambda _event: None, CancelToken())
    assert same(trained(tmp_path / "whole"), trained(tmp_path / "run"))
    assert same(masks_of(tmp_path / "whole"), masks_of(tmp_path / "run"))
