"""Networks that are put together in unusual ways: complete runs of them."""

from __future__ import annotations

import io

from snip_gui.cli.terminal import EventPrinter, Stream
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.export.export import export_run
from snip_gui.core.runs.folder import read_summary

_HEAD = """
import torch
from torch import nn
from torch.nn import functional

"""

OUTSIDE = (
    _HEAD
    + """
class Net(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(24, 784) * 0.05)
        self.scale = nn.Parameter(torch.ones(24))
        self.out = nn.Linear(24, num_classes)

    def forward(self, images):
        hidden = torch.einsum("bi,oi->bo", images.flatten(1), self.w1)
        return self.out(torch.relu(hidden) * self.scale)
"""
)


def test_what_does_not_compete_is_said_in_log_summary_and_card(run_own, tmp_path):
    done = run_own(OUTSIDE)
    sentence = "18,840 parameters are outside layers and are not pruned: w1 (18,816), scale (24)."
    assert sentence in done.notes
    summary = read_summary(done.folder)
    assert summary.num_parameters == 250
    assert summary.outside == {"w1": 18_816, "scale": 24}
    printed = io.StringIO()
    EventPrinter(Stream(printed), Stream(io.StringIO())).result(done.folder, summary)
    assert sentence in printed.getvalue()
    path = tmp_path / "x.pt"
    list(export_run(done.folder, "pt", path, CancelToken(), done.environment))
    assert sentence in (tmp_path / "x.pt.md").read_text(encoding="utf-8")
