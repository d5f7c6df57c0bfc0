"""Networks as C files compute them."""

from torch import fx

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.refine_stem import with_pixels
from micronet_edge.quantization.simulate_half_up import with_half_up
from micronet_edge_c.wide_pairs import with_wide_pairs


def quantized_graph(quantized: QuantizedNetwork) -> QuantizedNetwork:
    """The same network with pixels as bytes, one kernel for each activation, and sums rounded half up.

    What two convolutions pass on has 16 bits.
    """
    return with_wide_pairs(with_half_up(with_pixels(quantized)))


def float_graph(network: fx.GraphModule, preprocessing: Preprocessing) -> QuantizedNetwork:
    """A network all of whose layers stay in float32."""
    names = frozenset(tensor_name(node) for node in network.graph.nodes)
    return QuantizedNetwork(network, preprocessing, {}, names)
