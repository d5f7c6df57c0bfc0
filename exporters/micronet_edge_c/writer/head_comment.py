"""The comment at the top of a C file: what it is, what it takes, and how to call it."""

from micronet_edge.data.metadata import FileMetadata
from micronet_edge_c.program.buffers import FLOAT
from micronet_edge_c.program.expected_instructions import CORES, expected_instructions
from micronet_edge_c.program.steps import Program
from micronet_edge_c.writer.c_file import Named
from micronet_edge_c.writer.graph_of import graph_of
from micronet_edge_c.writer.header import arena_bytes
from micronet_edge_c.writer.identifiers import comment_text


def head_comment(named: Named, metadata: FileMetadata) -> str:
    """The comment at the top of the C file."""
    program, name, prefix = named.program, named.name, named.prefix
    image, classes = program.image, program.scores.elements
    weights = sum(each.elements for each in program.constants if each.weighs)
    madds = sum(
        step.arithmetic.conv + step.arithmetic.linear + step.arithmetic.multiplies for step in program.steps
    )
    return f"""/* {comment_text(metadata.variant)} in {metadata.precision}, written by micronet-edge.

   Takes {image.height} x {image.width} pixels of {image.channels} and gives {classes} scores.
   {madds:,} multiply-adds, {weights:,} weights, {arena_bytes(named):,} bytes of arena.{_expected(program)}

   Compile this file with micronet_kernels.h and its parts beside it, for the instructions of your
   core (-mcpu=...), with -O2 or -O3; {named.stem}_test.c shows that it works there. To call it:

       #include "{named.stem}.h"
       static uint8_t arena[{prefix}_ARENA_BYTES] __attribute__((aligned(16)));
       {program.scores.ctype} scores[{prefix}_OUTPUTS];
       {name}_run(image, scores, arena);
       int best = {name}_argmax(scores);
*/"""


def _expected(program: Program) -> str:
    """The line on instructions; none in float32, whose costs no core's table holds."""
    if program.image.ctype == FLOAT:
        return ""
    graph = graph_of(program)
    found = {name: expected_instructions(graph, core) for core, name in CORES.items()}
    known = [f"{count / 1e6:.3g} million on a {name}" for name, count in found.items() if count is not None]
    return f"\n   Expected instructions, not cycles: {' and '.join(known)}." if known else ""
