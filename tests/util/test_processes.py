"""Work shared out comes back in order; what goes wrong in a process is told here."""

import math
import os
from functools import partial

import pytest

from micronet_edge.errors import MicronetEdgeError
from micronet_edge.util.processes import in_processes


def test_results_come_in_the_order_of_the_items():
    done = []
    found = in_processes(partial(math.pow, 2), list(range(20)), 2, done.append)
    assert found == [2**number for number in range(20)]
    assert done == list(range(20))


def test_an_error_in_a_process_is_raised_here():
    with pytest.raises(ValueError, match="math domain"):
        in_processes(math.sqrt, [1.0, -1.0, 2.0], 2, lambda _item: None)


def test_a_process_that_ends_early(refusal):
    error_line = refusal(MicronetEdgeError, in_processes, os._exit, [3, 3], 2, lambda _item: None)
    assert "a process ended early" in error_line
