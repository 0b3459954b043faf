from __future__ import annotations

import os

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.recipe import Draw, OwnImage, Picked
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.edits import (
    BIN,
    RunNotes,
    bin_run,
    read_notes,
    rename_run,
    restore_run,
    write_notes,
)
from snip_gui.core.runs.listing import list_runs, minibatch_words, newest_first, read_entry, thinned
from snip_gui.core.runs.lock import RUNNING, holding, is_running
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
        "no summary": lambda f: (f / files.SUMMARY).unlink(),
        "no recipe": lambda f: (f / files.RECIPE).unlink(),
        "cut recipe": lambda f: (f / files.RECIPE).write_text("{"),
        "cut summary": lambda f: (f / files.SUMMARY).write_text("{"),
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
    assert "before it was scored" in entries["no summary"].message


def test_a_run_of_what_is_not_installed_is_listed_by_its_names(tmp_path):
    run = make_run(tmp_path, "other", recipe_with())
    (run / files.RECIPE).write_text('{"model": {"name": "x"}, "data": {"name": "y"}}')
    (entry,) = listed(tmp_path)
    assert (entry.state, entry.network, entry.dataset) == ("finished", "x", "y")


def test_what_is_no_run_is_left_out(tmp_path):
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
        lambda folder, signature: read.append(folder) or read_entry(folder, signature),
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
        (Draw(size=20, classes=(8,)), "20 drawn of class 8"),
        (Draw(size=20, classes=(1, 8)), "20 drawn of classes 1, 8"),
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
    with pytest.raises(UserError, match="no longer there"):
        write_notes(tmp_path / "gone", RunNotes())


def test_renaming(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with())
    make_run(tmp_path, "two", recipe_with())
    renamed = rename_run(folder, " three ")
    assert renamed == tmp_path / "three"
    assert read_entry(renamed).name == "three"
    assert rename_run(renamed, "three") == renamed
    with pytest.raises(UserError, match="There is a run “two” already"):
        rename_run(renamed, "two")
    for bad in ("", " ", "a/b", "..", ".hidden", "a:b", "dot.", "a\nb"):
        with pytest.raises(UserError, match="cannot be the name"):
            rename_run(renamed, bad)
    with pytest.raises(UserError, match="cannot be moved"):
        rename_run(tmp_path / "gone", "four")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["three", "two"]


def test_the_bin_gives_back_what_was_put_into_it(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with(), error=0.1)
    first = bin_run(folder)
    make_run(tmp_path, "one", recipe_with(), error=0.2)
    second = bin_run(folder)
    assert first.parent == second.parent == tmp_path / BIN
    assert listed(tmp_path) == ()
    restore_run(first, folder)
    assert read_entry(folder).test_error == pytest.approx(0.2, abs=0.1)
    with pytest.raises(UserError, match="another run has its name"):
        restore_run(second, folder)
    assert second.is_dir()


def test_a_run_in_training_is_neither_moved_nor_taken_for_stopped(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with(), state="stopped")
    with holding(folder):
        assert read_entry(folder).state == "running"
        for work in (lambda: rename_run(folder, "two"), lambda: bin_run(folder)):
            with pytest.raises(UserError, match="being trained now"):
                work()
        with pytest.raises(UserError, match="being trained now"), holding(folder):
            pass
    assert not (folder / RUNNING).exists()
    assert read_entry(folder).state == "stopped"


def test_the_mark_of_a_killed_program_counts_for_nothing(tmp_path):
    folder = make_run(tmp_path, "one", recipe_with(), state="stopped")
    for mark in (f'{{"pid": {os.getpid()}, "started": 1.0}}', '{"pid": 4194304, "started": 1}', ""):
        (folder / RUNNING).write_text(mark)
        assert not is_running(folder)
        (entry,) = listed(tmp_path)
        assert entry.state == "stopped"
