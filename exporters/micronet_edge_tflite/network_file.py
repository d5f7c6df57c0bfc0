"""A decomposed network as the content of a TFLite file, layer by layer, in integers or in float."""

from dataclasses import dataclass, field

from torch import fx

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature
from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.graph import inputs, module_of
from micronet_edge.lowering.ir.primitives import Denormalize
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import is_done_before, tensor_name
from micronet_edge.targets.common import check_signature
from micronet_edge.targets.protocol import Ends
from micronet_edge_tflite.ends import pixels_at_start, write_inputs, write_outputs
from micronet_edge_tflite.operators import OPERATORS
from micronet_edge_tflite.standard_metadata import STANDARD_METADATA, standard_metadata
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.clips import write_clip
from micronet_edge_tflite.writer.model_writer import IMAGE, LOGITS
from micronet_edge_tflite.writer.network_tensors import NetworkTensors


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """How a network is written, apart from what it computes.

    Attributes:
        batch: Images that the file takes at a time.
        ends: The types and numbers that it takes and gives.
        signature: The names of inputs and outputs; None for a classifier's.
        float16: Whether weights that float16 holds exactly are stored in it.
        repeats: Whether constants have the shape of what they are added to or multiply.
        metadata: What the file says of itself to readers of the standard metadata; None says nothing.
    """

    batch: int = 1
    ends: Ends = field(default_factory=Ends)
    signature: Signature | None = None
    float16: bool = False
    repeats: bool = False
    metadata: FileMetadata | None = None


def quantized_file(quantized: QuantizedNetwork, form: FileForm = FileForm()) -> bytes:
    """The content of a quantized network's file.

    Raises:
        TargetError: On a layer that no operator here writes.
    """
    return _content(NetworkTensors(quantized, form.batch, repeats=form.repeats), form)


def float_file(network: fx.GraphModule, preprocessing: Preprocessing, form: FileForm = FileForm()) -> bytes:
    """The content of the file of a network that computes in float32 throughout, and `is_writable`."""
    names = frozenset(tensor_name(node) for node in network.graph.nodes)
    quantized = QuantizedNetwork(network, preprocessing, {}, names)
    return _content(NetworkTensors(quantized, form.batch, float16=form.float16), form)


def is_writable(network: fx.GraphModule) -> bool:
    """Whether the network has no layer but those written here."""
    return unwritable(network) is None


def unwritable(network: fx.GraphModule) -> fx.Node | None:
    """The first layer that is not written here, if there is one."""
    layers = (node for node in network.graph.nodes if node.op not in {"placeholder", "output"})
    layers = (node for node in layers if not isinstance(module_of(node), Denormalize))  # a file starts there
    return next((node for node in layers if OPERATORS.writer(node) is None), None)


def described(node: fx.Node) -> str:
    """A layer by name, with its settings."""
    return f"the layer {tensor_name(node)}, {module_of(node) or node.target}"


def _content(tensors: NetworkTensors, form: FileForm) -> bytes:
    network = tensors.quantized.network
    names = _names(network, form.signature)
    if form.signature is not None:
        tensors.input_names = dict(zip(inputs(network), names[0], strict=True))
    given = write_inputs(tensors, form.ends)
    nodes, start = list(network.graph.nodes), pixels_at_start(network, form.ends)
    for node in nodes[nodes.index(start) + 1 if start else 0 :]:
        if node.op not in {"placeholder", "output"} and not is_done_before(node):
            _write(Call(node, tensors))
    outputs = write_outputs(tensors, given, form.ends)
    if form.metadata is not None:
        stored = tensors.writer.stored_as(given[0])
        tensors.writer.attach(STANDARD_METADATA, standard_metadata(form.metadata, stored))
    return tensors.writer.content(
        dict(zip(names[0], given, strict=True)), dict(zip(names[1], outputs, strict=True))
    )


def _names(network: fx.GraphModule, signature: Signature | None) -> tuple[list[str], list[str]]:
    """Those of the inputs and of the outputs.

    Raises:
        TargetError: If the network has more or fewer of them.
    """
    if signature is None:
        return [IMAGE], [LOGITS]
    check_signature(network, signature)
    return [spec.name for spec in signature.inputs], [spec.name for spec in signature.outputs]


def _write(call: Call) -> None:
    layer, writer = module_of(call.node), OPERATORS.writer(call.node)
    if writer is None:
        raise TargetError(
            f"no TFLite operator for {described(call.node)}: put another layer in its place, or export the "
            "network with --precision float32"
        )
    writer.write(layer, call)
    write_clip(call)
