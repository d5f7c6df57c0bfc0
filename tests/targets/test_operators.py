"""The registry of operators: a file in a package is enough to register one."""

import operator
import sys

import pytest
from torch import nn

from micronet_edge.lowering.ir.graph import calls
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.targets.operators import Operators

FOLDER = {
    "__init__.py": "from micronet_edge.targets.operators import Operators\nOPERATORS = Operators(__name__)\n",
    "relu.py": """
from torch import nn
from made_operators import OPERATORS

OPERATORS.names("RELU", "RELU6", formula=1, allowed_in=("float32",))

@OPERATORS.writes(nn.Hardtanh)  # and what is derived from it
def write(node):
    return "RELU"
""",
    "convolution.py": """
from torch import nn
from made_operators import OPERATORS
from micronet_edge.lowering.ir.graph import module_of

OPERATORS.names("CONV", formula=9, allowed_in=("float32", "int8"))

@OPERATORS.writes(nn.Conv2d, supports=lambda node: module_of(node).groups == 1)
def write(node):
    return "CONV"
""",
}


@pytest.fixture
def operators(tmp_path, monkeypatch):
    package = tmp_path / "made_operators"
    package.mkdir()
    for name, content in FOLDER.items():
        (package / name).write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    from made_operators import OPERATORS

    yield OPERATORS
    for name in [name for name in sys.modules if name.startswith("made_operators")]:
        del sys.modules[name]


@pytest.fixture
def nodes():
    layers = [nn.Conv2d(3, 4, 1), nn.ReLU6(), nn.Conv2d(4, 4, 1, groups=2), nn.Sigmoid()]
    network = trace(nn.Sequential(*layers).eval(), 8)
    return [node for node, _ in calls(network, nn.Module)]


def test_layers_are_written_by_the_files_of_the_package(operators, nodes):
    convolution, relu, grouped, sigmoid = (operators.writer(node) for node in nodes)
    assert (convolution.write(None), relu.write(None)) == ("CONV", "RELU")
    assert grouped is None  # not supported
    assert sigmoid is None  # not registered


def test_names_say_what_is_computed_and_where_it_may_stand(operators):
    assert [operators.formula(name) for name in ("CONV", "RELU6", "ELU")] == [9, 1, None]
    assert operators.allowed("float32") == {"CONV", "RELU", "RELU6"}
    assert operators.allowed("int8") == {"CONV"}


def test_what_is_registered_later_counts_as_well(operators, nodes):
    operators.writes(nn.Sigmoid)(lambda _node: "LOGISTIC")
    assert operators.writer(nodes[-1]).write(None) == "LOGISTIC"


class Residual(nn.Module):
    """Calls a function and a tensor's method, beside a layer whose name is that method's."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Sigmoid()

    def forward(self, x):
        return (self.flatten(x) + x).flatten(1)


def test_functions_and_methods_are_written_as_layers_are(operators):
    operators.writes(operator.add)(lambda _node: "ADD")
    operators.writes("flatten")(lambda _node: "RESHAPE")
    _, sigmoid, add, flatten, _ = trace(Residual(), 8).graph.nodes
    assert operators.writer(sigmoid) is None
    assert operators.writer(add).write(None) == "ADD"
    assert operators.writer(flatten).write(None) == "RESHAPE"


def test_registries_share_nothing(operators):
    other = Operators("made_operators")
    other.names("ELU", formula=2)
    assert operators.formula("ELU") is None


def test_an_operator_that_cannot_be_loaded_is_an_error_every_time(operators, tmp_path):
    (tmp_path / "made_operators" / "softmax.py").write_text("import no_such_library\n")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_library"):
            operators.allowed("float32")
