"""Runs a network and shows every tensor on the way."""

from collections.abc import Callable

import torch
from torch import Tensor, fx


class Watched(fx.Interpreter):
    """The network; `take` receives every node with its tensor, the inputs first."""

    def __init__(self, network: fx.GraphModule, take: Callable[[fx.Node, Tensor], None]) -> None:
        super().__init__(network)
        self._take = take

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The result for any number of samples of each input, without gradients."""
        with torch.no_grad():
            result: Tensor = self.run(*inputs)
        return result

    def run_node(self, n: fx.Node) -> Tensor:
        value: Tensor = super().run_node(n)
        if n.op != "output":
            self._take(n, value)
        return value
