"""What the operators of a TFLite file are called, read from the file itself: no interpreter is opened."""

from collections import Counter

from ai_edge_litert import schema_py_generated as schema

OPERATOR_NAMES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}


def operators_in(content: bytes) -> Counter[str]:
    """How often each operator stands in the first subgraph of a sound model, which is what runs."""
    model = schema.Model.GetRootAs(content)
    names = [_name(model.OperatorCodes(place)) for place in range(model.OperatorCodesLength())]
    graph = model.Subgraphs(0)
    operators = (graph.Operators(place) for place in range(graph.OperatorsLength()))
    return Counter(names[operator.OpcodeIndex()] for operator in operators)


def _name(code: schema.OperatorCode) -> str:
    custom = code.CustomCode()
    if custom is not None:
        return str(custom.decode(errors="replace"))
    # Old writers know only the first field, which ends at 127.
    return str(OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())])
