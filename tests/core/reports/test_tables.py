from __future__ import annotations

import csv
import io
import statistics

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.recipe.methods import RandomMask
from snip_gui.core.recipe.recipe import Recipe
from snip_gui.core.recipe.sweeps import parse_seeds, parse_sparsities, sweep
from snip_gui.core.reports.error_sparsity import error_series, published
from snip_gui.core.reports.tables import differences, duration, other_settings, runs_table
from snip_gui.core.reports.text_tables import Table, to_csv, to_latex, to_markdown
from snip_gui.core.runs.edits import RunNotes, write_notes
from snip_gui.core.runs.listing import list_runs, newest_first
from tests.run_folders import make_run, recipe_with

NASTY = Table(("a|b", "50 %"), (('say "x", y', "a_b & {c} \\ ~^#$"), ("two\nlines", "*b* [l]")))


# Text


def test_csv_reads_back_as_it_was():
    rows = list(csv.reader(io.StringIO(to_csv(NASTY), newline="")))
    assert rows == [list(NASTY.headers), *map(list, NASTY.rows)]


def test_markdown_has_one_line_a_row_and_as_many_cells():
    lines = to_markdown(NASTY).splitlines()
    assert len(lines) == 4
    assert lines[0] == r"| a\|b | 50 % |"
    assert lines[1] == "| --- | --- |"
    assert lines[2] == r'| say "x", y | a\_b \& {c} \\ \~^#\$ |'
    assert lines[3] == r"| two lines | \*b\* \[l\] |"


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2+3", "@SUM(1)", " =x", "\t=x", "＝1+1"])
def test_no_cell_of_csv_is_a_formula(cell):
    (row,) = csv.reader(io.StringIO(to_csv(Table((cell,), ()))))
    assert row == [f"'{cell.replace(chr(9), ' ')}"]


def test_numbers_of_csv_stay_numbers():
    assert to_csv(Table(("-1.5", "+2"), (("-3.25%", "1e-3"),))) == "-1.5,+2\n-3.25%,1e-3\n"


def test_a_backslash_before_a_pipe_ends_no_cell_of_markdown():
    assert to_markdown(Table(("a\\|b", "c\\"), ())).splitlines()[0] == r"| a\\\|b | c\\ |"


def test_a_row_of_latex_may_begin_with_a_bracket_or_a_star():
    lines = to_latex(Table(("a",), (("[x]",), ("*y",)))).splitlines()
    assert lines[4:6] == [r"{[}x] \\", r"{*}y \\"]


@pytest.mark.parametrize("form", [to_csv, to_markdown, to_latex])
def test_no_table_holds_control_characters(form):
    assert form(Table(("a\x1b[2J\u202eb",), ())).replace("\n", "").isprintable()


def test_latex_has_rules_and_no_sign_of_its_own_left():
    text = to_latex(NASTY)
    assert text.splitlines()[:4] == [
        r"\begin{tabular}{ll}", r"\toprule", r"a\textbar{}b & 50 \% \\", r"\midrule",
    ]  # fmt: skip
    assert r"a\_b \& \{c\} \textbackslash{} \textasciitilde{}\textasciicircum{}\#\$ \\" in text
    assert text.endswith("\\bottomrule\n\\end{tabular}\n")


def test_a_table_of_runs(tmp_path):
    recipe = recipe_with(pruning__sparsity=0.9, training__epochs=3, seed=4)
    write_notes(make_run(tmp_path, "one", recipe, error=0.05), RunNotes(note="x|y"))
    (make_run(tmp_path, "bad", recipe) / "summary.json").write_text("{}")
    table = runs_table(newest_first(list_runs(tmp_path)))
    rows = {row[0]: dict(zip(table.headers, row, strict=True)) for row in table.rows}
    one = rows["one"]
    assert one["Test error, final"] == one["Lowest validation error"] == "15.62%"
    assert (one["Epochs"], one["Seed"], one["Note"]) == ("3 of 3", "4", "x|y")
    assert rows["bad"]["State"] == "broken"
    assert rows["bad"]["Test error, final"] == "—"


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.04, "3.0 s"), (65, "1 min 05 s"), (3600 + 300, "1 h 05 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


# Differences


def test_only_fields_that_differ_are_named():
    first = recipe_with(training__epochs=3, seed=1)
    second = recipe_with(training__epochs=5, seed=1, training__decay_at=(0.5,))
    table = differences([("a", first), ("b", second), ("c", first)])
    assert table.headers == ("Field", "a", "b", "c")
    assert table.rows == (
        ("Epochs (training.epochs)", "3", "5", "3"),
        ("Decays at (training.decay_at)", "0.5, 0.75", "0.5", "0.5, 0.75"),
    )
    assert differences([("a", first), ("b", first)]).rows == ()


def test_a_field_that_one_method_lacks_is_empty_there():
    table = differences([("a", Recipe()), ("b", Recipe(pruning=RandomMask()))])
    assert ("Method (pruning.method)", "snip", "random") in table.rows
    assert any(row[1:] == ("evaluation", "—") for row in table.rows)


# Sweeps


def test_sparsities_and_seeds_are_read_as_people_write_them():
    assert parse_sparsities("0, 50,90 %; 99.5% 50") == (0.0, 0.5, 0.9, 0.995)
    assert parse_seeds("0-2, 7 1") == (0, 1, 2, 7)


@pytest.mark.parametrize("text", ["", "100", "-1", "ninety", "nan", "inf", "90..5"])
def test_invalid_sparsity_is_refused(text):
    with pytest.raises(UserError):
        parse_sparsities(text)


@pytest.mark.parametrize("text", ["", "a", "-1", "3-1", "0-99999", "1.5"])
def test_invalid_seed_is_refused(text):
    with pytest.raises(UserError):
        parse_seeds(text)


def test_a_sweep_changes_sparsity_and_seed_alone():
    recipe = recipe_with(training__epochs=7)
    recipes = sweep(recipe, (0.0, 0.9), (3, 4))
    found = [(r.seed, r.pruning.sparsity) for r in recipes]
    assert found == [(3, 0.0), (3, 0.9), (4, 0.0), (4, 0.9)]
    paths = {row[0] for row in differences([(str(n), r) for n, r in enumerate(recipes)]).rows}
    assert paths == {"Sparsity (pruning.sparsity)", "Seed (seed)"}
    with pytest.raises(UserError, match="1,200 runs"):
        sweep(recipe, (0.1, 0.2), range(600))


def test_a_sweep_can_stand_beside_a_control_but_dense_networks_are_all_the_same():
    recipes = sweep(Recipe(), (0.0, 0.9), (0, 1), ["random"])
    found = [(r.seed, r.pruning.sparsity, r.pruning.method) for r in recipes]
    one = [(0.0, "snip"), (0.9, "snip"), (0.9, "random")]
    assert found == [(seed, *rest) for seed in (0, 1) for rest in one]


# Error against sparsity


def test_runs_that_differ_in_seed_alone_are_one_level(tmp_path):
    recipe = recipe_with(pruning__sparsity=0.9)
    errors = [0.04, 0.06, 0.11]
    for seed, error in enumerate(errors):
        changed = recipe_with(pruning__sparsity=0.9, seed=seed)
        make_run(tmp_path, f"snip {seed}", changed, error=error)
    make_run(tmp_path, "dense", recipe_with(pruning__sparsity=0.0), error=0.03)
    make_run(tmp_path, "random", recipe_with(pruning__method="random"), error=0.2)
    make_run(tmp_path, "longer", recipe_with(training__epochs=99), error=0.01)
    make_run(tmp_path, "unfinished", recipe, state="stopped")
    entries = newest_first(list_runs(tmp_path))
    series = {s.label: s for s in error_series(entries)}
    assert set(series) == {
        "LeNet-300-100, UCI digits, SNIP, Epochs 10",
        "LeNet-300-100, UCI digits, SNIP, Epochs 99",
        "LeNet-300-100, UCI digits, Random mask, Epochs 10",
    }
    assert {s.brief for s in series.values()} == {
        "SNIP, Epochs 10", "SNIP, Epochs 99", "Random mask, Epochs 10"
    }  # fmt: skip
    levels = next(s.levels for s in series.values() if len(s.levels) == 2)
    assert [level.sparsity for level in levels] == [0.0, 0.9]
    finals = [e.test_error for e in entries if e.name.startswith("snip")]
    assert levels[1].mean == pytest.approx(statistics.fmean(finals))
    assert levels[1].deviation == pytest.approx(statistics.stdev(finals))
    assert levels[0].deviation == 0


def test_the_published_points_are_those_of_the_figure():
    for network, at_zero, at_ninety in (
        ("LeNet-300-100", 1.683, 1.761),
        ("LeNet-5-Caffe", 0.863, 0.889),
    ):
        points = published(network)
        for sparsity, mean in ((0, at_zero), (0.9, at_ninety)):
            found = [100 * error for s, error in points if s == pytest.approx(sparsity)]
            assert statistics.fmean(found) == pytest.approx(mean, abs=0.002)
    assert published("VGG-D") == ()


def test_other_settings_are_those_in_which_runs_differ():
    recipes = [
        recipe_with(training__batch_size=50, seed=1),
        recipe_with(training__batch_size=100),
        recipe_with(training__batch_size=100, pruning__method="random"),
    ]
    shown = ("seed", "pruning.method", "pruning.sparsity")
    assert other_settings(recipes, shown) == ["Batch size 50", "Batch size 100", "Batch size 100"]
    assert other_settings(recipes[1:], shown) == ["", ""]  # the scoring mode follows the method
