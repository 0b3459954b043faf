"""Exports a run: writes a nameless file, reads it back, compares, hashes and names it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.files import replacing
from snip_gui.core.export.card import Written, card_picture, card_text
from snip_gui.core.export.catalogue import FORMATS, existing_files
from snip_gui.core.export.events import ExportDone
from snip_gui.core.export.package import Package, package_run
from snip_gui.core.export.precision import measure_error, refuse_changed
from snip_gui.core.runs import folder as run_files
from snip_gui.core.runs.network import read_test_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.export.catalogue import ExportFormat
    from snip_gui.core.export.events import Costs


def export_run(
    folder: Path,
    format_name: str,
    path: Path,
    cancel: CancelToken,
    environment: Environment | None = None,
    *,
    overwrite: bool = False,
    allow_changes: bool = False,
) -> Iterator[Event]:
    """Write the pruned network of a run to a file; see `export_all`."""
    yield from export_all(
        folder,
        [(format_name, path)],
        cancel,
        environment,
        overwrite=overwrite,
        allow_changes=allow_changes,
    )


def export_all(
    folder: Path,
    wanted: Sequence[tuple[str, Path]],
    cancel: CancelToken,
    environment: Environment | None = None,
    images: ImageSet | None = None,
    *,
    overwrite: bool = False,
    allow_changes: bool = False,
    costs: Costs | None = None,
) -> Iterator[Event]:
    """Write the pruned network of a run in several formats; yields an `ExportDone` for each.

    Parameters
    ----------
    wanted
        Names of formats, and the paths to write to.
    environment
        Location of the images, and the Python files that the user has agreed to run.
    images
        The run's data set if it is in memory; reduced precision is calibrated on its training
        images and evaluated on its test images.
    overwrite
        Whether existing files may be replaced; those of a run never are.
    allow_changes
        Whether 8-bit integers may change the classes of more test images than `refuse_changed`
        allows.
    costs
        Sizes and speeds that were measured before, for the cards.

    Raises
    ------
    UserError
        If a file exists that may not be replaced, the run has no mask, a format does not support
        it or changes too many classes, a file cannot be written, or its contents differ when read
        back. That file is then unchanged; those written earlier stay.
    Cancelled
        If cancelled. An incomplete file is then unchanged.
    """
    for _, path in wanted:
        _refuse_replacing(path, overwrite=overwrite)
    yield Progress(f"Reading {folder.name}", 0, len(wanted))
    environment = environment or Environment()
    formats = [FORMATS[name] for name, _ in wanted]
    if images is None and any(chosen.precision != "float32" for chosen in formats):
        images = yield from read_test_images(folder, environment, cancel)
    package = package_run(folder, environment.trusted_code, images)
    for note in package.notes:
        yield Note(note)
    for number, (chosen, (_, path)) in enumerate(zip(formats, wanted, strict=True)):
        cancel.raise_if_cancelled()
        if chosen.precision != "float32":
            yield from measure_error(package, chosen, cancel)
            if not allow_changes:
                refuse_changed(package, chosen)
        yield Progress(f"Exporting {path.name}", number, len(wanted))
        yield from _export(package, chosen, path, cancel, costs)


def _refuse_replacing(path: Path, *, overwrite: bool) -> None:
    """Raise `UserError` if an export would replace a file that it must not."""
    there = existing_files(path)
    for place in {path, *there}:
        for one in (place, place.resolve()):  # the path may be a link
            if one.name in run_files.ALL_FILES and (one.parent / run_files.RECIPE).exists():
                raise UserError(
                    f"“{place}” is a file of the run in “{one.parent}”, which it would ruin.",
                    "Choose another name or folder.",
                )
    if there and not overwrite:
        names = ", ".join(f"“{place.name}”" for place in there)
        raise UserError(
            f"{names} would be replaced in “{path.parent}”.",
            "Choose another name, or add --overwrite.",
        )


def _export(
    package: Package, chosen: ExportFormat, path: Path, cancel: CancelToken, costs: Costs | None
) -> Iterator[Event]:
    """Write a file and its companions; none of them appears before all are verified."""
    data = chosen.encode(package)
    cancel.raise_if_cancelled()
    digest, size_bytes = hashlib.sha256(data).hexdigest(), len(data)
    with contextlib.ExitStack() as files:
        part = files.enter_context(replacing(path, nameless=True))  # named last
        _write(part, data)
        del data
        yield Progress(f"Reading {path.name} back")
        _refuse_damaged(part, digest, path)  # first, to tell a disk error from other differences
        proof = _proven(package, chosen, part, path)
        cancel.raise_if_cancelled()
        loader = chosen.companion_text(package)
        picture = card_picture(package)
        written = Written(path.name, size_bytes, digest, proof, bool(picture))
        card = card_text(package, chosen, written, costs)
        beside = {".load.py": loader.encode(), ".png": picture, ".md": card.encode()}
        for what, content in beside.items():
            if content:
                place = path.with_name(path.name + what)
                _write(files.enter_context(replacing(place, nameless=True)), content)
    yield ExportDone(path, size_bytes, digest, chosen.name)
    left_out = chosen.leaves_out(package)
    if left_out:
        yield Note(left_out)
    yield Note(f"Exported {path} ({size_bytes:,} bytes), read back: {proof}.")


def _refuse_damaged(part: Path, digest: str, path: Path) -> None:
    """Raise `UserError` if the bytes read back from disk differ from those written."""
    with part.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise UserError(
                f"“{path.name}” was not kept. It does not read back as it was written.",
                "The disk may be damaged: export to another one.",
            )


def _proven(package: Package, chosen: ExportFormat, part: Path, path: Path) -> str:
    """Verify a file against the package; the error has the name that the user knows."""
    try:
        return chosen.prove(package, part)
    except UserError as error:
        message = error.message.replace(str(part), str(path))
        raise UserError(f"“{path.name}” was not kept. {message}", error.hint) from error


def _write(part: Path, data: bytes) -> None:
    """Write a file and flush it to disk."""
    with part.open("r+b") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
