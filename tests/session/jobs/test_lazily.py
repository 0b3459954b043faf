from __future__ import annotations

import ast
import importlib
import inspect
import sys
from pathlib import Path

import pytest

import snip_gui.session
from snip_gui.core.base.cancel import CancelToken
from snip_gui.session.jobs.lazily import lazily


def find_calls():
    """Every call of `lazily` in the session: where it stands, and its syntax tree."""
    folder = Path(snip_gui.session.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "lazily":
                yield pytest.param(node, id=f"{path.relative_to(folder)}:{node.lineno}")


@pytest.mark.parametrize("call", tuple(find_calls()))
def test_the_arguments_of_each_job_fit_the_signature_of_its_target(call):
    target, *args = call.args
    assert isinstance(target, ast.Constant), "a target that is not spelled out is not checked"
    assert not any(isinstance(arg, ast.Starred) for arg in args)
    module, _, name = target.value.partition(":")
    function = getattr(importlib.import_module(module), name)
    signature = inspect.signature(function)
    signature.bind(*args, **{keyword.arg: keyword.value for keyword in call.keywords}, cancel=None)
    assert signature.parameters["cancel"].annotation == "CancelToken"
    assert inspect.isgeneratorfunction(function)


def test_nothing_is_imported_before_the_job_runs(monkeypatch, tmp_path):
    (tmp_path / "heavy_work.py").write_text(
        "def work(one, *, cancel, two):\n    yield one, two, cancel\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    job, token = lazily("heavy_work:work", 1, two=2), CancelToken()
    assert "heavy_work" not in sys.modules
    assert list(job(token)) == [(1, 2, token)]
    del sys.modules["heavy_work"]
