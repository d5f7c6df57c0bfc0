"""Draws the pictures of the documentation into docs/pictures: `python docs/scripts/pictures.py`.

The plots of results are in plots.py.
"""

from pathlib import Path

from svg import Drawing

FOLDER = Path(__file__).parents[1] / "pictures"


def road() -> Drawing:
    """From photographs to a chip: what each step takes and gives."""
    drawn = Drawing(820, 330, "The road from photographs to a chip")
    size = (132, 70)
    steps = [
        (["photographs", "a folder per class"], "box"),
        (["train", "or your checkpoint"], "mine"),
        (["lower", "exact changes", "of the network"], "mine"),
        (["quantize", "on your images"], "mine"),
        (["write", "ONNX, TFLite, C"], "mine"),
    ]
    for place, (words, kind) in enumerate(steps):
        x = 10 + place * 167
        drawn.box(x, 20, size, words, kind)
        if place:
            drawn.arrow((x - 35, 55), (x - 3, 55))
    drawn.arrow((744, 90), (744, 132))
    drawn.box(678, 135, size, ["prove", "same function?", "in its own runtime"], "good")
    drawn.arrow((678, 170), (646, 170))
    drawn.box(511, 135, size, ["proven file", "labels, preprocessing", "inside"], "good")
    drawn.path("M744 205 V224")
    drawn.text(744, 236, "no: no file is written", "soft small")
    drawn.path("M577 205 V240 M76 240 H577")
    places = [
        ("browser", "deploy --to web"),
        ("phone", "deploy --to android"),
        ("server, desktop", "deploy --to cpp, python"),
        ("microcontroller", "a C file"),
    ]
    for place, words in enumerate(places):
        x = 10 + place * 167
        drawn.arrow((x + 66, 240), (x + 66, 257))
        drawn.box(x, 260, (152, 52), list(words))
    drawn.text(76, 170, "Every step is one command;", "soft small left")
    drawn.text(76, 187, "each can be the first.", "soft small left")
    return drawn


_SIDE = 11


def _matrix(drawn: Drawing, at: tuple[float, float], shape: tuple[int, int], filled: dict) -> None:
    rows, columns = shape
    for row in range(rows):
        for column in range(columns):
            kind = filled.get((row, column), "none")
            drawn.rect(at[0] + column * _SIDE, at[1] + row * _SIDE, (_SIDE - 1, _SIDE - 1), kind, 1)


def pointwise() -> Drawing:
    """Micro-Factorized pointwise convolution as matrices: 18 channels, squeezed to 9, in 3 groups."""
    channels, squeezed, groups = 18, 9, 3
    drawn = Drawing(770, 300, "Micro-Factorized pointwise convolution")
    top = 50.0
    dense = {(row, column): "fillsoft" for row in range(channels) for column in range(channels)}
    _matrix(drawn, (20, top), (channels, channels), dense)
    drawn.text(119, 30, "a pointwise convolution", "strong")
    drawn.text(119, top + 215, f"{channels} x {channels} = {channels * channels} weights", "soft")
    drawn.text(256, top + 99, "becomes", "soft")
    first = {
        (row, column): "fillmine"
        for row in range(squeezed)
        for column in range(channels)
        if row * groups // squeezed == column * groups // channels
    }
    last = {(column, row): "fillhot" for row, column in first}
    middle = {(row, row % groups * groups + row // groups): "fillgood" for row in range(squeezed)}
    _matrix(drawn, (300, top), (channels, squeezed), last)
    _matrix(drawn, (425, top + 50), (squeezed, squeezed), middle)
    _matrix(drawn, (550, top + 50), (squeezed, channels), first)
    drawn.text(350, 30, "expand", "strong")
    drawn.text(475, 30, "shuffle", "strong")
    drawn.text(649, 30, "squeeze", "strong")
    weights = 2 * len(first)
    drawn.text(350, top + 215, f"{len(last)} weights", "soft")
    drawn.text(475, top + 215, "no weights", "soft")
    drawn.text(649, top + 215, f"{len(first)} weights", "soft")
    drawn.text(
        475, top + 240, f"{weights} weights instead of {channels * channels}; {groups} groups", "soft small"
    )
    return drawn


def depthwise() -> Drawing:
    """Micro-Factorized depthwise convolution: a 5 x 5 window as a column and a row."""
    drawn = Drawing(700, 170, "Micro-Factorized depthwise convolution")
    side, top = 22, 30

    def window(x: float, rows: int, columns: int, kind: str) -> None:
        for row in range(rows):
            for column in range(columns):
                drawn.rect(x + column * side, top + row * side, (side - 2, side - 2), kind, 2)

    window(20, 5, 5, "fillsoft")
    drawn.text(20, 158, "5 x 5: 25 weights a channel", "soft left")
    drawn.text(200, 85, "becomes", "soft")
    window(290, 5, 1, "fillmine")
    drawn.text(300, 158, "5 x 1", "soft")
    drawn.text(345, 85, "then", "soft")
    top = 74
    window(400, 1, 5, "fillhot")
    drawn.text(400, 158, "1 x 5: together 10 weights a channel", "soft left")
    return drawn


def shift_max() -> Drawing:
    """Dynamic Shift-Max: where the numbers of one channel come from."""
    drawn = Drawing(760, 320, "Dynamic Shift-Max")
    drawn.box(20, 120, (110, 70), ["x", "C maps"])
    drawn.arrow((75, 120), (75, 73))
    drawn.box(20, 20, (110, 50), ["mean", "of each map"])
    drawn.arrow((130, 45), (177, 45))
    drawn.box(180, 20, (130, 50), ["squeeze", "linear, ReLU"])
    drawn.arrow((310, 45), (337, 45))
    drawn.box(340, 20, (130, 50), ["excite", "linear, hard sigmoid"])
    drawn.arrow((470, 45), (517, 45))
    drawn.box(520, 20, (200, 50), ["a1  b1  a2  b2", "coefficients for each channel"], "hot")
    drawn.box(180, 105, (130, 46), ["x[c]"], "mine")
    drawn.box(180, 205, (130, 46), ["x[shifted c]"], "mine")
    drawn.path("M130 155 H155 V128 H177")
    drawn.head((177, 128), (1, 0))
    drawn.path("M130 155 H155 V228 H177")
    drawn.head((177, 228), (1, 0))
    drawn.box(390, 120, (200, 46), ["a1 x[c] + b1 x[shifted c]"], "box")
    drawn.box(390, 200, (200, 46), ["a2 x[c] + b2 x[shifted c]"], "box")
    for y in (143, 223):
        drawn.path(f"M310 128 C350 128 350 {y} 387 {y} M310 228 C350 228 350 {y} 387 {y}")
        drawn.head((387, y), (1, 0))
        drawn.path(f"M590 {y} C615 {y} 615 183 638 183")
    drawn.head((638, 183), (1, 0))
    drawn.arrow((620, 70), (490, 117), "linehot")
    drawn.box(640, 158, (90, 50), ["max", "y[c]"], "good")
    drawn.text(
        380,
        290,
        "Two fusions of two inputs (J = K = 2). Where K = 1 there is one fusion and no maximum.",
        "soft small",
    )
    return drawn


def shift() -> Drawing:
    """The shift of 12 channels in 3 groups, and the order in which it is one roll."""
    groups, width = 3, 4
    read = [(c // width + 1) % groups * width + (c % width + 1) % width for c in range(groups * width)]
    order = [0]
    while read[order[-1]] != 0:
        order.append(read[order[-1]])
    drawn = Drawing(760, 325, "The shift of channels, and the order that makes it a roll")
    drawn.text(20, 22, "In the network's order each channel reads another place: a gather.", "left")
    _row_of_channels(drawn, list(range(12)), 45)
    _row_of_channels(drawn, read, 125)
    for place, source in enumerate(read):
        drawn.line((_middle(place), 125), (_middle(source), 75), "linehot")
    drawn.text(
        20, 190, "In this order the same shift is one step to the side: two contiguous copies.", "left"
    )
    shifted = [read[channel] for channel in order]
    _row_of_channels(drawn, order, 213)
    _row_of_channels(drawn, shifted, 283)
    for place, source in enumerate(shifted):
        drawn.line((_middle(place), 283), (_middle(order.index(source)), 243), "linemine")
    return drawn


def _middle(place: int) -> float:
    return 20 + place * 61 + 25


def _row_of_channels(drawn: Drawing, channels: list[int], top: float) -> None:
    kinds = ("mine", "hot", "good")
    for place, channel in enumerate(channels):
        drawn.rect(20 + place * 61, top, (50, 30), kinds[channel // 4], 4)
        drawn.text(_middle(place), top + 15, str(channel), "strong")


def proof() -> Drawing:
    """How a file is proven before it gets its name."""
    drawn = Drawing(760, 300, "How a file is proven")
    drawn.box(20, 30, (130, 56), ["checkpoint", "PyTorch, float32"])
    drawn.arrow((150, 58), (197, 58))
    drawn.box(200, 30, (150, 56), ["lowered network", "each pass checked"], "mine")
    drawn.arrow((350, 58), (397, 58))
    drawn.box(400, 30, (150, 56), ["quantized network", "simulated in PyTorch"], "mine")
    drawn.arrow((550, 58), (597, 58))
    drawn.box(600, 30, (140, 56), ["file", "in its own runtime"], "hot")
    drawn.path("M85 86 V150 H275 V89")
    drawn.head((275, 89), (0, -1))
    drawn.text(180, 166, "same numbers after every pass", "soft small")
    drawn.path("M475 86 V150 H670 V89")
    drawn.head((670, 89), (0, -1))
    drawn.text(572, 166, "same function as the simulation", "soft small")
    drawn.path("M60 86 V205 H700 V89")
    drawn.head((700, 89), (0, -1))
    drawn.text(380, 221, "float32: 1e-4 of the largest logit; int8: held-out images", "soft small")
    drawn.box(250, 245, (260, 44), ["all hold: files appear together"], "good")
    return drawn


PICTURES = {
    "road": road,
    "pointwise": pointwise,
    "depthwise": depthwise,
    "shift_max": shift_max,
    "shift": shift,
    "proof": proof,
}


def draw(folder: Path = FOLDER) -> None:
    """Writes every picture."""
    for name, picture in PICTURES.items():
        (folder / f"{name}.svg").write_text(picture().svg(), encoding="utf-8")


if __name__ == "__main__":
    draw()
