"""Trial of a user-supplied network in a separate process.

Code that never returns, or that ends its process, does no harm there: the process is stopped and
the failure reported. A network that passes is run in this process afterwards.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import snip_gui
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.models.own.source import read_trusted
from snip_gui.core.recipe.recipe import ModelChoice  # noqa: TC001 - msgspec needs it to decode

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

    from snip_gui.core.base.cancel import CancelToken

LIMIT_SECONDS = 120.0  # a busy machine takes half a minute to load torch
_LOOK_SECONDS = 0.05

_passed: set[tuple[str, str, tuple[int, int, int], int]] = set()


class Question(msgspec.Struct, frozen=True):
    """The network that the other process is asked to try."""

    choice: ModelChoice
    shape: tuple[int, int, int]
    num_classes: int


class Answer(msgspec.Struct, frozen=True):
    """The result; the message is empty if the trial succeeded."""

    message: str = ""
    hint: str = ""
    field: str = ""
    remarks: tuple[str, ...] = ()


def try_out(
    choice: ModelChoice,
    shape: tuple[int, int, int],
    num_classes: int,
    trusted: Collection[str],
    cancel: CancelToken,
    *,
    limit_seconds: float = LIMIT_SECONDS,
) -> Generator[Event, None, None]:
    """Create the network in another process and pass images through it; cached by digest.

    Raises
    ------
    UserError
        If the user has not agreed to run the file, or the network cannot be created, cannot be
        evaluated, scored and trained on images of this shape (C, H, W), or does not return in time.
    Cancelled
        If cancelled meanwhile.
    """
    source = read_trusted(choice, trusted)
    key = (source.digest, choice.symbol, shape, num_classes)
    if key in _passed:
        return
    yield Note(f"Runs the code of “{source.path.name}” (SHA-256 {source.digest}).")
    question = msgspec.json.encode(
        Question(msgspec.structs.replace(choice, file_digest=source.digest), shape, num_classes)
    )
    with tempfile.TemporaryDirectory(prefix="snip-gui-") as folder:
        asked, answered = Path(folder, "question.json"), Path(folder, "answer.json")
        asked.write_bytes(question)
        output = Path(folder, "output.txt").open("wb")  # noqa: SIM115 - closed by the stack below
        with contextlib.ExitStack() as stack:
            stack.enter_context(output)
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(asked), str(answered)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(),
            )
            stack.callback(_end, process)
            started = time.monotonic()
            while process.poll() is None:
                cancel.raise_if_cancelled()
                passed = time.monotonic() - started
                if passed > limit_seconds:
                    raise UserError(
                        f"“{choice.symbol}” in “{Path(choice.file).name}” did not return within "
                        f"{limit_seconds:g} seconds.",
                        "Check its code for an endless loop, then choose the file again.",
                        field="model.file",
                    )
                yield Progress(f"Trying out {choice.symbol} ({passed:.0f} s)")
                time.sleep(_LOOK_SECONDS)
        answer = _read_answer(choice, answered, process.returncode, Path(folder, "output.txt"))
    if answer.message:
        raise UserError(answer.message, answer.hint, field=answer.field)
    for remark in answer.remarks:
        yield Note(remark)
    _passed.add(key)


def _read_answer(choice: ModelChoice, answered: Path, status: int, output: Path) -> Answer:
    """Return the result of the other process; raises `UserError` if it ended without one."""
    try:
        return msgspec.json.decode(answered.read_bytes(), type=Answer)
    except FileNotFoundError:
        lines = output.read_text(errors="replace").strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        raise UserError(
            f"“{Path(choice.file).name}” ended its test process with status {status}{last}.",
            "Correct the file and choose it again.",
            field="model.file",
        ) from None


def _environment() -> dict[str, str]:
    """Return the other process's environment variables; it must import this very package."""
    root = str(Path(snip_gui.__file__).parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that has not ended by itself."""
    if process.poll() is None:
        process.kill()
        process.wait()


def _answer(question: Question) -> Answer:
    """Carry out the trial, in the other process."""
    from snip_gui.core.models.own.running import make_own
    from snip_gui.core.models.own.trial import compare_anew, try_passes

    choice, shape, num_classes = question.choice, question.shape, question.num_classes
    try:
        model, _ = make_own(choice, shape, num_classes, {choice.file_digest})
        remarks = try_passes(model, choice, shape, num_classes)
        again, _ = make_own(choice, shape, num_classes, {choice.file_digest})
        remarks += compare_anew(model, again, choice, shape)
    except UserError as error:
        return Answer(error.message, error.hint, error.field)
    return Answer(remarks=remarks)


def main(arguments: list[str]) -> None:
    """Read the question file and write the answer file."""
    asked, answered = map(Path, arguments)
    question = msgspec.json.decode(asked.read_bytes(), type=Question)
    answered.write_bytes(msgspec.json.encode(_answer(question)))


if __name__ == "__main__":
    main(sys.argv[1:])
