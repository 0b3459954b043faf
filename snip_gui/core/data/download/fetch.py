"""Downloads published data sets into torchvision's layout. Imports no torch."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from snip_gui import __version__
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.files import replacing
from snip_gui.core.data.download.checking import find_wrong
from snip_gui.core.data.download.sources import Part
from snip_gui.core.data.download.unpack import unpack

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from requests import RequestException

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.data.download.sources import Downloadable, RemoteFile

CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
_CHUNK_BYTES = 32 * 1024
# Much larger than any published file whose source states no size.
_MOST_UNSTATED_BYTES = 1_000_000_000
_TICK_SECONDS = 0.1
# After this, a transfer that waits for its server is abandoned to its own time-out.
_PATIENCE_SECONDS = 2.0


class _UnavailableError(Exception):
    """One address does not serve the file; the next one may."""


def download_job(info: Downloadable, folder: Path, cancel: CancelToken) -> Iterator[Event]:
    """Download the missing files of a data set into a folder; ends with `Downloaded`.

    Raises
    ------
    UserError
        If it cannot be downloaded, no source serves the correct file, or the folder is not
        writable; the hint explains how to download it by hand.
    Cancelled
        If cancelled meanwhile. Complete files stay and are not downloaded again.
    """
    download = info.download
    if download is None:
        raise UserError(
            f"{info.title} cannot be downloaded.",
            "Choose a data set that can; “snip-gui download --help” lists them.",
            field="data.name",
        )
    yield Progress(f"Checking “{folder}”")
    wanted = [file for file in download.files if find_wrong(file.parts, folder, cancel)]
    meter = _Meter(info.title, wanted)
    for file in wanted:
        place = folder / file.into
        try:
            place.mkdir(parents=True, exist_ok=True)
            _check_room(place, file.size_bytes)
            yield from _fetch(file, place, meter, cancel)
            yield from unpack(place / file.name, cancel)
        except OSError as error:
            raise UserError(
                f"“{place}” cannot be written to: {error.strerror or error}.",
                "Choose another folder, or free some disk space.",
            ) from error
        wrong = find_wrong(file.parts, folder, cancel)
        if wrong is not None:
            raise UserError(f"“{file.name}” was downloaded, but {wrong[1]}", _by_hand(file, place))
    what = f"Downloaded {info.title} into" if wanted else f"{info.title} is already in"
    yield Note(f"{what} “{folder}”.")
    yield Downloaded(info.name, folder)


def _check_room(folder: Path, size_bytes: int | None) -> None:
    free = shutil.disk_usage(folder).free
    if size_bytes is not None and free < size_bytes:
        raise UserError(
            f"The download needs {size_bytes / 1e6:.1f} MB, but the disk of “{folder}” has "
            f"only {free / 1e6:.1f} MB free.",
            "Choose another folder, or free some disk space.",
        )


def _by_hand(file: RemoteFile, place: Path) -> str:
    """Return how to download the file by hand."""
    return (
        f"Check the connection and try again. Or download {file.urls[0]} with a browser, put it "
        f"into “{place}” and start the download again, which will use that file."
    )


# Transfers


class _Meter:
    """Counts bytes over all files of a data set and reports progress."""

    def __init__(self, title: str, files: list[RemoteFile]) -> None:
        self._title = title
        self._sizes = {file.name: file.size_bytes for file in files}
        self._before = 0
        self._started = time.monotonic()

    def progress(self, transfer: _Transfer) -> Progress:
        """Return the progress during a transfer."""
        if self._sizes[transfer.file.name] is None and transfer.total:
            self._sizes[transfer.file.name] = transfer.total  # known from the server by now
        done = self._before + transfer.done
        known = [size for size in self._sizes.values() if size is not None]
        total = sum(known) if len(known) == len(self._sizes) else 0
        done = min(done, total) if total else done
        speed = done / max(time.monotonic() - self._started, 1e-3)
        text = f"Downloading {self._title}: {done / 1e6:.1f}"
        text += f" of {total / 1e6:.1f} MB" if total else " MB, total size unknown"
        left = (total - done) / speed if total and speed else None
        # In kilobytes, because a progress bar counts in 32 bits.
        return Progress(
            f"{text}, {speed / 1e6:.1f} MB/s" if done else text, done // 1000, total // 1000, left
        )

    def finished(self, file: RemoteFile) -> None:
        """Count a file as complete."""
        self._before += self._sizes[file.name] or 0


@dataclass(eq=False)
class _Transfer:
    """One attempt at one address, in its own thread.

    An unresponsive server must not delay cancellation.
    """

    file: RemoteFile
    url: str
    place: Path
    cancel: CancelToken
    done: int = 0
    total: int = 0
    error: BaseException | None = None

    def run(self) -> None:
        """Download; keep an exception for the job."""
        try:
            self._retrieve()
        except BaseException as error:  # noqa: BLE001 - re-raised in the waiting job
            self.error = error

    def _retrieve(self) -> None:
        """Download the file unless it exists; it gets its name once it has been verified."""
        file = self.file
        whole = Part(file.name, file.size_bytes, file.md5)
        if find_wrong((whole,), self.place, self.cancel) is None:
            return
        digest = hashlib.md5(usedforsecurity=False)
        # Nameless until then, so that nothing remains if this process is killed.
        with (
            replacing(self.place / file.name, nameless=True) as part,
            part.open("wb") as target,
            contextlib.closing(self._chunks()) as chunks,
        ):
            for chunk in chunks:
                self.cancel.raise_if_cancelled()
                self.done += len(chunk)
                self._refuse_more_than_stated()
                digest.update(chunk)
                target.write(chunk)
            if digest.hexdigest() != file.md5:
                raise _UnavailableError(
                    f"What {urlsplit(self.url).netloc} sends is not the published file: its hash "
                    "is another one."
                )

    def _chunks(self) -> Generator[bytes, None, None]:
        """Yield data from the server; raises `_UnavailableError` on failure."""
        import requests

        # No transfer compression: the hash is that of the file as stored.
        headers = {"User-Agent": f"snip-gui/{__version__}", "Accept-Encoding": "identity"}
        waits = (CONNECT_SECONDS, READ_SECONDS)
        try:
            with requests.get(self.url, headers=headers, timeout=waits, stream=True) as answer:
                answer.raise_for_status()
                stated = answer.headers.get("Content-Length", "")
                self.total = int(stated) if stated.isdecimal() else 0
                yield from answer.iter_content(_CHUNK_BYTES)
        except requests.RequestException as error:
            raise _UnavailableError(_reason(error, self.url)) from error

    def _refuse_more_than_stated(self) -> None:
        most = self.file.size_bytes or _MOST_UNSTATED_BYTES
        if self.done > most:
            raise _UnavailableError(
                f"What {urlsplit(self.url).netloc} sends is not the published file: it is larger "
                f"than {most / 1e6:,.1f} MB."
            )


def _fetch(
    file: RemoteFile, place: Path, meter: _Meter, cancel: CancelToken
) -> Generator[Event, None, None]:
    """Download a file from the first address that serves it."""
    refused: list[str] = []
    for url in file.urls:
        transfer = _Transfer(file, url, place, cancel)
        try:
            yield from _watch(transfer, meter)
        except _UnavailableError as error:
            refused.append(str(error))
            if url != file.urls[-1]:
                yield Note(f"“{file.name}”: {error} Trying the next source.")
        else:
            meter.finished(file)
            return
    raise UserError(
        f"“{file.name}” cannot be downloaded. {' '.join(refused)}", _by_hand(file, place)
    )


def _watch(transfer: _Transfer, meter: _Meter) -> Generator[Event, None, None]:
    """Run a transfer and yield its progress; re-raises its exception."""
    thread = threading.Thread(target=transfer.run, name="download", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_TICK_SECONDS)
        yield meter.progress(transfer)
        if transfer.cancel.is_cancelled:
            thread.join(_PATIENCE_SECONDS)
            raise Cancelled
    if transfer.error is not None:
        raise transfer.error


def _reason(error: RequestException, url: str) -> str:
    """Return why an address does not serve the file."""
    from requests import exceptions

    host = urlsplit(url).netloc
    match error:
        case exceptions.HTTPError(response=response) if response is not None:
            return f"{host} answered {response.status_code} ({response.reason}) for {url}."
        case exceptions.ConnectTimeout():
            return f"{host} did not answer within {CONNECT_SECONDS:.0f} seconds."
        case exceptions.Timeout():
            return f"{host} sent nothing for {READ_SECONDS:.0f} seconds."
        case exceptions.ChunkedEncodingError():
            return f"The connection to {host} was lost before the file was complete."
        case exceptions.SSLError():
            return f"No secure connection to {host}: {error}."
        case exceptions.ConnectionError() if "timed out" in str(error).lower():
            return f"{host} sent nothing for {READ_SECONDS:.0f} seconds."
        case exceptions.ConnectionError():
            return f"{host} cannot be reached; is this computer offline?"
    return f"{url} cannot be fetched: {error}."


@dataclass(frozen=True)
class Downloaded(Event):
    """All files of a data set are in a folder and verified."""

    name: str
    folder: Path
