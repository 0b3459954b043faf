"""Run folders damaged at random: each use of one ends well or in a sentence.

Some by default; ``SNIP_GUI_DAMAGES=800`` asks for more.
"""

from __future__ import annotations

import os
import shutil

import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.events import Progress
from snip_gui.core.execution.mistakes import find_mistakes
from snip_gui.core.execution.resume import extend_steps, resume_steps
from snip_gui.core.execution.run import run_steps
from snip_gui.core.export.export import export_all
from snip_gui.core.recipe.json import with_value
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.extend import extended
from snip_gui.core.runs.jobs import curves_job
from snip_gui.core.runs.lease import is_lease
from snip_gui.core.runs.listing import list_runs
from tests.core.execution.damages import damage
from tests.core.execution.folders import SHORT

NUM_DAMAGES = int(os.environ.get("SNIP_GUI_DAMAGES", "96"))
ONE_EPOCH = with_value(SHORT, "training.epochs", 1)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, environment, digits):
    """A run that was stopped two steps before its end, and a finished one."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    for name, last in (("stopped", 11), ("finished", 99)):
        cancel = CancelToken()
        steps = run_steps(ONE_EPOCH, folder / name, environment, cancel, images=digits)
        for event in steps:
            if isinstance(event, Progress) and event.text.startswith("Training"):
                cancel.cancel() if event.done == last else None
    return folder


def use_resume(folder, environment, digits, *, accept_edits=False):
    list(resume_steps(folder, environment, CancelToken(), images=digits, accept_edits=accept_edits))


def use_resume_edited(folder, environment, digits):
    use_resume(folder, environment, digits, accept_edits=True)


def use_extend(folder, environment, digits):
    cancel = CancelToken()
    recipe = extended(files.read_recipe(folder), 1)
    target = folder.with_name("longer")
    for event in extend_steps(folder, target, recipe, environment, cancel, images=digits):
        if isinstance(event, Progress) and event.total:
            cancel.cancel()  # it has begun


def use_export(folder, environment, digits):
    wanted = [(name, folder.with_name(f"net.{name}")) for name in ("pt", "csr", "shrunk")]
    list(export_all(folder, wanted, CancelToken(), environment, digits))


def use_mistakes(folder, environment, digits):
    list(find_mistakes(folder, "validation", environment, digits, CancelToken()))


def use_list(folder, _environment, _digits):
    assert len(list(list_runs(folder.parent))) <= 1
    list(curves_job([folder], CancelToken()))


USES = {
    "resume": ("stopped", use_resume),
    "resume edited": ("stopped", use_resume_edited),
    "extend": ("finished", use_extend),
    "export": ("finished", use_export),
    "mistakes": ("finished", use_mistakes),
    "list": ("finished", use_list),
}


@pytest.mark.timeout(60 + 3 * NUM_DAMAGES)
@pytest.mark.parametrize("name", list(USES))
def test_a_damaged_run_ends_in_a_sentence_or_well(runs, environment, digits, tmp_path, name):
    start, use = USES[name]
    failed = 0
    for seed in range(list(USES).index(name), NUM_DAMAGES, len(USES)):
        folder = shutil.copytree(runs / start, tmp_path / str(seed) / "run")
        done = damage(folder, seed)
        try:
            use(folder, environment, digits)
        except (UserError, Cancelled) as error:
            said = str(error)
        except Exception as error:
            raise AssertionError(done) from error
        else:
            said = ""
        failed += bool(said)
        assert "\n" not in said, done
        assert not [path for path in folder.iterdir() if is_lease(path.name)], done
        shutil.rmtree(folder.parent)
    assert failed or name == "list"


@pytest.mark.parametrize("kind", ["pipe", "device", "huge"])
@pytest.mark.parametrize("file", [files.MASKS, files.INIT, files.CHECKPOINT, files.BATCH])
def test_a_special_file_in_a_run_blocks_nothing(runs, environment, digits, tmp_path, file, kind):
    folder = shutil.copytree(runs / "finished", tmp_path / "run")
    path = folder / file
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as hole:
            hole.truncate(2**43)
    if file != files.INIT:
        with pytest.raises(UserError, match=file):
            use_export(folder, environment, digits)
    with pytest.raises(UserError, match=file):
        use_extend(folder, environment, digits)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
