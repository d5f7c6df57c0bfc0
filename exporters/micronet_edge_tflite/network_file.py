"""A decomposed network as the content of a TFLite file, layer by layer, in integers or in float."""

from torch import fx

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature
from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.graph import inputs, module_of, results, shape_of
from micronet_edge.lowering.passes.fold_input_normalization import pixels_of
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import is_done_before, tensor_name
from micronet_edge.targets.common import check_signature
from micronet_edge_tflite.operators import OPERATORS
from micronet_edge_tflite.standard_metadata import STANDARD_METADATA, standard_metadata
from micronet_edge_tflite.writer.axis_order import usual
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.clips import write_clip
from micronet_edge_tflite.writer.model_writer import IMAGE, LOGITS
from micronet_edge_tflite.writer.network_tensors import NetworkTensors


def quantized_file(
    quantized: QuantizedNetwork,
    batch: int,
    *,
    integer_io: bool,
    repeats: bool = False,
    metadata: FileMetadata | None = None,
) -> bytes:
    """The content of a quantized network's file.

    Args:
        quantized: The network with its quantization parameters.
        batch: Images that the file takes at a time.
        integer_io: Whether the file takes and gives integers instead of float32.
        repeats: Whether constants have the shape of what they are added to or multiply.
        metadata: What the file says of itself, with the names of inputs and outputs; None says nothing.

    Raises:
        TargetError: On a layer that no operator here writes.
    """
    tensors = NetworkTensors(quantized, batch, repeats=repeats)
    return _content(tensors, metadata, integer_io=integer_io)


def float_file(
    network: fx.GraphModule,
    preprocessing: Preprocessing,
    batch: int,
    *,
    float16: bool = False,
    metadata: FileMetadata | None = None,
) -> bytes:
    """The content of the file of a network that computes in float32 throughout.

    Args:
        network: A network that `is_writable`.
        preprocessing: That of the images.
        batch: Images that the file takes at a time.
        float16: Whether weights that float16 holds exactly are stored in it.
        metadata: What the file says of itself, with the names of inputs and outputs; None says nothing.
    """
    names = frozenset(tensor_name(node) for node in network.graph.nodes)
    quantized = QuantizedNetwork(network, preprocessing, {}, names)
    return _content(NetworkTensors(quantized, batch, float16=float16), metadata, integer_io=False)


def is_writable(network: fx.GraphModule) -> bool:
    """Whether the network has no layer but those written here."""
    return unwritable(network) is None


def unwritable(network: fx.GraphModule) -> fx.Node | None:
    """The first layer that is not written here, if there is one."""
    layers = (node for node in network.graph.nodes if node.op not in {"placeholder", "output"})
    return next((node for node in layers if OPERATORS.writer(node) is None), None)


def described(node: fx.Node) -> str:
    """A layer by name, with its settings."""
    return f"the layer {tensor_name(node)}, {module_of(node) or node.target}"


def _content(tensors: NetworkTensors, metadata: FileMetadata | None, *, integer_io: bool) -> bytes:
    network = tensors.quantized.network
    pixels = pixels_of(network) if integer_io else None
    signature = None if metadata is None else metadata.interface
    names = _names(network, signature)
    # A device that has integers has pixels: it need not normalize them first.
    starts = [pixels] if pixels else inputs(network)
    if signature is not None:
        tensors.input_names = dict(zip(inputs(network), names[0], strict=True))
    given = [tensors.result(node, integer=integer_io) for node in starts]
    for node in inputs(network) if pixels is None else ():
        write_clip(Call(node, tensors, integer=integer_io))
    nodes = list(network.graph.nodes)
    for node in nodes[nodes.index(pixels) + 1 if pixels else 0 :]:
        if node.op not in {"placeholder", "output"} and not is_done_before(node):
            _write(Call(node, tensors))
    outputs = _outputs(tensors, given, integer=integer_io)
    if metadata is not None:
        stored = tensors.writer.qparams_of(given[0])
        tensors.writer.attach(STANDARD_METADATA, standard_metadata(metadata, stored))
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


def _outputs(tensors: NetworkTensors, given: list[int], *, integer: bool) -> list[int]:
    """The tensors of the network's outputs, in order; a runtime wants each to be one, and no input."""
    found: list[int] = []
    for node in results(tensors.quantized.network):
        index = tensors.read(node, integer=integer, order=usual(len(shape_of(node))))
        taken = index in given or index in found or tensors.writer.is_constant(index)
        found.append(tensors.copied(node, index) if taken else index)
    return found


def _write(call: Call) -> None:
    layer, writer = module_of(call.node), OPERATORS.writer(call.node)
    if writer is None:
        raise TargetError(
            f"no TFLite operator for {described(call.node)}: put another layer in its place, or export the "
            "network with --precision float32"
        )
    writer.write(layer, call)
    write_clip(call)
