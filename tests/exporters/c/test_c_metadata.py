"""The description inside a C file is the same in every run."""

import os
import subprocess
import sys

PROGRAM = """
from micronet_edge.counting.graph import Graph
from micronet_edge_c.metadata import Description, description_comment
layers = frozenset(f"block{number}/activation" for number in range(20))
graph = Graph((), (), (), shift_max_layers=layers)
print(description_comment(Description("n", "int8_t", None, None, {}, 16, graph)))
"""


def test_a_file_written_again_is_the_same():
    def written(seed):
        command = [sys.executable, "-c", PROGRAM]
        return subprocess.run(
            command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )

    assert written("1").stdout == written("2").stdout
