"""Sums a profile's operators by layer and by kind of layer.

Files of this tool name their tensors and operators after the network's layers
(`features/block4/depthwise_activation/fusion0_mix`), and so do ONNX files of the network as trained. For
files of converters that lose the names, times are summed by type of operator, and `named` is False.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from micronet_edge_bench.layer_names import Kind, Place, kind_of_operator, places
from micronet_edge_bench.results import Profile


@dataclass(frozen=True, slots=True)
class ProfiledOperator:
    """One operator of the file; `index` is None for the runtime's own work."""

    index: int | None
    operator: str
    output: str
    median_ns: float
    delegate: str | None
    layer: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Total:
    """The time of `operators` operators together; `share` is their share of all operators' time."""

    name: str
    median_ns: float
    share: float
    operators: int


@dataclass(frozen=True, slots=True)
class LayerProfile:
    """A file's time by operator, layer and kind, each total largest first.

    `named` says whether the names identify the layers. `whole_ns` is the median of the whole inference
    without profiler, to compare with `operators_ns`, the sum over operators.
    """

    method: str
    rounds: int
    named: bool
    whole_ns: float
    operators_ns: float
    operators: tuple[ProfiledOperator, ...]
    layers: tuple[Total, ...]
    kinds: tuple[Total, ...]


def layer_profile(profile: Profile, whole_ns: float) -> LayerProfile:
    """Sums a profile by layer; `whole_ns` is the file's own median."""
    found = places(profile.operators)
    named = 2 * sum(bool(place.layer) for place in found) > len(found)
    if not named:
        found = [Place("", kind_of_operator(one.operator)) for one in profile.operators]
    operators = tuple(
        ProfiledOperator(
            one.index, one.operator, one.output, one.median_ns, one.delegate, place.layer, place.kind
        )
        for one, place in zip(profile.operators, found, strict=True)
    )
    operators_ns = sum(operator.median_ns for operator in operators)
    return LayerProfile(
        method=profile.method,
        rounds=profile.rounds,
        named=named,
        whole_ns=whole_ns,
        operators_ns=operators_ns,
        operators=operators,
        layers=_totals(((one.layer, one) for one in operators if one.layer), operators_ns),
        kinds=_totals(((one.kind.value, one) for one in operators), operators_ns),
    )


def _totals(named: Iterable[tuple[str, ProfiledOperator]], operators_ns: float) -> tuple[Total, ...]:
    groups: dict[str, list[float]] = defaultdict(list)
    for name, operator in named:
        groups[name].append(operator.median_ns)
    whole_ns = operators_ns or 1.0
    totals = [Total(name, sum(times), sum(times) / whole_ns, len(times)) for name, times in groups.items()]
    return tuple(sorted(totals, key=lambda total: -total.median_ns))
