from __future__ import annotations

import dataclasses
import errno
import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, UserError
from snip_gui.core.base.events import Note, Progress
from snip_gui.core.base.machine.processes import host_id
from snip_gui.core.data.download import fetch as module
from snip_gui.core.data.download.fetch import Downloaded, download_job
from snip_gui.core.data.download.sources import Download, Part, RemoteFile
from snip_gui.core.data.sets.catalogue import DATASETS
from tests.core.data.loopback import md5, remote, serving

NOISE = np.random.default_rng(0).bytes(400_000)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as loopback:
        yield loopback


def dataset(*files):
    return dataclasses.replace(
        DATASETS["mnist"], name="toy", title="Toy", download=Download("page", "terms", files)
    )


def packed_tar(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def packed_zip(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def get(info, folder, cancel=None):
    return list(download_job(info, folder, cancel or CancelToken()))


def left_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_arrives_whole_and_says_so(server, tmp_path):
    events = get(dataset(remote(server, "/a.bin", NOISE, into="deep/er")), tmp_path)
    assert (tmp_path / "deep" / "er" / "a.bin").read_bytes() == NOISE
    assert events[-1] == Downloaded("toy", tmp_path)
    assert any(isinstance(event, Note) and "Downloaded Toy" in event.text for event in events)
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert last.text.startswith("Downloading Toy: 0.4 of 0.4 MB")
    assert (last.done, last.total) == (400, 400)


def test_a_gz_is_unpacked_beside_itself(server, tmp_path):
    content = gzip.compress(NOISE)
    file = remote(
        server, "/x/images.gz", content, (Part("Toy/raw/images", len(NOISE)),), into="Toy/raw"
    )
    get(dataset(file), tmp_path)
    assert (tmp_path / "Toy" / "raw" / "images").read_bytes() == NOISE
    assert left_in(tmp_path) == ["Toy/raw/images", "Toy/raw/images.gz"]


@pytest.mark.parametrize(("ending", "pack"), [(".tar.gz", packed_tar), (".zip", packed_zip)])
def test_an_archive_is_unpacked(server, tmp_path, ending, pack):
    content = pack([("toy/one", b"1"), ("toy/sub/two", b"2")])
    parts = (Part("toy/one", 1, md5(b"1")), Part("toy/sub/two"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "one").write_bytes(b"damaged")
    (tmp_path / "toy" / "mine").write_bytes(b"stays")
    get(dataset(remote(server, f"/toy{ending}", content, parts)), tmp_path)
    assert left_in(tmp_path) == [f"toy{ending}", "toy/mine", "toy/one", "toy/sub/two"]
    assert (tmp_path / "toy" / "one").read_bytes() == b"1"


def link_in_tar():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        info = tarfile.TarInfo("toy/link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        (".tar.gz", packed_tar([("fine", b"1"), ("../evil", b"2")])),
        (".tar.gz", packed_tar([("/evil", b"2")])),
        (".tar.gz", link_in_tar()),
        (".zip", packed_zip([("fine", b"1"), ("a/../../evil", b"2")])),
        (".zip", packed_zip([("C:\\evil", b"2")])),
    ],
    ids=["tar-up", "tar-root", "tar-link", "zip-up", "zip-drive"],
)
def test_an_evil_name_in_an_archive_is_refused(server, tmp_path, ending, content):
    folder = tmp_path / "inner"
    with pytest.raises(UserError, match="was not unpacked"):
        get(dataset(remote(server, f"/toy{ending}", content, (Part("fine"),))), folder)
    assert left_in(tmp_path) == [f"inner/toy{ending}"]


def test_a_damaged_archive_is_reported(server, tmp_path):
    content = packed_tar([("fine", NOISE)])[:1000]
    with pytest.raises(UserError, match="damaged and cannot be unpacked"):
        get(dataset(remote(server, "/toy.tar.gz", content, (Part("fine"),))), tmp_path)
    assert left_in(tmp_path) == ["toy.tar.gz"]


def test_what_is_there_and_right_is_not_fetched_again(server, tmp_path):
    files = [remote(server, f"/{name}", name.encode() * 1000) for name in ("one", "two", "three")]
    get(dataset(*files), tmp_path)
    (tmp_path / "two").write_bytes(b"half")
    (tmp_path / "three").write_bytes(b"eerht" * 1000)  # the right size, other contents
    server.asked.clear()
    get(dataset(*files), tmp_path)
    assert server.asked == ["/two", "/three"]
    server.asked.clear()
    events = get(dataset(*files), tmp_path)
    assert server.asked == []
    assert any("already in" in event.text for event in events if isinstance(event, Note))
    assert isinstance(events[-1], Downloaded)


def test_a_file_that_was_put_there_by_hand_is_unpacked_without_a_connection(tmp_path):
    content = gzip.compress(b"pixels")
    (tmp_path / "images.gz").write_bytes(content)
    file = RemoteFile(
        ("http://127.0.0.1:9/images.gz",), md5(content), len(content), "", (Part("images", 6),)
    )
    get(dataset(file), tmp_path)
    assert (tmp_path / "images").read_bytes() == b"pixels"


def test_a_slow_server_shows_how_far_it_is_and_a_cancel_ends_soon(server, tmp_path):
    file = remote(server, "/slow.bin", NOISE)
    server.held.add("/slow.bin")
    cancel = CancelToken()
    job = download_job(dataset(file), tmp_path, cancel)
    shown = next(event for event in job if isinstance(event, Progress) and event.done > 0)
    assert 0 < shown.done < shown.total == 400
    assert shown.seconds_left > 0
    assert "of 0.4 MB" in shown.text
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(job)
    # The server still holds the other half back: nothing waited for it.
    assert not server.release.is_set()
    server.release.set()
    wait_for_transfers()
    assert left_in(tmp_path) == []


def wait_for_transfers():
    """Wait for threads that a cancel has left behind."""
    import threading

    for thread in threading.enumerate():
        if thread.name == "download":
            thread.join(30)
            assert not thread.is_alive()


def test_a_server_that_falls_silent_is_left_alone_after_a_while(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "READ_SECONDS", 0.05)
    server.held.add("/slow.bin")
    with pytest.raises(UserError, match="sent nothing for"):
        get(dataset(remote(server, "/slow.bin", NOISE)), tmp_path)
    assert left_in(tmp_path) == []


def test_a_connection_that_breaks_off_is_reported(server, tmp_path):
    server.cut.add("/a.bin")
    with pytest.raises(UserError, match="was lost") as caught:
        get(dataset(remote(server, "/a.bin", NOISE)), tmp_path)
    assert f"download {server.url}/a.bin with a browser" in caught.value.hint
    assert str(tmp_path) in caught.value.hint
    assert left_in(tmp_path) == []


def test_a_file_cut_off_without_a_stated_length_has_the_wrong_hash(server, tmp_path):
    server.cut.add("/a.bin")
    server.without_length.add("/a.bin")
    with pytest.raises(UserError, match="hash is another one"):
        get(dataset(remote(server, "/a.bin", NOISE)), tmp_path)
    assert left_in(tmp_path) == []


def test_a_wrong_file_never_takes_the_place_of_one_that_is_there(server, tmp_path):
    file = remote(server, "/a.bin", NOISE)
    server.files["/a.bin"] = b"<html>Sign in to the guest network</html>"
    (tmp_path / "a.bin").write_bytes(b"half of it")
    with pytest.raises(UserError, match="hash is another one"):
        get(dataset(file), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == b"half of it"
    assert left_in(tmp_path) == ["a.bin"]


def test_a_file_that_is_gone_is_reported_with_its_address(server, tmp_path):
    file = remote(server, "/a.bin", NOISE)
    server.files.clear()
    with pytest.raises(UserError, match="answered 404") as caught:
        get(dataset(file), tmp_path)
    assert f"{server.url}/a.bin" in caught.value.message


def test_being_offline_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as loopback:
        file = remote(loopback, "/a.bin", NOISE)
    with pytest.raises(UserError, match="cannot be reached; is this computer offline"):
        get(dataset(file), tmp_path)
    assert left_in(tmp_path) == []


def test_the_second_mirror_is_tried(server, tmp_path):
    file = remote(server, "/good.bin", NOISE, (Part("a.bin", len(NOISE)),))
    server.files["/bad/a.bin"] = b"not this"
    urls = (f"{server.url}/gone/a.bin", f"{server.url}/bad/a.bin", f"{server.url}/good.bin")
    events = get(dataset(dataclasses.replace(file, urls=urls)), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == NOISE
    assert server.asked == ["/gone/a.bin", "/bad/a.bin", "/good.bin"]
    notes = [event.text for event in events if isinstance(event, Note)]
    assert "answered 404" in notes[0]
    assert "hash" in notes[1]


def test_the_size_is_learnt_from_the_server_if_it_is_not_stated(server, tmp_path):
    file = remote(server, "/a.bin", NOISE, size_bytes=None)
    assert Download("page", "", (file,)).size_text == "size unknown"
    events = get(dataset(file), tmp_path)
    assert 400 in {event.total for event in events if isinstance(event, Progress)}


def test_a_folder_that_cannot_be_written_to_is_reported(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be written to") as caught:
        get(dataset(remote(server, "/a.bin", NOISE)), tmp_path / "file" / "data")
    assert "Choose another folder" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left"),
    ],
)
def test_a_folder_that_refuses_the_file_is_reported(server, tmp_path, monkeypatch, error, said):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("snip_gui.core.base.files._open_nameless", refuse)
    with pytest.raises(UserError, match=said) as caught:
        get(dataset(remote(server, "/a.bin", NOISE)), tmp_path)
    assert str(tmp_path / "a.bin") in caught.value.message
    assert "ree some disk space" in caught.value.hint
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("stated", [None, 1000, 400_000 - 1])
@pytest.mark.parametrize("has_length", [True, False])
def test_more_than_was_stated_is_not_fetched(server, tmp_path, monkeypatch, stated, has_length):
    """A server could fill the disk."""
    monkeypatch.setattr(module, "_MOST_UNSTATED_BYTES", 100_000)
    file = remote(server, "/a.bin", NOISE, size_bytes=stated)
    if not has_length:
        server.without_length.add("/a.bin")
    written = []
    write = module._Transfer._refuse_more_than_stated

    def record(transfer):
        write(transfer)
        written.append(transfer.done)

    monkeypatch.setattr(module._Transfer, "_refuse_more_than_stated", record)
    with pytest.raises(UserError, match=r"not the published file: it is larger than 0\.\d MB"):
        get(dataset(file), tmp_path)
    assert max(written, default=0) <= (stated or 100_000)
    assert left_in(tmp_path) == []


_DOWNLOAD = """
import sys
from pathlib import Path
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.data.download.fetch import download_job
from snip_gui.core.data.download.sources import Download, Part, RemoteFile
from tests.core.data.download.test_fetch import dataset

url, folder, what = sys.argv[1:]
file = RemoteFile((url,), what, None, "", (Part("a.bin", 400_000),))
for _ in download_job(dataset(file), Path(folder), CancelToken()):
    pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has files without a name")
def test_a_killed_download_leaves_nothing(server, tmp_path):
    remote(server, "/a.bin", NOISE)
    server.held.add("/a.bin")
    process = subprocess.Popen(
        [sys.executable, "-c", _DOWNLOAD, f"{server.url}/a.bin", tmp_path, md5(NOISE)]
    )
    try:
        assert server.half_sent.wait(60)
    finally:
        process.kill()
        process.wait()
    assert left_in(tmp_path) == []


def test_what_a_killed_unpacking_left_is_removed(server, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    ended, running = int(done.stdout), os.getpid()
    kept = f".a.zip.{host_id()}-{running}-x.part"
    for name in (f".a.zip.{host_id()}-{ended}-x.part", kept):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "file").touch()
    file = remote(server, "/a.zip", packed_zip([("b", b"1")]), (Part("b", 1),))
    get(dataset(file), tmp_path)
    assert left_in(tmp_path) == [f"{kept}/deep/file", "a.zip", "b"]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_special_file_in_the_place_of_a_part_is_reported(server, tmp_path, make):
    make(tmp_path / "a.bin")
    with pytest.raises(UserError, match="not a regular file"):
        get(dataset(remote(server, "/a.bin", NOISE)), tmp_path)


def test_a_folder_may_be_a_part(server, tmp_path):
    packed = packed_zip([("set/train/a", b"1")])
    file = remote(server, "/a.zip", packed, (Part("set/train"), Part("set/train/a", 1)))
    get(dataset(file), tmp_path)
    assert left_in(tmp_path) == ["a.zip", "set/train/a"]


def test_a_disk_too_small_is_reported_before_anything_is_fetched(server, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"needs 0\.4 MB, but .* has only 0\.0 MB"):
        get(dataset(remote(server, "/a.bin", NOISE)), tmp_path)
    assert server.asked == []


def test_a_published_file_that_holds_something_else_is_reported(server, tmp_path):
    content = gzip.compress(b"pixels")
    file = remote(server, "/images.gz", content, (Part("images", 7),))
    with pytest.raises(UserError, match=r"was downloaded, but .* truncated: 6 bytes instead of 7"):
        get(dataset(file), tmp_path)


def test_a_data_set_without_a_source_is_refused(tmp_path):
    with pytest.raises(UserError, match="UCI digits cannot be downloaded"):
        get(DATASETS["digits"], tmp_path)


def test_descriptions_agree_with_torchvision():
    """Addresses and hashes are those that torchvision itself would use."""
    from torchvision import datasets

    for name, kind in (
        ("mnist", datasets.MNIST),
        ("fashion-mnist", datasets.FashionMNIST),
        ("kmnist", datasets.KMNIST),
    ):
        files = DATASETS[name].download.files
        assert [(file.name, file.md5) for file in files] == list(kind.resources)
        for file in files:
            assert file.urls == tuple(mirror + file.name for mirror in kind.mirrors)
    for name, kind in (("cifar-10", datasets.CIFAR10), ("cifar-100", datasets.CIFAR100)):
        (file,) = DATASETS[name].download.files
        assert (file.urls, file.md5, file.name) == ((kind.url,), kind.tgz_md5, kind.filename)
        listed = [*kind.train_list, *kind.test_list, [kind.meta["filename"], kind.meta["md5"]]]
        described = [[part.path.removeprefix(f"{kind.base_folder}/"), part.md5]
                     for part in file.parts]  # fmt: skip
        assert described == listed
