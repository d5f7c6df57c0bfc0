"""Small random networks of torch's layers, functions and methods, as a user writes them.

Each is a text, so that a failing example reads as the program to report.
"""

import warnings
from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from strategies.canonical_steps import canonical_steps_for
from strategies.steps import steps_for
from torch import nn

from micronet_edge.lowering.ir import primitives
from micronet_edge.models import ChannelShuffle

LARGEST, SMALLEST = 20.0, 0.1
"""Between these lies the largest number of every tensor, so that no rounding is blown up or lost."""

MOST_NUMBERS = 4000
"""Of one sample of a tensor: small networks run fast."""

INPUT_SHAPES = [(3, 8, 8), (1, 7, 10), (4, 5, 6), (2, 9, 3), (6, 11), (5, 8), (7,), (2, 3, 4, 5)]
INPUT_NAMES = ("a", "b", "c")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class AnyNetwork:
    """A network's text: its layers by name, its lines by what they assign, and what it returns."""

    inputs: dict[str, Shape]
    layers: dict[str, str]
    lines: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]
    container: str = "tuple"

    def __repr__(self):
        shapes = ", ".join(f"{name} [n, {str(shape)[1:-1]}]" for name, shape in self.inputs.items())
        return f"\n# inputs: {shapes}\n{self.source}"

    @property
    def source(self):
        layers = [f"        self.{name} = {made}" for name, made in self.layers.items()]
        lines = [f"        {name} = {made}" for name, made in self.lines]
        head = ["class Network(nn.Module):", "    def __init__(self):", "        super().__init__()"]
        forward = f"    def forward(self, {', '.join(self.inputs)}):"
        return "\n".join([*head, *layers, "", forward, *lines, f"        return {self._returned}"])

    @property
    def _returned(self):
        listed = ", ".join(self.outputs)
        if self.container == "dict":
            return "{" + ", ".join(f'"{name}": {name}' for name in self.outputs) + "}"
        if self.container == "list":
            return f"[{listed}]"
        return listed

    def network(self):
        """The network in inference mode, always with the same weights."""
        found = {**NAMES}
        exec(compile(self.source, "<any network>", "exec"), found)  # noqa: S102 - our own text
        with torch.random.fork_rng(devices=[]):
            network = found["Network"]()
            for name in self.layers:
                enliven(getattr(network, name), name)
        return network.eval()

    def samples(self, count, seed=1):
        """So many samples of every input."""
        generator = torch.Generator().manual_seed(seed)
        return tuple(torch.randn(count, *shape, generator=generator) for shape in self.inputs.values())


NAMES = {"torch": torch, "nn": nn, "F": F, "ir": primitives, "ChannelShuffle": ChannelShuffle}
"""What a text may use."""


def enliven(layer, name):
    """Gives a layer weights and statistics by its name, under which all of them matter."""
    generator = torch.Generator().manual_seed(sum(map(ord, name)))

    def normal(tensor, mean, std):
        tensor.data.copy_(mean + std * torch.randn(tensor.shape, generator=generator))

    if isinstance(layer, nn.Parameter):
        normal(layer, 0.0, 0.5)
        return
    for module in layer.modules():
        for own, parameter in module.named_parameters(recurse=False):
            if own == "bias" or parameter.dim() == 1:
                normal(parameter, 0.0 if own.endswith("bias") else 1.0, 0.3)
            else:
                normal(parameter, 0.0, prod(parameter.shape[1:]) ** -0.5)
        if getattr(module, "running_var", None) is not None:
            normal(module.running_mean, 0.0, 0.3)
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))


class Draft:
    """A network in the making: every line is computed at once, so that only valid ones stay."""

    def __init__(self, inputs):
        self.inputs, self.layers, self.lines = inputs, {}, []
        self._live, self._pending = nn.Module().eval(), {}
        self._values = dict(zip(inputs, AnyNetwork(inputs, {}, (), ()).samples(2, seed=0), strict=True))
        self.read = {name: {name} for name in inputs}

    def shape(self, name):
        return tuple(self._values[name].shape[1:])

    @property
    def names(self):
        return list(self._values)

    def layer(self, made):
        """How the text names a new layer, or a parameter, that is made so."""
        name = f"{'p' if made.startswith('nn.Parameter') else 'm'}{len(self.layers) + len(self._pending)}"
        self._pending[name] = made
        return f"self.{name}"

    def line(self, made, *sources):
        """Adds a line if it is valid and its numbers are tame; returns whether it did."""
        pending, self._pending = self._pending, {}
        try:
            for name, text in pending.items():
                setattr(self._live, name, eval(text, {**NAMES}))  # noqa: S307 - our own text
                enliven(getattr(self._live, name), name)
            # Torch warns of some layers, once in a process.
            with torch.no_grad(), warnings.catch_warnings(action="ignore"):
                self._live.eval()
                value = eval(made, {**NAMES, **self._values, "self": self._live})  # noqa: S307
        except (RuntimeError, ValueError):
            return False
        if not _is_tame(value):
            return False
        name = f"x{len(self.lines)}"
        self.layers |= pending
        self.lines.append((name, made))
        self._values[name] = value
        self.read[name] = set().union(*(self.read[source] for source in sources))
        return True


def _is_tame(value):
    if not (isinstance(value, torch.Tensor) and value.dim() and len(value) == 2):
        return False
    size = value[0].numel()
    if not 1 <= size <= MOST_NUMBERS or value.dim() > 5 or not torch.isfinite(value).all():
        return False
    return SMALLEST <= value.abs().max() <= LARGEST


@st.composite
def any_networks(draw, most=6, *, canonical=False):
    """A network of one to three inputs and outputs, in a user's words or in canonical layers."""
    steps_of = canonical_steps_for if canonical else steps_for
    count = draw(st.sampled_from([1, 1, 1, 2, 2, 3]))
    shapes = draw(st.lists(st.sampled_from(INPUT_SHAPES), min_size=count, max_size=count))
    draft = Draft(dict(zip(INPUT_NAMES, shapes)))  # noqa: B905 - as many as were drawn
    for _ in range(draw(st.integers(1, most))):
        # Mostly the newest tensor, so that networks are deep.
        recent = draft.names[::-1]
        x = recent[min(draw(st.sampled_from([0, 0, 0, 0, 1, 2, 3])), len(recent) - 1)]
        step = draw(st.sampled_from(steps_of(len(draft.shape(x)) + 1)))
        step(draw, draft, x)
    outputs = _outputs(draw, draft)
    container = draw(st.sampled_from(["tuple", "dict", "list"])) if len(outputs) > 1 else "tuple"
    return AnyNetwork(draft.inputs, dict(draft.layers), tuple(draft.lines), outputs, container)


def _outputs(draw, draft):
    """The last tensor and perhaps others; together they read every input."""
    if not draft.lines:
        _add_relu(draft, draft.names[0])
    computed = [name for name, _ in draft.lines]
    chosen = [computed[-1]]
    more = draw(st.sampled_from([0, 0, 0, 1, 2]))
    chosen += draw(st.lists(st.sampled_from(computed), min_size=more, max_size=more))
    read = set().union(*(draft.read[name] for name in chosen))
    for name in draft.inputs:
        if name not in read:
            _add_relu(draft, name)
            chosen.append(draft.lines[-1][0])
    return tuple(dict.fromkeys(chosen))


def _add_relu(draft, name):
    draft.line(f"{draft.layer('nn.ReLU()')}({name})", name)
