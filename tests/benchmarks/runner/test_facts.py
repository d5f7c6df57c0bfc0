"""What a machine says of itself, read from files as real machines have them."""

import json
import os
import platform

import pytest

from micronet_edge_bench.runner.facts import cpu_model, environment, governor, passing_facts

X86 = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 85
model name\t: Intel(R) Xeon(R) CPU @ 2.00GHz
stepping\t: 3
"""
ARM_CORES = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {}
CPU revision\t: 3
"""
PI = (
    ARM_CORES.format("0xd08")
    + "\nHardware\t: BCM2835\nRevision\t: c03111\nModel\t\t: Raspberry Pi 4 Model B Rev 1.1\n"
)
PHONE = (
    ARM_CORES.format("0xd05") + ARM_CORES.format("0xd0d") + "Hardware\t: Qualcomm Technologies, Inc SM8250\n"
)
ARM_32_BIT = (
    "model name\t: ARMv7 Processor rev 4 (v7l)\n" + ARM_CORES.format("0xd03") + "Hardware\t: BCM2835\n"
)


@pytest.fixture
def machine(tmp_path):
    """A folder that looks like a machine's root."""

    def call(**files):
        for path, content in files.items():
            place = tmp_path / path.replace("__", "/").replace("_", "-")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content)
        return tmp_path

    return call


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (X86 + X86, "Intel(R) Xeon(R) CPU @ 2.00GHz"),
        (PI, "Raspberry Pi 4 Model B Rev 1.1, Arm Cortex-A72"),
        (PHONE, "Qualcomm Technologies, Inc SM8250, Arm Cortex-A55/Cortex-A77"),
        (ARM_32_BIT, "BCM2835, Arm Cortex-A53"),
        (ARM_CORES.format("0xfff"), "Arm part 0xfff"),
        (ARM_CORES.replace("0x41", "0x99").format("0x001"), "implementer 0x99 part 0x001"),
    ],
)
def test_the_processor(machine, text, name):
    assert cpu_model(machine(proc__cpuinfo=text)) == name


def test_the_board_by_its_device_tree(machine):
    root = machine(proc__cpuinfo=ARM_CORES.format("0xd0b"), proc__device_tree__model="A board\0")
    assert cpu_model(root) == "A board, Arm Cortex-A76"


def test_a_machine_that_says_nothing(machine):
    root = machine()
    found = environment(root)
    assert found["cpu"] == (platform.processor() or "unknown")
    assert (found["governor"], found["memory_bytes"], found["machine"]) == (None, None, None)
    assert passing_facts(root)["frequencies_khz"] is None
    json.dumps(found)


def test_governor_and_clock(tmp_path):
    for core, name in enumerate(("performance", "powersave", "performance")):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{core}/cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{name}\n")
        (folder / "scaling_cur_freq").write_text("1800000\n")
    assert governor(tmp_path, [0, 2]) == "performance"
    assert governor(tmp_path, [0, 1, 2]) == "performance, powersave"
    assert passing_facts(tmp_path)["frequencies_khz"] == [1800000] * min(3, len(os.sched_getaffinity(0)))


def test_a_machine_has_a_number_but_no_name(machine):
    root = machine(etc__machine_id="0123456789abcdef\n")
    number = environment(root)["machine"]
    assert len(number) == 16
    assert "0123456789abcdef" not in number
    assert environment(root)["machine"] == number


def test_this_machine():
    found = environment()
    assert found["architecture"] == platform.machine()
    assert found["affinity"] == sorted(os.sched_getaffinity(0))
    assert 0 < found["memory_available_bytes"] <= found["memory_bytes"]
    assert {"numpy", "onnxruntime", "ai-edge-litert"} <= set(found["packages"])
    assert platform.node() not in json.dumps(found)
