"""Studies as a whole, on the built-in digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from snip_gui.core.api import build_recipe, mask_at
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.engine.crew import Crew
from snip_gui.core.engine.events import WorkBegan
from snip_gui.core.methods import scoring
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.recipe import DataChoice, Draw, ModelChoice, Recipe, Snip
from snip_gui.core.studies.budget import Budget
from snip_gui.core.studies.overlaps.masks import MASKS_FOLDER
from snip_gui.core.studies.overlaps.overlap import WHOLE, OverlapStudy, class_groups, field_groups
from snip_gui.core.studies.study import StudyDone, run_study

RECIPE = Recipe(minibatch=Draw(size=10), pruning=Snip(sparsity=0.9))
STUDY = OverlapStudy(class_groups(RECIPE, (3, 8)), (0, 1, 2))


def run(study, folder, environment, crew=Crew(), cancel=None):  # noqa: B008 - frozen
    events = list(run_study(study, folder, environment, crew, cancel or CancelToken()))
    done = [event for event in events if isinstance(event, StudyDone)]
    return (done[0].answer if done else None), events


@pytest.fixture(scope="module")
def answered(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("runs")
    return folder, run(STUDY, folder, environment)[0]


def test_a_pair_is_as_computed_by_hand(answered):
    """From the five functions of notebooks, with nothing of studies."""
    _, answer = answered
    pair = answer.find(WHOLE, "#3", "#8")
    for seed, overlap, chance in zip((0, 1, 2), pair.overlaps, pair.chances, strict=True):
        kept = []
        for digit in (3, 8):
            recipe = with_value(with_value(RECIPE, "seed", seed), "minibatch.classes", (digit,))
            kept.append(
                {k: v.numpy() for k, v in mask_at(build_recipe(recipe).ranking, 0.9).items()}
            )
        a, b = (np.concatenate([part.ravel() for part in masks.values()]) for masks in kept)
        assert overlap == (a & b).sum() / (a | b).sum()
        expected = 0.0
        for layer in ("fc1", "fc2", "fc3"):
            in_a, in_b = (
                np.concatenate([v.ravel() for k, v in masks.items() if k.startswith(layer)])
                for masks in kept
            )
            expected += in_a.sum() * in_b.sum() / in_a.size
        # The index of the mean, which for so many connections is close to the mean of the index.
        assert chance == pytest.approx(expected / (a.sum() + b.sum() - expected), rel=1e-4)


def test_processes_give_the_same_table(answered, tmp_path, environment):
    answer, _ = run(STUDY, tmp_path, environment, Crew("processes", 2))
    assert answer.table == answered[1].table
    assert answer.sentence == answered[1].sentence


def test_nothing_is_scored_twice_and_a_damaged_mask_is_found_again(
    answered, environment, monkeypatch
):
    folder, answer = answered
    files = sorted((folder / MASKS_FOLDER).iterdir())
    assert len(files) == 6
    files[0].write_bytes(files[0].read_bytes()[:50])
    whole, scored = files[0].stat().st_size, []
    prune = scoring.prune
    monkeypatch.setattr(scoring, "prune", lambda *a: (scored.append(1), prune(*a))[1])
    again, _ = run(STUDY, folder, environment)
    assert again.table == answer.table
    assert len(scored) == 1
    assert files[0].stat().st_size > whole


def test_other_seeds_add_to_what_is_there(answered, environment):
    folder, answer = answered
    study = OverlapStudy(STUDY.groups, (1, 2, 3))
    wider, _ = run(study, folder, environment)
    before, after = (one.find(WHOLE, "#3", "#8").overlaps for one in (answer, wider))
    assert after[:2] == before[1:]
    assert len(list((folder / MASKS_FOLDER).iterdir())) == 8


def test_another_number_of_threads_is_another_mask(answered, environment, tmp_path):
    run(STUDY, tmp_path, environment)
    run(STUDY, tmp_path, replace(environment, num_threads=2))
    assert len(list((tmp_path / MASKS_FOLDER).iterdir())) == 12


def test_a_recipe_that_fails_is_named_and_the_others_answer(tmp_path, environment):
    groups = (*class_groups(RECIPE, (3, 8)), *class_groups(RECIPE, ("nonsense",)))
    answer, events = run(OverlapStudy(groups, (0, 1)), tmp_path, environment)
    assert "2 of 6 masks could not be found" in answer.sentence
    notes = [event.text for event in events if isinstance(event, Note)]
    assert any("nonsense, seed 0 failed" in text for text in notes)


def test_if_every_recipe_fails_the_reason_is_said(tmp_path, environment):
    study = OverlapStudy(class_groups(RECIPE, ("nonsense",)), (0, 1))
    with pytest.raises(UserError, match="nonsense"):
        run(study, tmp_path, environment)


def test_networks_that_differ_are_refused_in_words(tmp_path, environment):
    study = OverlapStudy(field_groups(RECIPE, "pruning.exclude", ((), ("fc3",))), (0,))
    with pytest.raises(UserError, match="cannot be compared"):
        run(study, tmp_path, environment)


def test_a_stopped_study_has_no_answer_and_continues(tmp_path, environment):
    cancel = CancelToken()
    steps = run_study(STUDY, tmp_path, environment, Crew(), cancel)
    for event in steps:
        assert not isinstance(event, StudyDone)
        if isinstance(event, WorkBegan) and event.number == 3:
            cancel.cancel()
    found = len(list((tmp_path / MASKS_FOLDER).iterdir()))
    assert 0 < found < 6
    assert run(STUDY, tmp_path, environment)[0] is not None


def test_too_many_masks_are_refused_before_anything_is_done(tmp_path, environment):
    study = OverlapStudy(STUDY.groups, tuple(range(2501)))
    with pytest.raises(UserError, match="5,002 masks"):
        run(study, tmp_path, environment)
    assert not list(tmp_path.iterdir())


def test_progress_counts_masks(tmp_path, environment):
    _, events = run(STUDY, tmp_path, environment, Crew("processes", 2))
    assert any(isinstance(e, Progress) and e.text.startswith("6 of 6") for e in events)


def test_data_that_is_not_there_is_said(tmp_path, environment):
    recipe = Recipe(data=DataChoice(name="mnist"), model=ModelChoice())
    study = OverlapStudy(class_groups(recipe, (3, 8)), (0,))
    with pytest.raises(UserError, match="no masks to answer with"):
        run(study, tmp_path, environment)


class _Ending(Budget):
    """A budget that is over once some masks are there."""

    def __init__(self, folder, number):
        super().__init__(CancelToken(), 1e9)
        self._folder, self._number = folder, number

    @property
    def is_over(self):
        return len(list((self._folder / MASKS_FOLDER).glob("*.safetensors"))) >= self._number


def test_when_the_budget_is_over_the_answer_is_of_what_there_is(tmp_path, environment):
    answer, _ = run(STUDY, tmp_path, environment, cancel=_Ending(tmp_path, 5))
    assert answer.num_masks == 5
    assert "1 of 6 masks could not be found" in answer.sentence
