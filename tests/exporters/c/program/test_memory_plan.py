"""Plans of the arena: nothing alive is overwritten, and little is left unused."""

from itertools import pairwise

import pytest
from exporters.c.c_networks import program_of, variant_form
from exporters.c.program.made_programs import lifetimes, made_programs, made_step, needed_bytes
from hypothesis import given, settings
from lowering.networks import Residual, stem
from quantization.networks import images
from reference.authors import VARIANTS
from torch import nn

from micronet_edge_c.program.buffers import ALIGNMENT, INT8, Border, Buffer
from micronet_edge_c.program.memory_plan import plan_memory
from micronet_edge_c.program.steps import Program
from micronet_edge_c.write_program import write_program

NEAR = 1.1
"""The most that a plan may take of its lower bound."""


def check(program, most):
    """No two buffers that are alive at once share a byte, unless one is written over the other in place."""
    plan = plan_memory(program)
    lives = lifetimes(program)
    assert set(plan.offsets) == set(lives)
    placed = sorted(plan.offsets.items(), key=lambda item: item[1])
    for number, (buffer, offset) in enumerate(placed):
        assert offset % ALIGNMENT == 0
        assert offset + buffer.size_bytes <= plan.size_bytes
        for other, place in placed[number + 1 :]:
            if place >= offset + buffer.size_bytes:
                break
            alive = lives[buffer] & lives[other]
            assert not alive or in_place(program, buffer, other, alive), (buffer.name, other.name)
    assert plan_memory(program).offsets == plan.offsets
    assert needed_bytes(program) <= plan.lower_bound_bytes <= plan.size_bytes
    assert plan.size_bytes <= most * plan.lower_bound_bytes
    return plan


def in_place(program, one, other, alive):
    """Whether the step at which both are alive may write one over the other, and reads it last."""
    (number,) = alive if len(alive) == 1 else (None,)
    step = None if number is None else program.steps[number]
    return step is not None and (
        (step.overwrites is one and other in step.writes) or (step.overwrites is other and one in step.writes)
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(variant):
    program = write_program(variant_form(variant, 96), "int8_t")
    check(program, NEAR)


@settings(max_examples=50)
@given(program=made_programs())
def test_any_program(program):
    check(program, NEAR)


def test_a_chain_needs_its_two_largest_neighbours():
    sizes = [64, 640, 1600, 320, 16]
    buffers = [Buffer(f"b{number}", INT8, size) for number, size in enumerate(sizes)]
    steps = [made_step([before], [after]) for before, after in pairwise(buffers)]
    program = Program((made_step([], buffers[:1]), *steps), buffers[0], buffers[-1])
    assert check(program, 1.0).size_bytes == 640 + 1600


@pytest.mark.parametrize(
    ("after", "overwritten"),
    [
        (Buffer("y", INT8, 8, 4, 4), True),
        (Buffer("y", INT8, 16, 4, 4), False),
        (Buffer("y", INT8, 8, 4, 4, Border(1, 1, 1, 1)), False),
        (Buffer("y", INT8, 4, 8, 4), False),
    ],
    ids=["alike", "larger", "with a border", "other rows"],
)
def test_a_result_lies_over_what_it_may_overwrite(after, overwritten):
    before = Buffer("x", INT8, 8, 4, 4)
    steps = made_step([], [before]), made_step([before], [after], overwrites=before), made_step([after], [])
    plan = check(Program(steps, before, after), 1.0)
    assert (plan.offsets[before] == plan.offsets[after]) == overwritten


def test_what_is_read_later_is_not_overwritten():
    x, y = Buffer("x", INT8, 64), Buffer("y", INT8, 64)
    steps = made_step([], [x]), made_step([x], [y], overwrites=x), made_step([x, y], [])
    assert check(Program(steps, x, y), 1.0).size_bytes == 128


def test_a_sum_is_written_over_its_first_term():
    network = nn.Sequential(stem(8, 3), Residual(nn.Conv2d(8, 8, 1)), nn.AdaptiveAvgPool2d(1), nn.Flatten(1))
    plan = check(program_of(network), 1.0)
    assert plan.size_bytes < 3 * images().shape[-1] ** 2 * 8


def test_nothing_to_plan():
    image = Buffer("image", INT8, 3, in_arena=False)
    plan = plan_memory(Program((), image, image))
    assert (plan.size_bytes, plan.lower_bound_bytes) == (0, 0)
