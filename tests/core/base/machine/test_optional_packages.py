from __future__ import annotations

import sys

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.optional_packages import load_torch


@pytest.mark.parametrize(
    "kind", [ImportError, OSError, RuntimeError, SyntaxError, AttributeError, KeyError]
)
def test_a_torch_that_cannot_be_imported_comes_with_its_remedy(monkeypatch, kind):
    def fail(name):
        assert name == "torch"
        raise kind("libcudart.so.12: cannot open shared object file")

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(UserError) as caught:
        list(load_torch(CancelToken()))
    assert "libcudart.so.12" in caught.value.message
    assert "pip install" in caught.value.hint


def test_a_torch_that_is_not_installed_makes_no_difference(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError):
        list(load_torch(CancelToken()))


def test_a_folder_named_torch_is_not_torch(monkeypatch, tmp_path):
    (tmp_path / "torch").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    with pytest.raises(UserError, match="torch cannot be imported: what is imported is not torch"):
        list(load_torch(CancelToken()))
