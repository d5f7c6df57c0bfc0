"""The names of a TFLite file's operators, read from the file without an interpreter."""

from collections import Counter

from ai_edge_litert import schema_py_generated as schema

OPERATOR_NAMES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}


def operators_in(content: bytes) -> Counter[str]:
    """How often each operator occurs in the first subgraph, the one that runs, of a sound model."""
    model = schema.Model.GetRootAs(content)
    names = [_name(model.OperatorCodes(place)) for place in range(model.OperatorCodesLength())]
    graph = model.Subgraphs(0)
    operators = (graph.Operators(place) for place in range(graph.OperatorsLength()))
    return Counter(names[operator.OpcodeIndex()] for operator in operators)


def _name(code: schema.OperatorCode) -> str:
    custom = code.CustomCode()
    if custom is not None:
        return str(custom.decode(errors="replace"))
    # Old files have only the deprecated field, which ends at 127.
    return str(OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())])
