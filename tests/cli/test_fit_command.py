"""`micronet-edge fit`: which network fits into which microcontroller."""

import json

import pytest

KB = 1024


def rows(output):
    """The cells of a table's rows, split at two spaces."""
    lines = [line.split() for line in output.splitlines()]
    return [cells for cells in lines if cells and cells[0] == "m0"]


def test_a_table_of_sizes_for_a_microcontroller(tool_here):
    ran = tool_here("fit", "m0", "--num-classes", "10", "--flash", "512k", "--sram", "32k")
    assert ran.code == 0
    found = rows(ran.output)
    assert [int(cells[1]) for cells in found] == [96, 128, 160, 192, 224]
    fits = [cells[-1] for cells in found]
    assert fits == sorted(fits, reverse=True)  # "yes" up to a size, "no" from there on
    assert fits[0] == "yes"
    assert fits[-1] == "no"
    for cells in found:
        assert (cells[-1] == "yes") == (int(cells[2]) <= 512 and int(cells[3]) <= 32)
    assert max(map(len, ran.output.splitlines())) <= 80


def test_json_says_what_a_file_takes(tool_here):
    ran = tool_here("fit", "m0", "--num-classes", "10", "--json")
    assert ran.code == 0
    smallest, *_, largest = json.loads(ran.output)
    assert smallest["network"] == "m0"
    assert smallest["flash_bytes"] == largest["flash_bytes"]
    assert smallest["sram_bytes"] < largest["sram_bytes"] < 128 * KB
    # 10 classes: 0.39 M weights of a byte, some of two, and the code.
    assert 400_000 < smallest["flash_bytes"] < 600_000


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--flash", "1M"), "give --flash and --sram together"),
        (("--flash", "lots", "--sram", "64k"), "give bytes, or a number with k or M"),
        (("--flash", "0", "--sram", "64k"), "give bytes, or a number with k or M"),
    ],
)
def test_sizes_that_say_nothing(tool_here, options, told):
    ran = tool_here("fit", "m0", *options)
    assert ran.code == 2
    assert told in " ".join(ran.errors.replace("│", " ").split())
