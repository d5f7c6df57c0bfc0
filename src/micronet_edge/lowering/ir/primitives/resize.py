"""Maps in another size."""

from torch import Tensor, nn


class Resize(nn.Module):
    """A map [n, c, h, w] in another size.

    Given    height and width of the result; nearest or bilinear interpolation; whether the centres of the
             corner pixels stay in the corners (bilinear alone)
    Source   torch.nn.functional.interpolate, whose nearest takes pixel floor(place * old / new).
    """

    def __init__(self, size: tuple[int, int], mode: str, *, aligns_corners: bool = False) -> None:
        super().__init__()
        self.size, self.mode, self.aligns_corners = size, mode, aligns_corners

    def forward(self, x: Tensor) -> Tensor:
        corners = self.aligns_corners if self.mode == "bilinear" else None
        return nn.functional.interpolate(x, self.size, mode=self.mode, align_corners=corners)
