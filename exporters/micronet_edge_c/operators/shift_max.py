"""Dynamic Shift-Max: one kernel for the coefficients, and one that applies them."""

import numpy as np
from torch import Tensor, fx, nn

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.lowering.ir.composite import Region
from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.quantization.half_up_shift_max import ShiftMaxConstants, shift_max_constants
from micronet_edge_c.operators.linear import widened_inputs
from micronet_edge_c.program.buffers import FLOAT, INT8, INT16, INT32, UINT16, Buffer, Constant
from micronet_edge_c.program.steps import Pointer, Struct, Varying
from micronet_edge_c.writer.call import Call, ends_of, rows_of
from micronet_edge_c.writer.network_program import NetworkProgram, multiplier_of, output_struct
from micronet_edge_c.writer.packing import bias_stream, linear_weights


def kernel_nodes(region: Region) -> set[fx.Node]:
    """The nodes that the two kernels compute: the coefficients, and all that applies them."""
    coefficients = [each for row in region.coefficients for each in row]
    return {*region.applying, *coefficients, *(inputs_of(each)[0] for each in coefficients)}


def write_shift_max(region: Region, program: NetworkProgram) -> None:
    """Adds the steps of an activation whose mean and squeeze are written already."""
    call = Call(region.result, program)
    squeezed = program.read(region.squeezed, integer=call.integer)
    if call.integer:
        _write_in_integers(region, call, squeezed)
    else:
        _write_in_float(region, call, squeezed)


def _write_in_integers(region: Region, call: Call, squeezed: Buffer) -> None:
    found = shift_max_constants(call.program.quantized, region)
    coefficients = _coefficients(call, found, squeezed)
    composite, x = region.composite, call.program.read(region.x, integer=True)
    y, order = call.program.shuffled_result(call.node, integer=True)
    sums = call.program.sums_for(call.node, y)
    shape = Struct("micronet_fusion", (*_sizes(region, x, y), Varying(found.x_zero)))
    arguments = (
        *(Pointer(x), Pointer(coefficients), _sources(region, call), call.destinations(order)),
        *(Pointer(y, written=True), None if sums is None else Pointer(sums, written=True)),
        *(shape, multiplier_of(found.result), output_struct(found.result)),
    )
    products = y.elements * composite.fusions * composite.shifts
    call.step("shift-max", "micronet_shift_max", arguments, Arithmetic(multiplies=products))


def _coefficients(call: Call, found: ShiftMaxConstants, squeezed: Buffer) -> Buffer:
    """Adds the step that computes the coefficients, in the order [channel][fusion][shift]."""
    matrix = found.coefficients
    count = len(matrix.weight)
    result = call.program.scratch(f"{call.name}/coefficients", INT16, count)
    scratch = widened_inputs(call, squeezed)
    arguments = (
        Pointer(squeezed),
        call.stream("coefficients/weights", INT8, linear_weights(matrix.weight), matrix.weight.size),
        call.stream(
            "coefficients/bias",
            INT32,
            bias_stream(matrix.folded_bias, matrix.requantization.multipliers),
            count,
        ),
        *(Pointer(result, written=True), Pointer(scratch, written=True)),
        *(Varying(squeezed.elements), Varying(count)),
        *(
            matrix.requantization.shift,
            matrix.requantization.high,
            call.integers("coefficients/offsets", INT16, found.offsets),
        ),
        len(found.offsets),
    )
    arithmetic = Arithmetic(conv=squeezed.elements * count)
    call.step("coefficients", "micronet_coefficients", arguments, arithmetic, scratch=[scratch])
    return result


def _write_in_float(region: Region, call: Call, squeezed: Buffer) -> None:
    coefficients = _float_coefficients(region, call, squeezed)
    composite, x = region.composite, call.program.read(region.x, integer=False)
    y = call.result()
    shape = Struct("micronet_fusion", (*_sizes(region, x, y), 0))
    arguments = (
        *(Pointer(x), Pointer(coefficients), _sources(region, call)),
        *(Pointer(y, written=True), shape, *call.float_ends()),
    )
    products = y.elements * composite.fusions * composite.shifts
    call.step("shift-max", "micronet_f32_shift_max", arguments, Arithmetic(multiplies=products))


def _float_coefficients(region: Region, call: Call, squeezed: Buffer) -> Buffer:
    """Adds the step that computes the coefficients in float32, in the order [fusion][shift][channel]."""
    clips = [each for row in region.coefficients for each in row]
    excites = [module_of(inputs_of(clip)[0]) for clip in clips]
    weight = np.concatenate([_weight_of(each).flatten(1).numpy() for each in excites])
    bias = np.concatenate([bias_of(each).numpy() for each in excites if isinstance(each, nn.Conv2d)])
    ends = np.array([ends_of(module_of(clip)) for clip in clips], np.float32)
    result = call.program.scratch(f"{call.name}/coefficients", FLOAT, len(weight))
    arguments = (
        *(Pointer(squeezed), call.floats("coefficients/weights", weight)),
        *(call.floats("coefficients/bias", bias), call.floats("coefficients/ends", ends, weighs=False)),
        *(Pointer(result, written=True), squeezed.elements, len(weight) // len(clips), len(clips)),
    )
    arithmetic = Arithmetic(conv=squeezed.elements * len(weight))
    call.step("coefficients", "micronet_f32_coefficients", arguments, arithmetic)
    return result


def _weight_of(layer: nn.Module | None) -> Tensor:
    assert isinstance(layer, nn.Conv2d)  # as Decompose writes it
    return layer.weight.detach()


def _sizes(region: Region, x: Buffer, y: Buffer) -> tuple[int, ...]:
    composite = region.composite
    counts = (y.channels, x.channels, composite.shifts, composite.fusions)
    return (*counts, *rows_of(x, y))


def _sources(region: Region, call: Call) -> Constant:
    return call.integers("sources", UINT16, np.array(region.composite.sources))
