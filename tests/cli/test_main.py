from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file

from snip_gui import __version__
from snip_gui.cli.main import main, make_parser
from snip_gui.cli.options import recipe_from
from snip_gui.core.base.errors import UserError
from snip_gui.core.data.download.sources import Download
from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.models.catalogue import MODELS, ModelInfo
from snip_gui.core.models.networks import SUGGESTED
from snip_gui.core.models.paper.lenet import LeNet300100
from snip_gui.core.recipe.edits import parse_edit
from snip_gui.core.recipe.fields import all_fields
from snip_gui.core.recipe.flags import flag_line
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.recipe.methods import METHODS, Force, Grasp, Han, RandomMask, Snip
from snip_gui.core.recipe.recipe import (
    DataChoice,
    Draw,
    ModelChoice,
    Picked,
    Recipe,
    Training,
)
from snip_gui.core.runs.folder import BATCH, INIT, read_recipe, read_summary
from tests.core.data.loopback import remote, serving
from tests.core.plugins import add_entry
from tests.core.recipes import draws, recipes


@pytest.fixture(autouse=True)
def _own_runs_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SNIP_GUI_RUNS", str(tmp_path / "runs"))
    torch.set_num_threads(1)


def call(*words):
    """Run the command line here; return exit status, output and messages."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(word) for word in words])
    return status, out.getvalue(), err.getvalue()


def parse(*words):
    return recipe_from(make_parser().parse_args(["run", *map(str, words)]))


ONE_EPOCH = ("--epochs", 1, "--threads", 1, "--device", "cpu")


def test_masks_are_edited_with_flags(tmp_path):
    saved = tmp_path / "recipe.json"
    saved.write_text(encode_recipe(parse("--edit", "keep fc3.weight")))
    assert parse("--recipe", saved).pruning.edits == (parse_edit("keep fc3.weight"),)
    words = ("--edit", "remove dead pixels", "--edit", "keep units fc2[0:5]")
    recipe = parse("--recipe", saved, *words)
    assert list(map(str, recipe.pruning.edits)) == ["remove dead pixels", "keep units fc2[0:5]"]
    status, out, _ = call(
        "run", *ONE_EPOCH, *words, "--stop-after", "prune", "--out", saved.parent / "r"
    )
    assert status == 0
    summary = read_summary(tmp_path / "r")
    assert f"1,505 kept and {summary.num_edited_removed:,} removed by hand" in out
    status, _, err = call("run", "--edit", "keep everything please")
    assert status == 1
    assert "“keep everything please” is not an edit of a mask" in err


def test_run_works_the_default_recipe_out(tmp_path):
    status, out, err = call("run", *ONE_EPOCH, "--out", tmp_path / "run")
    assert status == 0
    summary = read_summary(tmp_path / "run")
    assert summary.state == "finished"
    assert read_recipe(tmp_path / "run") == Recipe(training=Training(epochs=1))
    assert f"run         {tmp_path / 'run'}" in out
    assert "kept        26,661 of 266,610 (sparsity 90%)" in out
    for row in summary.layers:
        assert re.search(rf"{row.layer} +{row.kept:,} of +{row.total:,}", out)
    error = 1 - summary.final["test"].accuracy
    assert f"test        error {error:.2%}" in out
    assert "epoch 1: validation error" in err
    assert "\r" not in err  # no bar where there is no terminal


def test_without_out_a_run_goes_to_the_runs_folder(tmp_path):
    status, out, _ = call("run", *ONE_EPOCH, "--stop-after", "prune")
    (folder,) = (tmp_path / "runs").iterdir()
    assert status == 0
    assert str(folder) in out
    assert read_summary(folder).state == "pruned"


def test_quiet_prints_the_result_only(tmp_path):
    _, out, err = call("run", *ONE_EPOCH, "--out", tmp_path / "run", "--quiet")
    assert err == ""
    assert "kept" in out


@pytest.mark.parametrize(("stop_after", "state"), [("score", "scored"), ("prune", "pruned")])
def test_stop_after_stops_there(tmp_path, stop_after, state):
    words = ("run", "--out", tmp_path / "run", "--stop-after", stop_after, "--threads", 1)
    assert call(*words)[0] == 0
    assert read_summary(tmp_path / "run").state == state


def test_every_field_has_a_flag_but_picked_images():
    options = vars(make_parser().parse_args(["run"]))
    fields = {f.object_name for f in all_fields()} - {"minibatch_indices"}
    assert fields <= set(options)


def test_flags_override_the_recipe_file(tmp_path):
    file = tmp_path / "recipe.json"
    given_there = Recipe(
        model=ModelChoice(name="lenet-5-caffe"),
        minibatch=Draw(size=50, classes=(1,)),
        pruning=Snip(sparsity=0.5, after="redraw"),
        training=Training(epochs=7),
        seed=4,
    )
    file.write_text(encode_recipe(given_there))
    assert parse("--recipe", file) == given_there
    found = parse("--recipe", file, "--sparsity", 0.98, "--seed", 0, "--classes", "--epochs", 2)
    assert found == Recipe(
        model=ModelChoice(name="lenet-5-caffe"),
        minibatch=Draw(size=50, classes=()),
        pruning=Snip(sparsity=0.98, after="redraw"),
        training=Training(epochs=2),
        seed=0,
    )


def test_a_yes_or_no_has_a_flag_for_each(tmp_path):
    assert parse("--skip-unreadable").data.skip_unreadable
    path = tmp_path / "recipe.json"
    path.write_text(encode_recipe(Recipe(data=DataChoice(skip_unreadable=True))))
    assert parse("--recipe", path).data.skip_unreadable
    assert not parse("--recipe", path, "--no-skip-unreadable").data.skip_unreadable


def make_folder(root):
    """Two classes of images, one file of which is none."""
    generator = np.random.default_rng(0)
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(10):
            pixels = generator.integers(0, 256, (28, 28), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    (root / "b" / "bad.png").write_bytes(b"no image")
    return root


def test_a_folder_with_a_bad_file_runs_when_it_is_skipped(tmp_path):
    folder = make_folder(tmp_path / "images")
    words = ("run", "--dataset", "folder", "--data-dir", folder, "--minibatch-size", 4,
             "--stop-after", "prune", "--image-memory", 0)  # fmt: skip
    status, _, err = call(*words, "--out", tmp_path / "refused")
    assert status == 1
    assert "bad.png”: it is not an image in a known format." in err
    status, _, err = call(*words, "--out", tmp_path / "run", "--skip-unreadable")
    assert status == 0, err
    assert "Skipped “" in err
    assert "streamed from disk: they need 15.7 kB, more than the limit of 0 bytes." in err
    assert read_recipe(tmp_path / "run").data.skip_unreadable


def test_another_method_keeps_what_methods_share(tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(
        encode_recipe(Recipe(pruning=Snip(sparsity=0.5, exclude=("fc3",), scoring_mode="training")))
    )
    found = parse("--recipe", file, "--method", "random")
    assert found.pruning == RandomMask(sparsity=0.5, exclude=("fc3",))


def test_drawing_flags_replace_a_picked_minibatch(tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(encode_recipe(Recipe(minibatch=Picked(indices=(1, 2)))))
    assert parse("--recipe", file, "--seed", 3).minibatch == Picked(indices=(1, 2))
    assert parse("--recipe", file, "--minibatch-size", 30).minibatch == Draw(size=30)


# Names as they stand in a catalogue: letters, digits and dashes, not first.
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True)


@given(recipes(minibatches=draws(), names=NAMES))
def test_the_line_of_flags_gives_the_recipe_back(recipe):
    assert parse(*flag_line(recipe)) == recipe


def test_classes_are_words_of_any_script():
    assert parse("--classes", "2", "猫", "#3", "\udce9").minibatch.classes == ("2", "猫", 3, "�")


def test_numbered_classes_are_named_not_counted(tmp_path):
    """Sorted as text, 10 and 11 come before 2."""
    generator = np.random.default_rng(0)
    for number in range(1, 12):
        for part in ("train", "test"):
            (tmp_path / part / str(number)).mkdir(parents=True)
            for image in range(3):
                pixels = generator.integers(0, 256, (8, 8), np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / str(number) / f"{image}.png")
    words = ("run", "--dataset", "folder", "--data-dir", tmp_path, "--stop-after", "prune",
             "--model", "lenet-300-100", "--minibatch-size", 2)  # fmt: skip
    for choice, position, chosen in (("2", 3, "2"), ("#2", 2, 2)):
        run = tmp_path / f"run {choice}"
        status, _, err = call(*words, "--classes", choice, "--out", run)
        assert status == 0, err
        assert "2 (#3), 3 (#4)" in err
        assert load_file(run / BATCH)["labels"].tolist() == [position] * 2
        assert read_recipe(run).minibatch.classes == (chosen,)


def test_the_line_of_flags_leaves_defaults_out():
    words = flag_line(Recipe())
    assert "--momentum" not in words
    assert "--method" not in words
    assert words[:4] == ["--model", "lenet-300-100", "--dataset", "digits"]


def test_a_picked_minibatch_has_no_line_of_flags():
    with pytest.raises(ValueError, match="no flags"):
        flag_line(Recipe(minibatch=Picked(indices=(1,))))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--sparsity", "1.5"), "pruning.sparsity"),
        (("run", "--learning-rate", "0"), "training.learning_rate"),
        (
            ("run", "--method", "random", "--scoring-mode", "training"),
            "--scoring-mode is not a setting of Random mask.",
        ),
        (("run", "--model", "lenet-6"), "lenet-6"),
        (("run", "--dataset", "imagenet"), "imagenet"),
        (("run", "--dataset", "mnist"), "data folder"),
        (("run", "--dataset", "mnist", "--data-dir", "nowhere"), "nowhere"),
        (("run", "--minibatch-size", "100000"), "100,000 images"),
        (("run", "--classes", "11"), "no class “11”"),
        (("run", "--exclude", "fc9"), "fc9"),
        (("run", "--device", "cuda:7"), "cuda:7"),
        (("run", "--threads", "0"), "--threads"),
        (("run", "--threads", "100000"), "--threads"),
        (("run", "--image-memory", "-1"), "--image-memory"),
        (("run", "--image-memory", "1e308"), "--image-memory"),
        (("run", "--image-memory", "inf"), "--image-memory"),
        (("run", "--image-memory", "nan"), "--image-memory"),
        (("run", "--recipe", "missing.json"), "missing.json"),
        (("run", "--resume", "missing"), "missing"),
        (("run", "--sparsity", "0.99999999"), "none of the 266,610"),
        (("export", "missing", "--out", "x.pt"), "missing"),
        (("export", "missing", "--out", "x.h5"), "h5"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_an_error_is_one_sentence_and_exit_status_1(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    status, out, err = call(*words)
    assert status == 1
    assert out == ""
    assert "Traceback" not in err
    lines = err.splitlines()
    message, *hint = lines[next(n for n, text in enumerate(lines) if text.startswith("snip-gui")) :]
    assert message.startswith("snip-gui: ")
    assert said in message
    assert len(hint) <= 1
    assert not (tmp_path / "runs").exists()


def test_an_existing_run_is_not_overwritten(tmp_path):
    words = ("run", "--stop-after", "score", "--threads", 1, "--out", tmp_path / "run")
    assert call(*words)[0] == 0
    status, _, err = call(*words)
    assert status == 1
    assert "already holds a run" in err


def test_a_diverging_run_is_an_error_that_says_so(tmp_path):
    status, _, err = call(
        "run", "--epochs", 40, "--learning-rate", 100, "--sparsity", 0, "--threads", 1,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert status == 1
    assert "Lower the learning rate" in err
    assert read_summary(tmp_path / "run").state == "diverged"


def test_resuming_a_finished_run_succeeds(tmp_path):
    call("run", *ONE_EPOCH, "--out", tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    status, out, err = call("run", "--resume", tmp_path / "run")
    assert status == 0
    assert "finished" in out
    assert "already finished" in err
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before


def test_a_pruned_run_can_be_resumed(tmp_path):
    call("run", *ONE_EPOCH, "--out", tmp_path / "run", "--stop-after", "prune")
    assert call("run", "--resume", tmp_path / "run")[0] == 0
    assert read_summary(tmp_path / "run").state == "finished"


@pytest.mark.parametrize("words", [(), ("--recipe", "a", "--resume", "b"), ("--epochs", "many")])
def test_wrong_usage_is_exit_status_2(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["run", *words] if words else [])
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_version_and_help_are_printed(capsys):
    for words, expected in ((["--version"], __version__), (["run", "--help"], "--sparsity")):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0
        assert expected in capsys.readouterr().out


def test_help_says_defaults_as_they_are_typed(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "Default: 0.5 0.75." in out
    assert "Default: 0.0005." in out
    assert "Default: ()" not in out


def test_list_names_networks_and_data_sets():
    status, out, _ = call("list", "models")
    assert status == 0
    assert re.search(r"^lenet-300-100 +266,610 ", out, re.MULTILINE)
    assert re.search(r"^lenet-5-caffe +431,080 ", out, re.MULTILINE)
    named = [line.split()[0] for line in out.splitlines()]
    assert named == [*MODELS.names, *(f"torchvision:{name}" for name in SUGGESTED)]
    everything = {line.split()[0] for line in call("list", "models", "--all")[1].splitlines()}
    assert everything > set(named)
    assert "torchvision:swin_t" in everything
    out = call("list", "datasets")[1]
    assert {line.split()[0] for line in out.splitlines()} == set(DATASETS.names)
    out = call("list", "exports")[1]
    assert [line.split()[0] for line in out.splitlines()] == list(FORMATS.names)
    assert call("list", "networks") == call("list", "models")


def test_a_network_of_unknown_size_is_listed_without_a_number(monkeypatch):
    add_entry(monkeypatch, MODELS, ModelInfo(name="tiny", title="Tiny", description="Small."))
    (line,) = (row for row in call("list", "networks")[1].splitlines() if row.startswith("tiny"))
    assert line.split() == ["tiny", "Small."]


def test_a_mistake_in_a_command_is_followed_by_the_packages_that_are_broken(monkeypatch):
    problem = "The pruning method “power” of the package snip-power 1.2 cannot be used: no."
    monkeypatch.setattr("snip_gui.cli.main.plugin_problems", lambda: (problem,))
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        main(["run", "--method", "power"])
    assert end.value.code == 2
    assert "invalid choice: 'power'" in err.getvalue()
    assert problem in err.getvalue()


@pytest.mark.parametrize("method", ["snip", "random"])
def test_a_setting_of_another_method_is_named_by_its_flag(method):
    with pytest.raises(UserError) as caught:
        parse("--method", method, "--retrain-epochs", 2)
    title = METHODS[method].title
    assert caught.value.message == f"--retrain-epochs is not a setting of {title}."
    assert caught.value.field == "pruning.retrain_epochs"


def test_one_epoch_is_not_several(tmp_path):
    _, _, err = call("run", *ONE_EPOCH, "--out", tmp_path / "run")
    assert "for 1 epoch." in err


def test_weights_beside_their_average_are_chosen_by_key(tmp_path):
    path = tmp_path / "net.pt"
    net = LeNet300100((1, 28, 28), 10)
    average = {name: torch.ones_like(tensor) for name, tensor in net.state_dict().items()}
    torch.save({"net": net.state_dict(), "training": {"ema": average}, "epoch": 3}, path)
    prune = ("--stop-after", "prune", *ONE_EPOCH)
    for words in (("open", path), ("run", "--weights", path, *prune)):
        status, _, err = call(*words)
        assert status == 1
        assert "holds several sets of weights: “net” and “training.ema”" in err
        assert "--weights-key net" in err
    key = ("--weights-key", "training.ema")
    status, out, _ = call("open", path, *key, "--out", tmp_path / "recipe.json")
    assert status == 0
    assert "under “training.ema”" in out
    call("run", "--weights", path, *key, *prune, "--out", tmp_path / "flags")
    call("run", "--recipe", tmp_path / "recipe.json", *prune, "--out", tmp_path / "recipe")
    for name in ("flags", "recipe"):
        assert (load_file(tmp_path / name / INIT)["fc1.weight"] == 1).all()


def test_what_was_exported_is_opened_and_gone_on_with(tmp_path):
    call("run", *ONE_EPOCH, "--out", tmp_path / "run")
    call("export", tmp_path / "run", "--out", tmp_path / "net.snip")
    status, out, _ = call("open", tmp_path / "net.snip", "--out", tmp_path / "recipe.json")
    assert status == 0
    assert "LeNet-300-100" in out
    assert "bit mask and values" in out
    assert "by its mask" in out
    words = ("--recipe", tmp_path / "recipe.json", "--stop-after", "prune")
    status, _, _ = call("run", *words, "--out", tmp_path / "on")
    assert status == 0
    masks = [(tmp_path / name / "masks.safetensors").read_bytes() for name in ("run", "on")]
    assert masks[0] == masks[1]


@pytest.mark.parametrize("name", ["pruned.safetensors", "pruned.pt"])
def test_export_writes_the_format_of_the_ending(tmp_path, name):
    call("run", *ONE_EPOCH, "--out", tmp_path / "run")
    status, _, err = call("export", tmp_path / "run", "--out", tmp_path / name)
    assert status == 0
    assert "read back" in err
    read = load_file if name.endswith(".safetensors") else torch.load
    state = read(tmp_path / name)
    assert int((state["fc1.weight"] != 0).sum()) == int(
        load_file(tmp_path / "run" / "masks.safetensors")["fc1.weight"].sum()
    )


def test_the_format_can_be_said_apart_from_the_ending(tmp_path):
    call("run", "--threads", 1, "--out", tmp_path / "run", "--stop-after", "prune")
    path = tmp_path / "pruned.bin"
    assert call("export", tmp_path / "run", "--out", path, "--format", "pt")[0] == 0
    assert "fc1.weight" in torch.load(path, weights_only=True)


def start(tmp_path, *words):
    environment = os.environ | {"SNIP_GUI_RUNS": str(tmp_path / "runs"), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "snip_gui", "run", "--threads", "1", *map(str, words)],
        cwd=Path(__file__).parents[2], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def read_until(stream, text):
    """Read lines up to the one that begins with a text."""
    return list(itertools.takewhile(lambda line: not line.startswith(text), stream))


@pytest.mark.skipif(os.name == "nt", reason="interrupts are sent otherwise on Windows")
def test_one_interrupt_stops_the_training_and_keeps_the_run(tmp_path):
    run = tmp_path / "run"
    process = start(tmp_path, "--epochs", 100_000, "--out", run)
    try:
        read_until(process.stderr, "epoch 1:")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Stopping" in err
    assert "Traceback" not in err
    assert "stopped" in out
    summary = read_summary(run)
    assert summary.state == "stopped"
    assert 13 <= summary.step < summary.num_steps
    assert (run / "checkpoint.safetensors").exists()
    assert (run / "curves.png").exists()


def test_the_program_runs_as_a_module_without_a_display(tmp_path):
    process = start(tmp_path, "--epochs", 1, "--out", tmp_path / "run", "--quiet")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "finished" in out


@pytest.fixture
def toy_source(monkeypatch):
    """MNIST's row with a source on loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as server:
        file = remote(server, "/pixels", bytes(1000))
        row = dataclasses.replace(
            DATASETS["mnist"], download=Download("https://example.org/toy", "A. Author.", (file,))
        )
        monkeypatch.setitem(DATASETS._all.by_name, "mnist", row)
        yield server


def test_download_says_size_and_source_then_fetches(toy_source, tmp_path, capsys):
    assert main(["download", "mnist", "--data-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(tmp_path)
    assert printed.err.startswith("MNIST: 0.0 MB from 127.0.0.1")
    assert "https://example.org/toy" in printed.err
    assert (tmp_path / "pixels").read_bytes() == bytes(1000)


def test_a_download_that_fails_is_exit_status_1(toy_source, tmp_path, capsys):
    toy_source.files.clear()
    assert main(["download", "mnist", "--data-dir", str(tmp_path), "--quiet"]) == 1
    printed = capsys.readouterr()
    assert "404" in printed.err
    assert "with a browser" in printed.err
    assert printed.out == ""


def test_what_cannot_be_downloaded_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["download", "digits"])
    assert ended.value.code == 2
    assert "cifar-10" in capsys.readouterr().err


def test_a_preset_stands_between_the_recipe_file_and_the_flags(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(encode_recipe(Recipe(training=Training(epochs=7, momentum=0.5), seed=4)))
    recipe = parse("--recipe", path, "--preset", "short", "--model", "vgg-d", "--momentum", 0.8)
    assert (recipe.model.name, recipe.seed) == ("vgg-d", 4)
    assert (recipe.training.epochs, recipe.training.batch_size) == (60, 128)
    assert recipe.training.momentum == 0.8
    with pytest.raises(SystemExit):
        parse("--preset", "best")


def test_another_optimizer_brings_its_usual_rate_unless_one_is_given():
    assert parse("--optimizer", "adam").training.learning_rate == 0.001
    given_rate = parse("--optimizer", "adam", "--learning-rate", 0.1)
    assert given_rate.training.learning_rate == 0.1
    assert parse("--preset", "adam", "--optimizer", "sgd").training.learning_rate == 0.1


def test_a_finished_run_is_extended(tmp_path):
    call("run", *ONE_EPOCH, "--out", tmp_path / "run")
    status, out, err = call(
        "run", "--extend", tmp_path / "run", "--added-epochs", 2, "--added-rate", 0.05,
        "--out", tmp_path / "longer", "--device", "cpu",
    )  # fmt: skip
    assert status == 0, err
    assert f"run         {tmp_path / 'longer'}" in out
    assert "for 3 epochs" in err
    training = read_recipe(tmp_path / "longer").training
    assert (training.epochs, training.added_epochs, training.added_rate) == (1, 2, 0.05)
    status, _, err = call("run", "--extend", tmp_path / "longer")
    assert (status, "There are no extra epochs" in err) == (1, True)


def test_the_same_command_again_continues_its_run_and_repeats_nothing(tmp_path):
    words = ("run", *ONE_EPOCH)
    assert call(*words, "--stop-after", "prune")[0] == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert "Resuming from step 0" in call(*words)[2]
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    status, out, err = call(*words)
    assert (status, "finished already" in err, str(folder) in out) == (0, True, True)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert call(*words, "--again")[0] == 0
    assert call(*words, "--again")[0] == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        folder.name, f"{folder.name}-2", f"{folder.name}-3",
    ]  # fmt: skip
    assert call("run", "--stop-after", "score", "--threads", 1)[0] == 0
    status, _, err = call("run", "--stop-after", "prune", "--threads", 1)
    assert (status, "to end with scoring" in err) == (1, True)


def test_nothing_in_a_folder_is_overwritten(tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    for name in ("metrics.csv", "summary.json", "curves.png"):
        (folder / name).write_text("mine")
    status, _, err = call("run", *ONE_EPOCH, "--out", folder)
    assert (status, "is not empty" in err) == (1, True)
    assert {path.read_text() for path in folder.iterdir()} == {"mine"}
    assert len(list(folder.iterdir())) == 3


def test_a_run_keeps_its_recipe(tmp_path):
    call("run", *ONE_EPOCH, "--out", tmp_path / "run")
    for words, flag in (
        (("--resume", "run", "--epochs", 5), "--epochs"),
        (("--resume", "run", "--model-file", "net.py"), "--model-file"),
        (("--resume", "run", "--preset", "short"), "--preset"),
        (("--resume", "run", "--method", "snip"), "--method"),
        (("--resume", "run", "--stop-after", "prune"), "--stop-after"),
        (("--resume", "run", "--out", "b"), "--out"),
        (("--extend", "run", "--added-epochs", 1, "--seed", 3), "--seed"),
        (("--extend", "run", "--added-epochs", 1, "--no-shrink"), "--shrink"),
    ):
        run = tmp_path / "run"
        status, out, err = call("run", *(run if word == "run" else word for word in words))
        assert (status, out) == (1, "")
        assert f"{flag} cannot be used with {words[0]}" in err
    assert not (tmp_path / "runs").exists()


def test_a_sweep_continues_after_a_run_that_failed_and_lists_it(tmp_path):
    words = ("sweep", *ONE_EPOCH, "--sparsities", "90, 99.9999, 95", "--out", tmp_path / "all")
    status, out, err = call(*words)
    assert status == 1
    assert len(out.splitlines()) == 2  # what was trained is said all the same
    last = err[err.index("snip-gui: ") :]
    assert "1 of 3 runs failed" in last
    assert "100.00" in last
    assert "none of the 266,610 connections" in last
    states = {read_summary(folder).state for folder in (tmp_path / "all").iterdir()}
    assert states == {"finished"}


def test_a_sweep_finds_the_runs_of_an_older_version(tmp_path):
    words = ("sweep", *ONE_EPOCH, "--sparsities", "90", "--out", tmp_path / "all")
    call(*words)
    (folder,) = (tmp_path / "all").iterdir()
    folder.rename(tmp_path / "all" / "lenet-300-100-digits-snip-90.0000%-seed0")
    assert "It is finished already." in call(*words)[2]


def test_a_sweep_resumes_where_it_was_and_says_what_came_of_it(tmp_path):
    words = (
        "sweep", *ONE_EPOCH, "--sparsities", "0, 95", "--seeds", "0-1", "--beside", "shuffled",
        "--out", tmp_path / "all",
    )  # fmt: skip
    status, out, err = call(*words)
    assert status == 0, err
    folders = sorted((tmp_path / "all").iterdir())
    assert len(folders) == 6  # the dense network has no control
    assert {read_summary(folder).state for folder in folders} == {"finished"}
    lines = out.splitlines()
    assert len(lines) == 3
    assert all("2 seeds" in line for line in lines)
    files = {path: path.stat().st_mtime_ns for folder in folders for path in folder.iterdir()}
    shutil.rmtree(folders[0])
    status, again, err = call(*words)
    assert (status, again) == (0, out)
    assert err.count("It is finished already.") == 5
    left = {path: time for path, time in files.items() if path.parent != folders[0]}
    assert all(path.stat().st_mtime_ns == time for path, time in left.items())


def test_the_methods_are_listed():
    status, out, _ = call("list", "methods")
    assert status == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == list(METHODS.names)
    for line, method in zip(lines, METHODS, strict=True):
        assert method.title in line
        assert method.description in line


@pytest.mark.parametrize(
    ("words", "pruning"),
    [
        (("--method", "grasp"), Grasp()),
        (
            ("--method", "grasp", "--temperature", 50, "--samples-per-class", 10),
            Grasp(temperature=50, samples_per_class=10),
        ),
        (
            ("--method", "han", "--quality", 0.5, 0.8, "--rounds", 2, "--retrain-epochs", 4),
            Han(quality=(0.5, 0.8), rounds=2, retrain_epochs=4),
        ),
        (("--batches", "all", "--floor", "none"), Snip(batches=0)),
        (("--method", "force", "--batches", 3, "--score-rounds", 2),
         Force(batches=3, score_rounds=2)),
        (("--method", "grasp", "--prunable", "weights-and-biases", "--scoring-mode", "evaluation"),
         Grasp(prunable="weights-and-biases", scoring_mode="evaluation")),
    ],
)  # fmt: skip
def test_settings_of_a_method_are_flags(words, pruning):
    recipe = parse(*words)
    assert recipe == Recipe(pruning=pruning)
    assert parse(*flag_line(recipe)) == recipe


def test_settings_of_another_method_are_refused(tmp_path):
    status, _, err = call("run", "--rounds", 2, "--out", tmp_path / "run")
    assert status == 1
    assert "--rounds is not a setting of SNIP." in err


def test_files_beside_an_export_are_not_replaced_unasked(tmp_path):
    call("run", "--threads", 1, "--out", tmp_path / "run", "--stop-after", "prune")
    (tmp_path / "README.md").write_text("mine")
    words = ("export", tmp_path / "run", "--format", "pt", "--out", tmp_path / "README")
    status, _, err = call(*words)
    assert (status, "“README.md” would be replaced" in err) == (1, True)
    assert (tmp_path / "README.md").read_text() == "mine"
    assert call(*words, "--overwrite")[0] == 0
    words = ("open", tmp_path / "README", "--out", tmp_path / "README.md")
    status, _, err = call(*words)
    assert (status, "is there already" in err) == (1, True)
    assert call(*words, "--overwrite")[0] == 0


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("you can't allocate memory")])
def test_a_command_that_runs_out_of_memory_ends_in_a_sentence(monkeypatch, error):
    def fail(*_arguments):
        raise error

    monkeypatch.setattr("snip_gui.cli.data._list", fail)
    status, _, err = call("list", "networks")
    assert (status, "not enough free memory" in err) == (1, True)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are those of Linux")
@pytest.mark.parametrize("command", ["run", "sweep", "open x.pt"])
def test_without_memory_for_torch_there_is_a_sentence(tmp_path, command):
    (tmp_path / "x.pt").write_bytes(b"")
    line = f"ulimit -v 1000000; exec {sys.executable} -m snip_gui {command}"
    done = subprocess.run(
        ["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "torch cannot be imported" in done.stderr
    assert "Traceback" not in done.stderr


def test_names_that_are_not_utf8_are_refused(tmp_path, monkeypatch):
    name = os.fsdecode(b"caf\xe9")
    status, _, err = call("run", "--out", tmp_path / name)
    assert status == 1
    assert "is not valid UTF-8" in err
    assert "Rename" in err
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    status, _, err = call("run", "--out", "run")
    assert status == 1
    assert "is not valid UTF-8" in err
    assert not os.listdir()


def test_stopping_what_nobody_trains_is_a_sentence(tmp_path):
    status, _, err = call("stop", "some-run", "--runs", tmp_path)
    assert status == 1
    assert "“some-run” is not one of several runs that are being trained." in err
