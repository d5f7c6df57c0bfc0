"""A decomposed network as the content of a TFLite file, layer by layer, in integers or in float."""

from torch import fx

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.graph import module_of, only_input
from micronet_edge.lowering.passes.fold_input_normalization import pixels_of
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import is_done_before, tensor_name
from micronet_edge_tflite.operators import OPERATORS
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.clips import write_clip
from micronet_edge_tflite.writer.model_writer import IMAGE, LOGITS
from micronet_edge_tflite.writer.network_tensors import NetworkTensors


def quantized_file(
    quantized: QuantizedNetwork, batch: int, *, integer_io: bool, repeats: bool = False
) -> bytes:
    """The content of a quantized network's file.

    Args:
        quantized: The network with its quantization parameters.
        batch: Images that the file takes at a time.
        integer_io: Whether the file takes and gives integers instead of float32.
        repeats: Whether constants have the shape of what they are added to or multiply.

    Raises:
        TargetError: On a layer that no operator here writes.
    """
    return _content(NetworkTensors(quantized, batch, repeats=repeats), integer_io=integer_io)


def float_file(
    network: fx.GraphModule, preprocessing: Preprocessing, batch: int, *, float16: bool = False
) -> bytes:
    """The content of the file of a network that computes in float32 throughout.

    Args:
        network: A network that `is_writable`.
        preprocessing: That of the images.
        batch: Images that the file takes at a time.
        float16: Whether weights that float16 holds exactly are stored in it.
    """
    names = frozenset(tensor_name(node) for node in network.graph.nodes)
    quantized = QuantizedNetwork(network, preprocessing, {}, names)
    return _content(NetworkTensors(quantized, batch, float16=float16), integer_io=False)


def is_writable(network: fx.GraphModule) -> bool:
    """Whether the network takes one image, gives one tensor, and has no layer but those written here."""
    nodes = list(network.graph.nodes)
    layers = [node for node in nodes if node.op not in {"placeholder", "output"}]
    results = [node.args[0] for node in nodes if node.op == "output"]
    single = len(nodes) - len(layers) == 2 and isinstance(results[0], fx.Node)  # noqa: PLR2004
    return single and all(OPERATORS.writer(node) is not None for node in layers)


def _content(tensors: NetworkTensors, *, integer_io: bool) -> bytes:
    network = tensors.quantized.network
    image, *layers, end = network.graph.nodes
    pixels = pixels_of(network) if integer_io else None
    # A device that has integers has pixels: it need not normalize them first.
    given = tensors.result(pixels or image, integer=integer_io)
    for node in layers[layers.index(pixels) + 1 if pixels else 0 :]:
        if not is_done_before(node):
            _write(Call(node, tensors))
    logits = tensors.read(only_input(end), integer=integer_io)
    return tensors.writer.content({IMAGE: given}, {LOGITS: logits})


def _write(call: Call) -> None:
    layer, writer = module_of(call.node), OPERATORS.writer(call.node)
    if writer is None:
        raise TargetError(
            f"{call.name}: no TFLite operator for the layer {layer}: put another one in its "
            "place, or export the network with --precision float32"
        )
    writer.write(layer, call)
    write_clip(call)
