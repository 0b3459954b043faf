from __future__ import annotations

import os

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.recipe import Draw, OwnImage, Picked
from snip_gui.core.reports.tables import duration
from snip_gui.core.runs import folder as files
from snip_gui.core.runs import lease
from snip_gui.core.runs.edits import (
    BIN,
    RunNotes,
    bin_run,
    read_notes,
    restore_run,
    write_notes,
)
from snip_gui.core.runs.lease import RUNNING, holding
from snip_gui.core.runs.listing import list_runs, minibatch_words, newest_first, read_entry, thinned
from snip_gui.core.training.metrics import MetricPoint
from tests.run_folders import make_run, points_of, recipe_with


def listed(folder, known=()):
    return newest_first(list_runs(folder, known))


def test_an_entry_says_what_was_done_and_what_came_of_it(tmp_path):
    recipe = recipe_with(pruning__sparsity=0.95, training__epochs=4, data__name="mnist")
    points = [
        MetricPoint(0, 0.0, "validation", 2.3, 0.1, 0.1, 0.1),
        MetricPoint(0, 0.0, "test", 2.3, 0.12, 0.1, 0.2),
        MetricPoint(10, 1.0, "validation", 0.2, 0.95, 0.1, 1.0),
        MetricPoint(10, 1.0, "test", 0.2, 0.94, 0.1, 1.1),
        MetricPoint(20, 2.0, "train", 0.1, 0.99, 0.1, 1.8),
        MetricPoint(20, 2.0, "validation", 0.2, 0.93, 0.1, 1.9),
        MetricPoint(20, 2.0, "test", 0.2, 0.96, 0.1, 2.0),
    ]
    folder = make_run(tmp_path, "one", recipe, points=points, state="stopped")
    (entry,) = listed(tmp_path)
    assert (entry.name, entry.folder, entry.state) == ("one", folder, "stopped")
    assert (entry.network, entry.dataset, entry.method) == ("LeNet-300-100", "MNIST", "SNIP")
    assert entry.minibatch == "100 drawn"
    assert entry.sparsity == pytest.approx(0.95, abs=1e-5)
    assert (entry.epochs_done, entry.epochs, entry.seconds) == (2.0, 4, 2.0)
    assert entry.test_error == pytest.approx(0.04)
    assert entry.best_validation_error == pytest.approx(0.05)
    assert entry.test_error_at_best == pytest.approx(0.06)
    assert [epoch for epoch, _ in entry.curve] == [0, 1, 2]
    assert [error for _, error in entry.curve] == pytest.approx([0.9, 0.05, 0.07])
    assert entry.size_bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert entry.recipe == recipe
    assert entry.can_continue


def test_without_a_validation_split_the_curve_is_that_of_the_test_images(tmp_path):
    points = [point for point in points_of(2, 0.1) if point.split != "validation"]
    make_run(tmp_path, "one", recipe_with(), points=points)
    (entry,) = listed(tmp_path)
    assert len(entry.curve) == 3
    assert entry.best_validation_error is None
    assert entry.test_error_at_best is None
    assert not entry.can_continue


def test_a_damaged_run_is_listed_with_the_reason_and_spoils_nothing(tmp_path):
    make_run(tmp_path, "good", recipe_with())
    damages = {
        "no recipe": lambda f: (f / files.RECIPE).unlink(),
        "cut recipe": lambda f: (f / files.RECIPE).write_text("{"),
        "strange summary": lambda f: (f / files.SUMMARY).write_text("{}"),
        "bad metrics": lambda f: (f / files.METRICS).write_text("step\nx,1,test,1,1,1,1\n"),
        "binary metrics": lambda f: (f / files.METRICS).write_bytes(b"step\n\xff\xfe\n"),
        "a newer state": lambda f: (f / files.SUMMARY).write_text(
            (f / files.SUMMARY).read_text().replace("finished", "paused")
        ),
        "no parameters": lambda f: (f / files.SUMMARY).write_text(
            (f / files.SUMMARY).read_text().replace("266610", "0")
        ),
    }
    for name, damage in damages.items():
        damage(make_run(tmp_path, name, recipe_with()))
    entries = {entry.name: entry for entry in listed(tmp_path)}
    assert entries["good"].state == "finished"
    for name in damages:
        assert entries[name].state == "broken", name
        assert entries[name].message, name


def test_a_run_that_ended_before_anything_whole_was_kept_can_start_over(tmp_path):
    (make_run(tmp_path, "none", recipe_with()) / files.SUMMARY).unlink()
    (make_run(tmp_path, "cut", recipe_with()) / files.SUMMARY).write_text("{")
    for entry in listed(tmp_path):
        assert entry.can_continue
        assert "before training began" in entry.message


def test_a_run_of_what_is_not_installed_is_listed_by_its_names(tmp_path):
    run = make_run(tmp_path, "other", recipe_with())
    (run / files.RECIPE).write_text('{"model": {"name": "x"}, "data": {"name": "y"}}')
    (entry,) = listed(tmp_path)
    assert (entry.state, entry.network, entry.dataset) == ("finished", "x", "y")


def test_other_folders_are_skipped(tmp_path):
    assert listed(tmp_path / "nowhere") == ()
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a file").write_text("")
    make_run(tmp_path / BIN, "gone", recipe_with())
    assert listed(tmp_path) == ()


def test_a_metrics_file_that_was_cut_off_gives_the_whole_lines(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with(), epochs=2)
    path = folder / files.METRICS
    text = path.read_text()
    for end in range(len(text) - 60, len(text)):
        path.write_text(text[:end])
        assert read_entry(folder).state == "finished"


def test_only_runs_that_changed_are_read_again(tmp_path, monkeypatch):
    kept, changed = (make_run(tmp_path, name, recipe_with()) for name in ("kept", "changed"))
    before = listed(tmp_path)
    write_notes(changed, RunNotes(starred=True))
    read = []
    monkeypatch.setattr(
        "snip_gui.core.runs.listing.read_entry",
        lambda folder, *more: read.append(folder) or read_entry(folder, *more),
    )
    after = listed(tmp_path, before)
    assert read == [changed]
    by_folder = {entry.folder: entry for entry in before}
    assert {e.folder: e for e in after}[kept] is by_folder[kept]
    assert {e.folder: e for e in after}[changed].notes.starred


def test_a_curve_keeps_its_ends_when_it_is_thinned():
    points = [(float(n), n / 7) for n in range(1000)]
    few = thinned(points)
    assert len(few) == 100
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert thinned(points[:100]) == tuple(points[:100])


@pytest.mark.parametrize(
    ("minibatch", "words"),
    [
        (Draw(size=1000), "1,000 drawn"),
        (Draw(size=20, classes=(8,)), "20 drawn of class #8"),
        (Draw(size=20, classes=(1, 8)), "20 drawn of classes #1, #8"),
        (Picked(indices=(4, 5)), "2 picked"),
        (Picked(indices=(4,), images=(OwnImage(digest="0" * 64, label=3),)), "1 picked, 1 own"),
    ],
)
def test_the_minibatch_in_words(minibatch, words):
    assert minibatch_words(minibatch) == words


# Edits


def test_star_and_note_are_kept_in_the_folder(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with())
    assert read_notes(folder) == RunNotes()
    write_notes(folder, RunNotes(starred=True, note="the good one"))
    assert read_entry(folder).notes == RunNotes(starred=True, note="the good one")
    (folder / "notes.json").write_text("{")
    assert read_entry(folder).state == "finished"
    with pytest.raises(UserError, match="no longer exists"):
        write_notes(tmp_path / "gone", RunNotes())


def test_a_run_is_shown_under_the_name_it_was_given(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with())
    assert read_entry(folder).name == "one"
    write_notes(folder, RunNotes(name="a/b: the good one…"))
    assert read_entry(folder).name == "a/b: the good one…"
    assert read_entry(folder).folder == folder
    with pytest.raises(UserError, match="300 letters"):
        write_notes(folder, RunNotes(name="x" * 300))


def test_half_a_character_in_a_name_or_note_is_replaced(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with())
    write_notes(folder, RunNotes(name="one \ud83d", note="\udc00 two"))
    assert read_notes(folder) == RunNotes(name="one ?", note="? two")


def test_the_bin_gives_back_what_was_put_into_it(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with(), error=0.1)
    first = bin_run(folder)
    make_run(tmp_path, "one", recipe_with(), error=0.2)
    second = bin_run(folder)
    assert first.parent == second.parent == tmp_path / BIN
    assert listed(tmp_path) == ()
    restore_run(first, folder)
    assert read_entry(folder).test_error == pytest.approx(0.2, abs=0.1)
    with pytest.raises(UserError, match="there is a run in its folder"):
        restore_run(second, folder)
    assert second.is_dir()


def test_a_run_in_training_is_neither_moved_nor_considered_stopped(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with(), state="stopped")
    with holding(folder):
        assert read_entry(folder).state == "running"
        with pytest.raises(UserError, match="currently being trained"):
            bin_run(folder)
    assert not (folder / RUNNING).exists()
    assert read_entry(folder).state == "stopped"


def test_a_lease_of_another_computer_counts_while_it_is_kept_up(tmp_path, monkeypatch):
    folder = make_run(tmp_path, "one", recipe_with(), state="stopped")
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    (folder / RUNNING).write_text("1")
    before = listed(tmp_path)
    assert before[0].state == "running"
    for beat in range(2, 5):
        now += 2 * lease.PATIENCE_SECONDS
        (folder / RUNNING).write_text(str(beat))
        before = listed(tmp_path, before)
        assert before[0].state == "running"
    now += lease.PATIENCE_SECONDS - 1
    before = listed(tmp_path, before)
    assert before[0].state == "running"
    now += 1
    assert listed(tmp_path, before)[0].state == "stopped"
    assert listed(tmp_path)[0].state == "running"  # to one who looks for the first time


@pytest.mark.parametrize("name", [files.RECIPE, files.SUMMARY, files.METRICS, "notes.json"])
@pytest.mark.parametrize(
    "kind", ["pipe", "device", "folder", "dangling", "loop", "nested", "utf-8"]
)
def test_one_hostile_run_hides_no_other(tmp_path, name, kind):
    make_run(tmp_path, "good", recipe_with())
    path = make_run(tmp_path, "bad", recipe_with()) / name
    path.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "dangling":
            path.symlink_to("nowhere")
        case "loop":
            path.symlink_to(path)
        case "nested":
            path.write_text('{"q": ' + "[" * 100_000)
        case "utf-8":
            path.write_bytes(b'{"note": "\n\xff"}\n')
    entries = {entry.name: entry for entry in listed(tmp_path)}
    assert entries["good"].state == "finished"
    harmless = name == "notes.json" or (name, kind) == (files.METRICS, "nested")
    if harmless:
        assert entries["bad"].state == "finished"
    else:
        assert entries["bad"].state in ("broken", "stopped")
        assert entries["bad"].message


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("created", ['"2024-01-01T00:00:00"', '"9999-12-31T23:59:59+00:00"',
                     '"0001-01-01T00:00:00-23:59"', '"yesterday"', '""']),
        ("seconds", ["1e300", "1e999", "-1", '"NaN"', "null"]),
        ("num_kept", ["-1", "1" + "0" * 30, "18446744073709551616"]),
        ("num_parameters", ["0", "1" + "0" * 400]),
        ("best_validation_error", ["1e300", "-5"]),
    ],
)  # fmt: skip
def test_numbers_and_times_that_cannot_be_shown_are_met_where_they_are_read(
    tmp_path, field, values
):
    for number, value in enumerate(values):
        folder = make_run(tmp_path, f"run{number}", recipe_with(), **{field: "MARKER"})
        text = (folder / files.SUMMARY).read_text().replace('"MARKER"', value)
        (folder / files.SUMMARY).write_text(text)
    entries = listed(tmp_path)
    assert len(entries) == len(values)
    for entry in entries:
        assert entry.state == ("finished" if field == "created" else "broken")
        assert 1970 < entry.created.astimezone().year < 2901
        assert duration(entry.seconds)


@pytest.mark.parametrize(
    "row",
    ["5,inf,test,1,1,1,1", "5,nan,test,1,1,1,1", "-5,1,test,1,1,1,1", "5,1e300,test,1,1,1,1",
     "5,1,test,inf,1,1,1", "5,1,test,1,7,1,1", "5,1,test,1,1,1,nan", "5,1,test",
     "5,1,other,1,1,1,1", "1" + "0" * 5000 + ",1,test,1,1,1,1"],
)  # fmt: skip
def test_metrics_that_cannot_have_been_measured_are_refused_by_their_line(tmp_path, row):
    folder = make_run(tmp_path, "one", recipe_with())
    with (folder / files.METRICS).open("a") as file:
        file.write(row + "\n")
    (entry,) = listed(tmp_path)
    assert entry.state == "broken"
    assert "line 14 has " in entry.message
