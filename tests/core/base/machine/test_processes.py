from __future__ import annotations

import subprocess
import sys

import msgspec

from snip_gui.core.base.machine.processes import host_id, is_alive, this_process


def test_this_process_is_alive():
    assert is_alive(this_process()) is True


def test_a_process_that_ended_is_not_even_before_its_parent_took_notice():
    code = "from snip_gui.core.base.machine.processes import *; import msgspec;"
    code += "print(msgspec.json.encode(this_process()).decode(), flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    mark = msgspec.json.decode(process.stdout.readline(), type=type(this_process()))
    assert is_alive(mark) is True
    assert mark.host == host_id()
    process.kill()
    process.stdout.read()  # ends with it; nobody has waited for it yet
    while is_alive(mark):
        pass
    assert is_alive(mark) is False
    process.communicate()
    assert is_alive(mark) is False


def test_a_number_that_is_used_again_is_another_process():
    assert is_alive(msgspec.structs.replace(this_process(), started="1")) is False


def test_nothing_is_known_of_other_hosts():
    for host in ("", "000000000000"):
        assert is_alive(msgspec.structs.replace(this_process(), host=host)) is None
