from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from snip_gui.cli.terminal import EventPrinter, Stream
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import read_summary

ROOT = Path(__file__).parents[2]
RUN = ("run", "--epochs", "2", "--minibatch-size", "20", "--threads", "1", "--device", "cpu")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="shells and signals of POSIX"),
]


def shell(script, tmp_path, **variables):
    """Run a script in which $SG is the program; return its exit status and what it printed."""
    environment = os.environ | {
        "SG": f"{sys.executable} -m snip_gui",
        "PYTHONPATH": str(ROOT),
        "SNIP_GUI_RUNS": str(tmp_path / "runs"),
    }
    return subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment | variables, timeout=240,
        capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "redirection", [">&- 2>&-", "> /dev/full 2> /dev/full", "2>&1 | head -n 1", "<&- >&- 2>&-"]
)
def test_a_run_ends_whatever_becomes_of_its_terminal(tmp_path, redirection):
    done = shell(f"$SG {' '.join(RUN)} --out run {redirection}", tmp_path)
    assert done.returncode == 0
    assert read_summary(tmp_path / "run").state == "finished"
    assert b"Exception" not in done.stderr


def test_a_run_says_nothing_of_a_full_terminal_at_its_end(tmp_path):
    done = shell("$SG list models > /dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_nothing_that_a_library_prints_lands_in_a_file_of_the_run(tmp_path):
    code = textwrap.dedent("""
        import os, sys
        from snip_gui.__main__ import open_standard_streams
        open_standard_streams()
        with open("file", "wb") as file:
            file.write(b"data")
            os.write(1, b"noise")
            os.write(2, b"noise")
    """)
    (tmp_path / "code.py").write_text(code)
    done = shell(f"{sys.executable} code.py >&- 2>&-", tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "file").read_bytes() == b"data"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict", "cp437"])
@pytest.mark.parametrize("words", ["run --help", "list datasets", "run --resume “missing”"])
def test_a_terminal_without_the_signs_gets_plain_ones(tmp_path, encoding, words):
    done = shell(f"$SG {words}", tmp_path, PYTHONIOENCODING=encoding)
    assert b"Traceback" not in done.stderr
    assert done.returncode == (1 if "missing" in words else 0)
    if "missing" in words:
        assert b'"' in done.stderr


@pytest.mark.parametrize("columns", ["1", "9", "30"])
def test_help_fits_a_narrow_terminal(tmp_path, columns):
    assert shell("$SG run --help", tmp_path, COLUMNS=columns).returncode == 0


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_loses_its_terminal_stops_with_a_checkpoint(tmp_path, which):
    """The loss is told twice: by the kernel and by the shell."""
    main, worker = pty.openpty()
    words = (*RUN, "--epochs", "100000", "--out", str(tmp_path / "run"))
    process = subprocess.Popen(
        [sys.executable, "-m", "snip_gui", *words],
        stdin=worker, stdout=worker, stderr=worker, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    os.close(worker)
    try:
        seen = b""
        while b"epoch 1:" not in seen:
            seen += os.read(main, 1000)
        os.close(main)
        process.send_signal(which)
        process.send_signal(which)
        assert process.wait(timeout=120) == 130
    finally:
        process.kill()
    summary = read_summary(tmp_path / "run")
    assert (summary.state, summary.step > 0) == ("stopped", True)
    assert (tmp_path / "run" / files.CHECKPOINT).exists()


class Text(io.StringIO):
    """A terminal."""

    def isatty(self):
        return True


def test_the_bar_fits_its_terminal_and_a_dumb_one_gets_none(monkeypatch):
    out, err = Text(), Text()
    monkeypatch.setattr(Stream, "width", lambda _self: 20)
    printer = EventPrinter(Stream(out), Stream(err))
    printer.event(Progress("Training, epoch 1 of 100", 3, 7, 12.0))
    assert err.getvalue().startswith("\rTraining")
    assert len(err.getvalue()) == 20
    monkeypatch.setenv("TERM", "dumb")
    err = Text()
    EventPrinter(Stream(out), Stream(err)).event(Progress("Training", 3, 7))
    assert err.getvalue() == ""


def test_names_of_strangers_give_a_terminal_no_orders():
    out, err = io.StringIO(), io.StringIO()
    printer = EventPrinter(Stream(out), Stream(err))
    name = "\x1b]0;title\x07\x1b[2J\rfine\u202egnp.exe\x9b1m\nsnip-gui: all is well"
    printer.line(name)
    printer.event(Note(name))
    printer.error(UserError(name, name))
    for line in (out.getvalue() + err.getvalue()).splitlines():
        assert line.isprintable()
        assert not line.startswith("snip-gui: all")
    assert "\\x1b]0;title" in out.getvalue()
    assert "\\u202egnp.exe" in out.getvalue()


def test_a_stream_that_fails_is_not_a_failure():
    class Broken(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

    closed = io.StringIO()
    closed.close()
    for stream in (Stream(None), Stream(Broken()), Stream(closed)):
        printer = EventPrinter(stream, stream)
        printer.line("text")
        printer.note("text")
        stream.finish()


def test_signals_are_left_as_they_were():
    handlers = [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)]
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        cancel = CancelToken()
        with EventPrinter(Stream(None), Stream(None)).stopping_on_signals(cancel):
            signal.raise_signal(signal.SIGHUP)
            assert not cancel.is_cancelled
            signal.raise_signal(signal.SIGTERM)
            assert cancel.is_cancelled
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.parametrize("redirection", ["", "2>&1 | head -n 1", "> /dev/full 2> /dev/full"])
def test_what_a_network_prints_is_not_a_result_and_ends_no_run(tmp_path, redirection):
    (tmp_path / "net.py").write_text(
        textwrap.dedent("""
        import sys
        from torch import nn

        class Net(nn.Module):
            def __init__(self, image_shape, num_classes):
                super().__init__()
                self.out = nn.Linear(784, num_classes)

            def forward(self, images):
                print("a word of the network", flush=True)
                sys.stderr.write("another" * 1000)
                return self.out(images.flatten(1))
    """)
    )
    own = "--model own --model-file net.py --model-symbol Net --trust-code"
    done = shell(f"$SG {' '.join(RUN)} {own} --out run {redirection}", tmp_path)
    assert done.returncode == 0
    assert read_summary(tmp_path / "run").state == "finished"
    if not redirection:
        assert b"a word" not in done.stdout
        assert b"a word" in done.stderr
