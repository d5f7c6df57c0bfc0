"""Runs a network and shows every tensor on the way."""

from collections.abc import Callable

import torch
from torch import Tensor, fx


class Watched(fx.Interpreter):
    """The network; `take` receives every node with its tensor, the image first."""

    def __init__(self, network: fx.GraphModule, take: Callable[[fx.Node, Tensor], None]) -> None:
        super().__init__(network)
        self._take = take

    def __call__(self, images: Tensor) -> Tensor:
        """The result for images [n, 3, size, size], without gradients."""
        with torch.no_grad():
            result: Tensor = self.run(images)
        return result

    def run_node(self, n: fx.Node) -> Tensor:
        value: Tensor = super().run_node(n)
        if n.op != "output":
            self._take(n, value)
        return value
