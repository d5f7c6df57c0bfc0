"""The C file of a program: constants, one function for each kind of step, and the function that runs them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from micronet_edge_c.program.buffers import INT8, Constant
from micronet_edge_c.program.memory_plan import MemoryPlan
from micronet_edge_c.program.steps import (
    AfterFirst,
    Argument,
    Moving,
    Pointer,
    Program,
    Step,
    Struct,
    Varying,
)
from micronet_edge_c.writer.identifiers import comment_text, identifier, string_literal
from micronet_edge_c.writer.numbers import float_text

_SETTINGS = """\
/* MICRONET_WEIGHTS may hold an attribute, such as a section in external flash. */
#ifndef MICRONET_WEIGHTS
#define MICRONET_WEIGHTS{weights}
#endif
/* MICRONET_STEP(i) may be a call that profiles step i. */
#ifndef MICRONET_STEP
#define MICRONET_STEP(i)
#endif"""


@dataclass(frozen=True, slots=True)
class Named:
    """A program with its plan, and what it is called in C."""

    program: Program
    plan: MemoryPlan
    name: str
    """The start of its functions' names; its macros start with the same in capitals."""
    stem: str
    """The names of its files, without a suffix."""

    @property
    def prefix(self) -> str:
        return self.name.upper()


def c_text(named: Named, head: str, tail: str, weights_section: str | None = None) -> str:
    """The text of the C file.

    Args:
        named: the program.
        head: the comment at the top.
        tail: the comment at the end, which describes the file to this tool.
        weights_section: the section that arrays go to; None leaves it to the compiler.
    """
    constants = _Constants(named.program.constants)
    functions = _StepFunctions()
    body = [
        _in_loops(number, named.program.steps, _call(step, functions, constants, named))
        for number, step in enumerate(named.program.steps)
    ]
    parts = (
        head,
        f'#include "{named.stem}.h"\n#include <stddef.h>\n#include "micronet_kernels.h"',
        _SETTINGS.format(weights=_attribute(weights_section)),
        *constants.texts(),
        *functions.texts,
        _names(named),
        _run(named, body),
        _argmax(named),
        tail,
    )
    return "\n\n".join(parts) + "\n"


def _in_loops(number: int, steps: Sequence[Step], call: str) -> str:
    """The statement of a step, with the start of the loop before it and the end behind it."""
    bands = steps[number].bands
    text = f"    MICRONET_STEP({number})\n    {call}"
    if bands is None:
        return text
    text = text.replace("    ", "        ")
    if number == 0 or steps[number - 1].bands is not bands:
        text = f"    for (int band = 0; band < {bands.count}; band++) {{\n{text}"
    if number + 1 == len(steps) or steps[number + 1].bands is not bands:
        text += "\n    }"
    return text


def _attribute(section: str | None) -> str:
    return "" if section is None else f' __attribute__((section("{section}")))'


class _Constants:
    """The arrays of the file; arrays with the same content are one."""

    def __init__(self, constants: Iterable[Constant]) -> None:
        self._names: dict[tuple[str, tuple[str, ...]], str] = {}
        self._first: dict[str, Constant] = {}
        for constant in constants:
            key = (constant.ctype, constant.lines)
            if key not in self._names:
                layer, _, role = constant.name.rpartition("/")
                name = f"c{len(self._names)}_{identifier(layer)}_{identifier(role)}"
                self._names[key] = name
                self._first[name] = constant

    def name(self, constant: Constant) -> str:
        return self._names[constant.ctype, constant.lines]

    def texts(self) -> Iterator[str]:
        for name, constant in self._first.items():
            lines = "\n".join(f"    {line}" for line in constant.lines)
            yield (
                f"/* {comment_text(constant.name)} */\n"
                f"MICRONET_ALIGN16 static const {constant.ctype} {name}[] MICRONET_WEIGHTS = {{\n{lines}\n}};"
            )


class _StepFunctions:
    """The functions of the file that call a kernel with constants; equal ones are one."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self.texts: list[str] = []

    def name(self, step: Step) -> str:
        """The function for a step, whose parameters are the step's pointers and arrays."""
        parameters, structs, values = [], [], []
        for number, argument in enumerate(step.arguments):
            own = f"a{number}"
            if isinstance(argument, Struct):
                members = [_value(each, f"{own}_{place}") for place, each in enumerate(argument.values)]
                structs.append(f"    const {argument.ctype} {own} = {{{', '.join(members)}}};\n")
                values.append(own)
            else:
                values.append(_value(argument, own))
            parameters += [f"{_parameter_type(each)}{name}" for each, name in _parameters(argument, own)]
        content = (
            f"({', '.join(parameters)})\n{{\n{''.join(structs)}    {step.function}({', '.join(values)});\n}}"
        )
        if content not in self._names:
            kernel = step.function.removeprefix("micronet_")
            self._names[content] = name = f"step_{kernel}_{len(self._names)}"
            self.texts.append(f"MICRONET_NOINLINE static void {name}{content}")
        return self._names[content]


Parameter = Pointer | Constant | Varying


def _parameters(argument: Argument, own: str) -> Iterator[tuple[Parameter, str]]:
    """The parameters that an argument called `own` becomes."""
    if isinstance(argument, Struct):
        for place, each in enumerate(argument.values):
            yield from _parameters(each, f"{own}_{place}")
    elif isinstance(argument, Pointer | Constant | Varying):
        yield argument, own


def _value(argument: Argument, own: str) -> str:
    """The argument in the call of the kernel."""
    return own if isinstance(argument, Pointer | Constant | Varying) else _literal(argument)


def _parameter_type(argument: Parameter) -> str:
    if isinstance(argument, Varying):
        return "int "
    if isinstance(argument, Constant):
        return f"const {argument.ctype} *"
    return f"{argument.buffer.ctype} *" if argument.written else f"const {argument.buffer.ctype} *"


def _literal(argument: Argument) -> str:
    if argument is None:
        return "NULL"
    return float_text(argument) if isinstance(argument, float) else str(argument)


def _call(step: Step, functions: _StepFunctions, constants: _Constants, named: Named) -> str:
    values = [
        _passed(each, constants, named)
        for argument in step.arguments
        for each, _ in _parameters(argument, "")
    ]
    return f"{functions.name(step)}({', '.join(values)});"


def _passed(parameter: Parameter, constants: _Constants, named: Named) -> str:
    if isinstance(parameter, Moving):
        return f"{int(parameter)} + band * ({parameter.per_band})"
    if isinstance(parameter, AfterFirst):
        return f"band > 0 ? {int(parameter)} : 0"
    if isinstance(parameter, Varying):
        return str(int(parameter))
    return constants.name(parameter) if isinstance(parameter, Constant) else _address(parameter, named)


def _address(pointer: Pointer, named: Named) -> str:
    buffer = pointer.buffer
    offset = buffer.start + pointer.offset
    moved = f" + band * {pointer.per_band}" if pointer.per_band else ""
    if buffer is named.program.image or buffer is named.program.scores:
        name = "image" if buffer is named.program.image else "scores"
        assert offset == 0  # neither has a border
        return name + moved
    place = f"memory + {named.plan.offsets[buffer] + offset}{moved}"
    if buffer.ctype == INT8:
        return place
    constant = "" if pointer.written else "const "
    inner = "(void *)" if pointer.written else "(const void *)"
    return f"({constant}{buffer.ctype} *){inner}({place})"


def _names(named: Named) -> str:
    names = ",\n".join(f"    {string_literal(step.name)}" for step in named.program.steps)
    return (
        "#ifdef MICRONET_STEP_NAMES\n"
        "/* In C++, a constant is no other file's unless it says so. */\n"
        f"extern const char *const {named.name}_step_names[];\nextern const int {named.name}_steps;\n"
        f"const char *const {named.name}_step_names[] = {{\n{names}\n}};\n"
        f"const int {named.name}_steps = {len(named.program.steps)};\n"
        "#endif"
    )


def _run(named: Named, body: Iterable[str]) -> str:
    steps = "\n".join(body)
    return f"{run_signature(named)}\n{{\n    int8_t *const memory = (int8_t *)arena;\n{steps}\n}}"


def run_signature(named: Named) -> str:
    """The head of the function that runs the network."""
    image, scores = named.program.image, named.program.scores
    return f"void {named.name}_run(const {image.ctype} *image, {scores.ctype} *scores, void *arena)"


def argmax_signature(named: Named) -> str:
    """The head of the function that finds the best class."""
    return f"int {named.name}_argmax(const {named.program.scores.ctype} *scores)"


def _argmax(named: Named) -> str:
    prefix = "" if named.program.scores.ctype == INT8 else "f32_"
    return (
        f"{argmax_signature(named)}\n{{\n"
        f"    return micronet_{prefix}argmax(scores, {named.prefix}_OUTPUTS);\n}}"
    )
