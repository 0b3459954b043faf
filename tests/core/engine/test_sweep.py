from __future__ import annotations

import shutil

import pytest
from safetensors.torch import load_file

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.engine.crew import Crew
from snip_gui.core.engine.sweep import sweep_steps
from snip_gui.core.engine.training import TrainingWork
from snip_gui.core.execution.run import run
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.sweeps import sweep
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.placing import find_folders, run_name

TWO = Crew("processes", 2)


def sweep_into(folder, recipes, environment, crew, cancel=None):
    return list(sweep_steps(recipes, folder, environment, crew, cancel or CancelToken()))


def table(events):
    return [event.text for event in events if isinstance(event, Note) and event.is_result]


def results(folder):
    """Return everything in a runs folder that may not depend on who did the work."""
    found = {}
    for run_folder in folder.iterdir():
        for name in (files.RECIPE, files.INIT, files.BATCH, files.SCORES, files.MASKS):
            found[run_folder.name, name] = (run_folder / name).read_bytes()
        checkpoint = load_file(run_folder / files.CHECKPOINT)
        found[run_folder.name, "weights"] = {k: v.numpy().tobytes() for k, v in checkpoint.items()}
        points = files.read_metrics(run_folder)
        found[run_folder.name, "points"] = [(p.step, p.split, p.loss, p.accuracy) for p in points]
    return found


def test_processes_give_the_same_bytes_and_table_as_this_process(tmp_path, recipe, environment):
    recipes = sweep(recipe, (0.5, 0.95), (0,), ["random"])
    there, here = tmp_path / "there", tmp_path / "here"
    events = sweep_into(there, recipes, environment, TWO)
    assert table(events) == table(sweep_into(here, recipes, environment, Crew()))
    assert results(there) == results(here)


def test_a_sweep_is_continued_by_another_executor(tmp_path, recipe, environment):
    recipes = sweep(recipe, (0.5, 0.9, 0.95), (0,))
    cancel = CancelToken()
    for event in sweep_steps(recipes, tmp_path, environment, Crew(), cancel):
        if isinstance(event, Note) and event.text.startswith("Run 2"):
            cancel.cancel()
    done = [folder for folder in find_folders(tmp_path, recipes) if folder.exists()]
    before = (done[0] / files.SUMMARY).stat().st_mtime_ns
    assert len(table(sweep_into(tmp_path, recipes, environment, TWO))) == 3
    assert (done[0] / files.SUMMARY).stat().st_mtime_ns == before
    assert len(list(tmp_path.iterdir())) == 3


def test_a_run_that_fails_is_named_in_the_end_and_the_others_are_done(
    tmp_path, recipe, environment
):
    recipes = sweep(recipe, (0.5, 0.9999999), (0, 1))
    events = []
    steps = sweep_steps(recipes, tmp_path, environment, Crew(), CancelToken())
    with pytest.raises(UserError, match="2 of 4 runs failed") as caught:
        events.extend(steps)
    assert run_name(recipes[1]) in caught.value.message
    assert "none of the 266,610 connections" in caught.value.message
    assert len(table(events)) == 1


def test_a_worker_without_the_file_of_a_network_says_so(tmp_path, recipe, environment):
    lost = tmp_path / "lost.py"
    recipes = [
        with_value(with_value(recipe, "model.name", "own"), "model.file", str(lost)),
        recipe,
    ]
    recipes[0] = with_value(recipes[0], "model.file_digest", "0" * 64)
    with pytest.raises(UserError, match="1 of 2 runs failed") as caught:
        sweep_into(tmp_path / "runs", recipes, environment, Crew())
    assert "lost.py" in caught.value.message


@pytest.mark.parametrize("name", ["2024-05-01-120000", "of-another-name"])
def test_a_run_of_any_name_is_found_by_its_recipe(tmp_path, recipe, environment, name):
    ran = tmp_path / name
    run(recipe, ran, environment, lambda _event: None, CancelToken())
    other = with_value(recipe, "seed", 7)
    assert find_folders(tmp_path, [recipe, other]) == [ran, tmp_path / run_name(other)]
    assert TrainingWork(recipe=recipe, folder=ran, environment=environment).is_done()
    shutil.copytree(ran, tmp_path / run_name(recipe))
    assert find_folders(tmp_path, [recipe]) == [tmp_path / run_name(recipe)]


def test_runs_that_only_look_right_are_not_found(tmp_path, recipe, environment):
    run(recipe, tmp_path / ".hidden", environment, lambda _event: None, CancelToken())
    shutil.copytree(tmp_path / ".hidden", tmp_path / "damaged")
    (tmp_path / "damaged" / files.SUMMARY).write_text("{")
    shutil.copytree(tmp_path / ".hidden", tmp_path / "edited")
    text = (tmp_path / "edited" / files.RECIPE).read_text()
    (tmp_path / "edited" / files.RECIPE).write_text(text.replace('"seed": 0', '"seed": 5'))
    for seed in (0, 5):
        seeded = with_value(recipe, "seed", seed)
        assert find_folders(tmp_path, [seeded]) == [tmp_path / run_name(seeded)]
