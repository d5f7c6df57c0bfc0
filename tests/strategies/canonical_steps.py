"""Lines of canonical layers, as lowering leaves them: what writers and quantization must know."""

from hypothesis import strategies as st
from strategies.steps import fitting

ELEMENTWISE = (
    "nn.ReLU()",
    "nn.ReLU6()",
    "nn.Hardtanh(-0.6, 0.9)",
    "nn.Hardtanh(-1.0, 1.0)",
    "nn.LeakyReLU(0.2)",
    "nn.ELU(0.8)",
    "nn.ELU()",
    "nn.SiLU()",
    "nn.GELU()",
    "nn.GELU(approximate='tanh')",
    "nn.Hardswish()",
    "nn.Hardsigmoid()",
    "nn.Sigmoid()",
    "nn.Tanh()",
    "nn.Mish()",
    "nn.Softplus()",
    "ir.Absolute()",
    "ir.Exponential()",
)


def elementwise(draw, draft, x):
    draft.line(f"{draft.layer(draw(st.sampled_from(ELEMENTWISE)))}({x})", x)


def positive(draw, draft, x):
    """Functions of positive numbers alone."""
    kind = draw(st.sampled_from(["SquareRoot", "ReciprocalSquareRoot", "Logarithm"]))
    absolute, half = draft.layer("ir.Absolute()"), draft.layer("ir.AddConstant(torch.tensor(0.5))")
    draft.line(f"{draft.layer(f'ir.{kind}()')}({half}({absolute}({x})))", x)


def constant(draw, draft, x):
    """A constant of the tensor's rank or lower, that broadcasts."""
    shape = (1, *draft.shape(x))
    rank = draw(st.integers(0, len(shape)))
    own = [draw(st.sampled_from([length, 1])) for length in shape[len(shape) - rank :]]
    kind = draw(st.sampled_from(["Add", "Multiply", "Maximum", "Minimum"]))
    seed = draw(st.integers(0, 99))
    made = f"torch.randn({own}, generator=torch.Generator().manual_seed({seed}))"
    draft.line(f"{draft.layer(f'ir.{kind}Constant({made})')}({x})", x)


def two_tensors(draw, draft, x):
    kind = draw(st.sampled_from(["Add", "Subtract", "Multiply", "Maximum", "Minimum"]))
    fitting = [name for name in draft.names if _broadcasts(draft.shape(name), draft.shape(x))]
    y = draw(st.sampled_from(fitting))
    first, second = draw(st.permutations([x, y]))
    draft.line(f"{draft.layer(f'ir.{kind}()')}({first}, {second})", x, y)


def _broadcasts(first, second):
    return len(first) == len(second) and all(
        own == other or 1 in (own, other) for own, other in zip(first, second, strict=True)
    )


def quotient(_draw, draft, x):
    layers = [draft.layer(made) for made in ("ir.Divide()", "nn.Softplus()")]
    draft.line(f"{layers[0]}({x}, {layers[1]}({x}))", x)


def own_mean(draw, draft, x):
    """A tensor beside its own mean, which broadcasts."""
    axis = draw(st.integers(1, len(draft.shape(x))))
    kind = draw(st.sampled_from(["Subtract", "Multiply", "Add", "Maximum"]))
    mean = draft.layer(f"ir.Mean(({axis},), keeps_axes=True)")
    draft.line(f"{draft.layer(f'ir.{kind}()')}({x}, {mean}({x}))", x)


def reduction(draw, draft, x):
    rank = len(draft.shape(x))
    axes = tuple(sorted(draw(st.sets(st.integers(1, rank), min_size=1, max_size=rank))))
    kind, keeps = draw(st.sampled_from(["Mean", "Sum", "Largest", "Smallest"])), draw(st.booleans())
    draft.line(f"{draft.layer(f'ir.{kind}({axes}, keeps_axes={keeps})')}({x})", x)


def reshape(draw, draft, x):
    shape = draft.shape(x)
    forms = [
        (-1, int_product(shape)),
        (-1, *shape, 1),
        (-1, 1, *shape),
        (-1, *shape[:-2], int_product(shape[-2:])),
    ]
    for k, length in enumerate(shape):
        factors = [f for f in range(2, length) if length % f == 0]
        if factors:
            f = draw(st.sampled_from(factors))
            forms.append((-1, *shape[:k], f, length // f, *shape[k + 1 :]))
    forms.append((-1, *[length for length in shape if length > 1]))
    draft.line(f"{draft.layer(f'ir.Reshape({draw(st.sampled_from(forms))})')}({x})", x)


def int_product(lengths):
    result = 1
    for length in lengths:
        result *= length
    return result


def permute(draw, draft, x):
    order = (0, *draw(st.permutations(range(1, len(draft.shape(x)) + 1))))
    draft.line(f"{draft.layer(f'ir.Permute({order})')}({x})", x)


def part(draw, draft, x):
    shape = draft.shape(x)
    axis = draw(st.integers(1, len(shape)))
    start = draw(st.integers(0, shape[axis - 1] - 1))
    stop = draw(st.integers(start + 1, shape[axis - 1]))
    step = draw(st.sampled_from([1, 1, 2, 3]))
    draft.line(f"{draft.layer(f'ir.Slice({axis}, {start}, {stop}, {step})')}({x})", x)


def concatenation(draw, draft, x):
    shape = draft.shape(x)
    axis = draw(st.integers(1, len(shape)))
    others = draw(st.lists(st.sampled_from(fitting(draft, shape, axis)), min_size=1, max_size=2))
    draft.line(f"{draft.layer(f'ir.Concatenate({axis})')}({', '.join([x, *others])})", x, *others)


def stored(draw, draft, x):
    """A class token, in front of or behind the others."""
    shape = draft.shape(x)
    axis = draw(st.integers(1, len(shape)))
    own = (1, *shape[: axis - 1], 1, *shape[axis:])
    token = draft.layer(f"ir.StoredTensor(torch.full({own}, 0.7))")
    order = draw(st.permutations([f"{token}({x})", x]))
    draft.line(f"{draft.layer(f'ir.Concatenate({axis})')}({', '.join(order)})", x)


def expand(_draw, draft, x):
    shape = draft.shape(x)
    if 1 in shape:
        wide = (-1, *(3 if length == 1 else length for length in shape))
        draft.line(f"{draft.layer(f'ir.Expand({wide})')}({x})", x)


def pad(draw, draft, x):
    sides = tuple(draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in draft.shape(x))
    value = draw(st.sampled_from([0.0, 0.0, -0.5, None]))
    draft.line(f"{draft.layer(f'ir.Pad({((0, 0), *sides)}, {value})')}({x})", x)


def softmax(draw, draft, x):
    draft.line(f"{draft.layer(f'nn.Softmax(dim={draw(st.integers(1, len(draft.shape(x))))})')}({x})", x)


def linear(draw, draft, x):
    c, wide, bias = draft.shape(x)[-1], draw(st.integers(1, 6)), draw(st.booleans())
    draft.line(f"{draft.layer(f'nn.Linear({c}, {wide}, bias={bias})')}({x})", x)


def product(draw, draft, x):
    """Of a tensor's matrices with themselves transposed, or with others that fit."""
    rank = len(draft.shape(x)) + 1
    turned = draft.layer(f"ir.Permute({(*range(rank - 2), rank - 1, rank - 2)})")
    scale = draft.layer("ir.MultiplyConstant(torch.tensor(0.3))")
    operands = draw(st.sampled_from([f"{x}, {turned}({x})", f"{turned}({x}), {x}"]))
    draft.line(f"{scale}({draft.layer('ir.MatrixProduct()')}({operands}))", x)


def attention(draw, draft, x):
    """Queries, keys and values as in timm: the samples' axis is the second one for a while."""
    t, c = draft.shape(x)
    heads = draw(st.sampled_from([h for h in (1, 2, 3) if c % h == 0]))
    each = c // heads
    qkv = draft.layer(f"nn.Linear({c}, {3 * c})")
    split, turn = (
        draft.layer(f"ir.Reshape((-1, {t}, 3, {heads}, {each}))"),
        draft.layer("ir.Permute((2, 0, 3, 1, 4))"),
    )
    parts = [draft.layer(f"ir.Slice(0, {k}, {k + 1})") for k in range(3)]
    flat = draft.layer(f"ir.Reshape((-1, {heads}, {t}, {each}))")
    key = draft.layer("ir.Permute((0, 1, 3, 2))")
    products = [draft.layer("ir.MatrixProduct()") for _ in range(2)]
    soft, back = draft.layer("nn.Softmax(dim=3)"), draft.layer("ir.Permute((0, 2, 1, 3))")
    whole = draft.layer(f"ir.Reshape((-1, {t}, {c}))")
    q, k, v = (f"{flat}({each_part}({turn}({split}({qkv}({x})))))" for each_part in parts)
    draft.line(f"{whole}({back}({products[0]}({soft}({products[1]}({q}, {key}({k}))), {v})))", x)


def convolution(draw, draft, x):
    c, _, _ = draft.shape(x)
    groups = draw(st.sampled_from([g for g in range(1, c + 1) if c % g == 0]))
    wide = groups * draw(st.integers(1, max(1, 8 // groups)))
    window = draw(st.sampled_from([1, 3, (3, 3), (1, 3), (5, 2), 4]))
    stride, padding = draw(st.sampled_from([1, 2, (2, 1), 3])), draw(st.sampled_from([0, 1, (1, 0), 2]))
    dilation = draw(st.sampled_from([1, 1, 2, (1, 2)]))
    made = (
        f"nn.Conv2d({c}, {wide}, {window}, {stride}, {padding}, {dilation}, {groups}, {draw(st.booleans())})"
    )
    act = draw(st.sampled_from([None, None, "nn.ReLU()", "nn.ReLU6()", "nn.Hardswish()", "nn.SiLU()"]))
    line = f"{draft.layer(made)}({x})"
    draft.line(f"{draft.layer(act)}({line})" if act else line, x)


def transposed(draw, draft, x):
    c, _, _ = draft.shape(x)
    window, stride = draw(st.sampled_from([1, 2, 3, 4])), draw(st.sampled_from([1, 2, 3, (1, 2)]))
    padding, grows = draw(st.sampled_from([0, 1])), draw(st.sampled_from([0, 1]))
    groups, dilation = draw(st.sampled_from([1, c])), draw(st.sampled_from([1, 1, 2]))
    sizes = f"{c}, {c if groups > 1 else 3}, {window}, {stride}, {padding}, {grows}, {groups}"
    draft.line(f"{draft.layer(f'nn.ConvTranspose2d({sizes}, dilation={dilation})')}({x})", x)


def pool(draw, draft, x):
    window, stride = draw(st.sampled_from([2, 3, (3, 2)])), draw(st.sampled_from([1, 2, (1, 2)]))
    padding, counts = draw(st.sampled_from([0, 0, 1])), draw(st.booleans())
    kinds = [
        f"nn.MaxPool2d({window}, {stride}, {padding})",
        f"nn.AvgPool2d({window}, {stride}, {padding}, count_include_pad={counts})",
        "nn.AdaptiveAvgPool2d(1)",
    ]
    draft.line(f"{draft.layer(draw(st.sampled_from(kinds)))}({x})", x)


def resize(draw, draft, x):
    _, h, w = draft.shape(x)
    size = draw(
        st.sampled_from(
            [(2 * h, 2 * w), (h + 1, w), (3 * h, w + 2), (1, w), (max(1, h // 2), max(1, w // 2))]
        )
    )
    mode, corners = draw(st.sampled_from([("nearest", False), ("bilinear", False), ("bilinear", True)]))
    draft.line(f"{draft.layer(f'ir.Resize({size}, {mode!r}, aligns_corners={corners})')}({x})", x)


def of_channels(draw, draft, x):
    c, _, _ = draft.shape(x)
    kinds = [f"nn.PReLU({c})", "nn.PReLU()", f"ir.Channels({(c - 1) // 2}, {c})", "nn.Flatten(1)"]
    kinds += [f"ChannelShuffle({g})" for g in range(2, c) if c % g == 0]
    kinds += ["nn.PixelShuffle(2)"] if c % 4 == 0 else ["nn.PixelUnshuffle(2)"]
    draft.line(f"{draft.layer(draw(st.sampled_from(kinds)))}({x})", x)


ANY_STEPS = (
    elementwise,
    elementwise,
    elementwise,
    positive,
    constant,
    constant,
    two_tensors,
    two_tensors,
    quotient,
    own_mean,
    reduction,
    reshape,
    permute,
    permute,
    part,
    concatenation,
    stored,
    expand,
    pad,
    softmax,
)
MATRIX_STEPS = (linear, linear, product)
MAP_STEPS = (convolution, convolution, convolution, transposed, pool, resize, of_channels)


def canonical_steps_for(rank):
    """The steps that read a tensor of so many axes, the samples' among them."""
    match rank:
        case 1:
            return (elementwise,)
        case 2:
            return (*ANY_STEPS, linear, linear)
        case 3:
            return (*ANY_STEPS, *MATRIX_STEPS, attention, attention)
        case 4:
            return (*ANY_STEPS, *MATRIX_STEPS, *MAP_STEPS, *MAP_STEPS)
        case _:
            return (*ANY_STEPS, *MATRIX_STEPS)
