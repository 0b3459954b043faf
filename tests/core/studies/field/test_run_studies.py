"""Studies that train networks and measure them, recomputed from the files of their runs."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from snip_gui.core.api import build_recipe, load_run
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note
from snip_gui.core.data.sets.digits import load_digits
from snip_gui.core.engine.crew import Crew
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, ModelChoice, Recipe, Training
from snip_gui.core.reports.text_tables import to_csv
from snip_gui.core.runs.folder import read_recipe, read_summary
from snip_gui.core.studies.catalogue import StudyOptions, make_study
from snip_gui.core.studies.field.collapse import SPARSITIES
from snip_gui.core.studies.figures.render import figure_svg
from snip_gui.core.studies.measuring import MEASURES_FOLDER
from snip_gui.core.studies.study import StudyAdvanced, StudyDone, run_study

RECIPE = Recipe(
    minibatch=Draw(size=10),
    pruning=Snip(sparsity=0.9),
    training=Training(epochs=2, learning_rate=0.05),
)


def run(name, folder, environment, recipe=RECIPE, seeds=(0,), crew=Crew(), **more):  # noqa: B008
    options = StudyOptions(seeds=seeds, read_images=load_digits, **more)
    study = make_study(name, recipe, options)
    events = list(run_study(study, folder, environment, crew, CancelToken()))
    (done,) = (event for event in events if isinstance(event, StudyDone))
    return done.answer, events


def inputs_of(images):
    """All test images, standardised as the recipe's network sees them, and their labels."""
    pixels = images.test_images.read(np.arange(len(images.test_labels_N)))
    mean, deviation = images.mean_C[0], images.deviation_C[0]
    values = (pixels.astype(np.float32) / np.float32(255) - mean) / deviation
    return torch.from_numpy(values.astype(np.float32)), torch.from_numpy(
        images.test_labels_N.copy()
    )


def error_of(model):
    images, labels = inputs_of(load_digits())
    with torch.no_grad():
        return float((model.eval()(images).argmax(1) != labels).double().mean())


@pytest.fixture(scope="module")
def connected(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("runs")
    return folder, *run("connectivity", folder, environment, sparsities=(0.0, 0.9))


def runs_of(folder, **wanted):
    """The runs whose recipe has these values."""
    found = []
    for path in sorted(folder.glob("lenet*")):
        recipe = read_recipe(path)
        values = {"sparsity": recipe.pruning.sparsity, "order": recipe.training.order,
                  "method": recipe.pruning.method, "prunable": recipe.pruning.prunable}  # fmt: skip
        if all(values[name] == value for name, value in wanted.items()):
            found.append(path)
    return found


def test_the_line_is_between_two_runs_from_the_same_weights_and_mask(connected):
    folder, answer, _ = connected
    ((one,), (other,)) = (runs_of(folder, sparsity=0.9, order=order) for order in (0, 1))
    for name in ("init.safetensors", "masks.safetensors"):
        first, second = load_file(one / name), load_file(other / name)
        assert all(torch.equal(first[key], second[key]) for key in first)
    line = answer.lines[0.9][0]
    for path, error in ((one, line.errors[0]), (other, line.errors[-1])):
        assert error == pytest.approx(1 - read_summary(path).final["test"].accuracy, abs=1e-9)
    ends = [load_run(path).model for path in (one, other)]
    states = [model.state_dict() for model in ends]
    assert not torch.equal(states[0]["fc1.weight"], states[1]["fc1.weight"])
    middle = build_recipe(RECIPE).model
    middle.load_state_dict({key: (states[0][key] + states[1][key]) / 2 for key in states[0]})
    assert line.errors[5] == pytest.approx(error_of(middle), abs=1e-9)
    assert line.barrier == max(line.errors) - (line.errors[0] + line.errors[-1]) / 2


def test_the_answer_fills_in_as_pairs_end(connected):
    _, answer, events = connected
    advanced = [event for event in events if isinstance(event, StudyAdvanced)]
    assert [event.num_done for event in advanced] == [1]
    assert list(advanced[0].answer.lines) == [0.0]
    assert list(answer.lines) == [0.0, 0.9]
    assert "Unpruned, the highest error" in answer.sentence
    assert len(answer.table.rows) == 2 * 11


def test_masks_found_while_training_are_refused(tmp_path, environment):
    imp = with_value(with_value(RECIPE, "pruning.prunable", "weights"), "pruning.method", "imp")
    with pytest.raises(UserError, match="different masks"):
        run("connectivity", tmp_path, environment, imp)


@pytest.fixture(scope="module")
def recovered(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("runs")
    return folder, *run("recovery", folder, environment)


def test_damage_is_that_of_zeroing_the_smallest_trained_weights(recovered):
    folder, answer, _ = recovered
    (path,) = runs_of(folder, sparsity=0.0)
    found = answer.found[0]
    assert found.dense == pytest.approx(1 - read_summary(path).final["test"].accuracy, abs=1e-9)
    by_arm = {(one.criterion, one.sparsity): one for one in found.damages}
    assert len(by_arm) == 3 * 5
    model = load_run(path).model
    flat = torch.cat([p.detach().abs().ravel() for p in model.parameters()])
    for sparsity in (0.9, 0.98):
        threshold = flat.sort(descending=True).values[round(len(flat) * (1 - sparsity)) - 1]
        pruned = load_run(path).model
        with torch.no_grad():
            for parameter in pruned.parameters():
                parameter[parameter.abs() < threshold] = 0
        assert by_arm["magnitude", sparsity].before == pytest.approx(error_of(pruned), abs=1e-9)
    assert by_arm["magnitude", 0.9].after < by_arm["magnitude", 0.9].before
    assert found.num_steps == math.ceil(len(load_digits().train_labels_N) * 0.9 / 100)
    assert not answer.beside  # published of MNIST


def test_published_damage_stands_beside_that_of_its_network_only():
    recipe = with_value(RECIPE, "data.name", "mnist")
    study = make_study("recovery", recipe, StudyOptions(seeds=(0,), read_images=load_digits))
    assert study.recipe.pruning.sparsity == 0
    damages = [
        {"criterion": c, "sparsity": s, "before": 0.8, "after": 0.02}
        for c in ("magnitude", "sensitivity", "random")
        for s in (0.8, 0.9, 0.92, 0.95, 0.98)
    ]
    work = study.make_works(Path("nowhere"), Environment())[0]
    result = msgspec.convert({"dense": 0.017, "damages": damages, "num_steps": 540}, work.kind)
    answer = study.answer([result])
    assert [one.ours for one in answer.beside] == ["80.00% → 2.00%"] * 2
    assert "81.32%" in answer.beside[0].paper
    assert answer.overview.headers[-1] == "published"


def test_receptive_fields_are_those_of_the_masks_of_the_runs(tmp_path, environment):
    options = {"methods": ("snip", "imp"), "sparsities": (0.95,)}
    one_round = with_value(RECIPE, "training.epochs", 1)
    answer, _ = run("receptive-fields", tmp_path, environment, one_round, **options)
    for method in options["methods"]:
        (path,) = runs_of(tmp_path, method=method)
        loaded = load_run(path)
        mask = loaded.masks["fc1.weight"].bool()
        found = answer.found[method, 0.95][0]
        assert found.num_units == int(mask.any(1).sum())
        assert found.num_inputs == pytest.approx(float(mask.sum() / mask.any(1).sum()))
        images, _ = inputs_of(load_digits())
        weight = loaded.model.state_dict()["fc1.weight"].double()[mask.any(1)]
        sums = images.double().flatten(1) @ weight.T
        centred = sums - sums.mean(0)
        kurtosis = (centred**4).mean(0) / (centred**2).mean(0) ** 2 - 3
        assert found.kurtosis == pytest.approx(float(kurtosis.mean()), rel=1e-6)
    assert "For SNIP nothing is published" in answer.sentence


def test_networks_without_such_a_layer_are_named_and_the_others_answer(tmp_path, environment):
    recipe = msgspec.structs.replace(RECIPE, model=ModelChoice(name="lenet-5-caffe"))
    recipe = with_value(recipe, "training.epochs", 1)
    with pytest.raises(UserError, match="not fully connected to the image"):
        run("receptive-fields", tmp_path, environment, recipe, methods=("snip",), sparsities=(0.9,))


def test_a_ticket_and_snip_are_compared_and_the_best_step_is_that_of_the_metrics(
    tmp_path, environment
):
    answer, _ = run("lottery-ticket", tmp_path, environment, sparsities=(0.9,))
    assert [one.label for one in answer.arms] == [
        "unpruned", "SNIP, 90% removed", "lottery ticket, 90% removed"
    ]  # fmt: skip
    for one, method in zip(answer.arms[1:], ("snip", "imp"), strict=True):
        (path,) = runs_of(tmp_path, method=method, sparsity=0.9)
        with (path / "metrics.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == "validation"]
        # The last round of two epochs, after five others for the ticket.
        start = 0 if method == "snip" else 10
        last = [row for row in rows if float(row["epoch"]) > start]
        steps = [int(row["step"]) for row in last]
        best = max(last, key=lambda row: (float(row["accuracy"]), -int(row["step"])))
        per_epoch = steps[1] - steps[0]
        assert one.results[0].best_step == int(best["step"]) - start * per_epoch
        assert one.results[0].num_kept == 26_620
    assert dict(answer.parts)["How soon"].rows[2][2] == f"{12 * per_epoch}"
    series = {one.label: one.xs for one in answer.figure.series}
    assert series["SNIP"] == series["lottery ticket"] == pytest.approx((0.1,))


def test_random_tickets_have_the_counts_that_they_say(tmp_path, environment):
    recipe = with_value(RECIPE, "training.epochs", 1)
    answer, _ = run("random-tickets", tmp_path, environment, recipe)
    layers = {one.label: one.results[0].layers for one in answer.arms}
    assert layers["random, SNIP's numbers"] == layers["SNIP"]
    assert layers["random, uniform"]["fc1"][0] == pytest.approx(23_520, abs=1)
    assert layers["random, smart ratio"]["fc3"][0] == 300
    assert len({sum(kept for kept, _ in found.values()) for found in layers.values()}) == 1


def test_what_is_connected_is_what_matrices_of_the_masks_say(tmp_path, environment):
    recipe = with_value(RECIPE, "training.epochs", 1)
    answer, _ = run("layer-collapse", tmp_path, environment, recipe)
    (connected,) = answer.connected
    for place in (0, 5, 6):
        (path,) = runs_of(tmp_path, sparsity=SPARSITIES[place])
        masks = load_run(path).masks
        reached = torch.ones(784)
        for layer in ("fc1", "fc2", "fc3"):
            reached = ((masks[f"{layer}.weight"].float() @ reached) > 0).float()
        assert connected.levels[place].num_reached == int(reached.sum())
        kept = sum(int(mask.count_nonzero()) for mask in masks.values())
        assert connected.levels[place].num_kept == kept
        assert connected.levels[place].num_on_paths <= kept
    assert connected.levels[0].num_on_paths > 20_000
    assert "No layer is emptied" not in answer.sentence
    assert "The first layer without any connection is" in answer.sentence


def test_serial_and_processes_give_the_same_bytes(tmp_path, environment):
    texts = []
    for crew in (Crew(), Crew("processes", 2)):
        folder = tmp_path / f"{crew}"
        answer, _ = run("connectivity", folder, environment, seeds=(0, 1), crew=crew,
                        sparsities=(0.9,))  # fmt: skip
        texts.append((to_csv(answer.table), figure_svg(answer.figure), answer.sentence))
        measures = sorted((folder / MEASURES_FOLDER).iterdir())
        texts[-1] += tuple(path.read_bytes() for path in measures)
        assert len(measures) == 2
    assert texts[0] == texts[1]


def test_a_run_that_diverges_is_named_and_left_out(tmp_path, environment):
    wild = with_value(with_value(RECIPE, "training.learning_rate", 100.0), "training.epochs", 1)
    with pytest.raises(UserError, match="diverged"):
        run("connectivity", tmp_path, environment, wild, sparsities=(0.9,))


def test_a_run_that_was_deleted_is_trained_again(connected, environment):
    folder, answer, _ = connected
    (path,) = runs_of(folder, sparsity=0.9, order=1)
    for file in sorted(path.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    path.rmdir()
    again, events = run("connectivity", folder, environment, sparsities=(0.0, 0.9))
    assert again.table == answer.table
    assert path.exists()
    assert not any("failed" in event.text for event in events if isinstance(event, Note))
