"""The types of a file's outputs."""

from ai_edge_litert import schema_py_generated as schema

_NAMES = {code: name.lower() for name, code in vars(schema.TensorType).items() if isinstance(code, int)}


def output_types(content: bytes) -> tuple[str, ...]:
    """The type of each output, in order: float32, int8, uint8 or int16."""
    graph = schema.Model.GetRootAs(content).Subgraphs(0)
    outputs = (graph.Tensors(graph.Outputs(place)) for place in range(graph.OutputsLength()))
    return tuple(_NAMES[tensor.Type()] for tensor in outputs)
