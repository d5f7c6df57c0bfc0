"""The lines that a random network is made of, by the number of axes of the tensor that they read."""

from hypothesis import strategies as st
from strategies.steps_of_maps import MAP_STEPS
from strategies.steps_of_sequences import SEQUENCE_STEPS, VECTOR_STEPS

ACTIVATIONS = [
    "nn.ReLU()({x})",
    "nn.ReLU6()({x} * 4)",
    "nn.LeakyReLU(0.2)({x})",
    "nn.ELU(0.7)({x})",
    "nn.SiLU()({x})",
    "nn.GELU()({x})",
    "nn.GELU(approximate='tanh')({x})",
    "nn.Hardswish()({x})",
    "nn.Hardsigmoid()({x})",
    "nn.Sigmoid()({x})",
    "nn.Tanh()({x})",
    "nn.Mish()({x})",
    "nn.Softplus()({x})",
    "nn.Hardtanh(-0.7, 0.4)({x})",
    "nn.PReLU()({x})",
    "nn.Dropout(0.3)({x})",
    "nn.Identity()({x})",
]
"""As layers."""

FUNCTIONS = [
    "F.relu({x})",
    "{x}.relu()",
    "torch.relu({x})",
    "F.relu6({x} + 3.0) / 6.0",
    "F.leaky_relu({x}, 0.1)",
    "F.elu({x})",
    "F.silu({x})",
    "F.gelu({x})",
    "F.hardswish({x})",
    "F.hardsigmoid({x})",
    "torch.sigmoid({x})",
    "{x}.sigmoid()",
    "torch.tanh({x})",
    "F.mish({x})",
    "F.softplus({x})",
    "{x} * torch.sigmoid({x})",
    "{x} * F.relu6({x} + 3) / 6",
    "{x}.clamp(-0.5, 1.0)",
    "torch.clamp({x}, min=-0.3)",
    "{x}.clamp_max(0.6)",
    "F.hardtanh({x}, -1.0, 0.5)",
    "{x}.abs()",
    "-{x}",
    "{x} ** 2",
    "{x}.pow(3) / 4",
    "torch.square({x})",
    "torch.sqrt({x}.abs() + 0.1)",
    "torch.rsqrt({x}.pow(2) + 0.5)",
    "torch.exp(-{x}.abs())",
    "torch.log({x}.abs() + 0.5)",
    "{x} * 0.5 + 1.5",
    "2.0 - {x}",
    "1.0 / ({x}.abs() + 0.5)",
    "({x} - 0.25) / 0.8",
    "{x}.mul(1.5).add(0.1)",
    "torch.maximum({x}, -0.2 * {x})",
    "torch.minimum({x}, {x} * {x})",
    "F.dropout({x}, 0.2, training=self.training)",
    "{x}.contiguous().detach()",
    "F.softsign({x})",
    "F.logsigmoid({x})",
    "F.selu({x})",
    "F.celu({x}, 0.8)",
    "F.tanhshrink({x})",
]


def activation(draw, draft, x):
    """A layer of no weights; as an attribute, as networks hold them."""
    made = draw(st.sampled_from(ACTIVATIONS))
    layer, _, argument = made.partition(")({x}")
    draft.line(f"{draft.layer(layer + ')')}({x}{argument}", x)


def function(draw, draft, x):
    draft.line(draw(st.sampled_from(FUNCTIONS)).format(x=x), x)


def softmax(draw, draft, x):
    axis = draw(st.integers(1, len(draft.shape(x))))
    axis -= draw(st.sampled_from([0, len(draft.shape(x)) + 1]))
    form = draw(
        st.sampled_from(["F.softmax({x}, dim={a})", "{x}.softmax({a})", "F.log_softmax({x}, dim={a})"])
    )
    draft.line(form.format(x=x, a=axis), x)


def reduction(draw, draft, x):
    rank = len(draft.shape(x))
    axes = tuple(sorted(draw(st.sets(st.integers(1, rank), min_size=1, max_size=rank))))
    keeps = draw(st.booleans())
    kind = draw(st.sampled_from(["mean", "sum", "amax", "amin"]))
    scale = " / 8" if kind == "sum" else ""
    draft.line(f"{x}.{kind}({axes if len(axes) > 1 else axes[0]}, keepdim={keeps}){scale}", x)


def moments(draw, draft, x):
    """A variance by hand."""
    axis = draw(st.integers(1, len(draft.shape(x))))
    draft.line(f"({x} - {x}.mean({axis}, keepdim=True)).pow(2).mean({axis}, keepdim=True)", x)


def two_tensors(draw, draft, x):
    """Two that broadcast, the first of which may be any."""
    others = [name for name in draft.names if _broadcasts(draft.shape(name), draft.shape(x))]
    y = draw(st.sampled_from(others))
    form = draw(
        st.sampled_from(
            [
                "{x} + {y}",
                "{x} - {y}",
                "{x} * {y}",
                "{x} / ({y}.abs() + 0.7)",
                "torch.add({x}, {y})",
                "torch.mul({x}, {y})",
                "torch.maximum({x}, {y})",
                "torch.minimum({x}, {y})",
                "{y} + 0.5 * {x}",
                "{x}.add({y}, alpha=0.5)",
                "{x}.sub({y})",
            ]
        )
    )
    draft.line(form.format(x=x, y=y), x, y)


def _broadcasts(first, second):
    return len(first) == len(second) and all(
        own == other or 1 in (own, other) for own, other in zip(first, second, strict=True)
    )


def fitting(draft, shape, axis):
    """The tensors that can be concatenated along the axis with one of that shape."""
    return [
        name
        for name in draft.names
        if len(draft.shape(name)) == len(shape)
        and all(a == b for k, (a, b) in enumerate(zip(shape, draft.shape(name), strict=True), 1) if k != axis)
    ]


def concatenation(draw, draft, x):
    shape = draft.shape(x)
    axis = draw(st.integers(1, len(shape)))
    others = draw(st.lists(st.sampled_from(fitting(draft, shape, axis)), min_size=1, max_size=2))
    spelled = draw(st.sampled_from([axis, axis - len(shape) - 1]))
    draft.line(f"torch.cat([{', '.join([x, *others])}], dim={spelled})", x, *others)


def stack(draw, draft, x):
    axis = draw(st.integers(1, len(draft.shape(x)) + 1))
    draft.line(f"torch.stack([{x}, {x}.relu()], dim={axis})", x)


def parameter(draw, draft, x):
    """A weight of the network's own, beside a tensor."""
    shape = draft.shape(x)
    own = tuple(draw(st.sampled_from([length, 1])) for length in shape)
    form = draw(st.sampled_from(["{x} + {p}", "{p} * {x}", "{x} - {p}", "torch.maximum({x}, {p})"]))
    made = draft.layer(f"nn.Parameter(torch.zeros({', '.join(map(str, (1, *own)))}))")
    draft.line(form.format(x=x, p=made), x)


def reading(draw, draft, x):
    """A part of an axis."""
    shape = draft.shape(x)
    axis = draw(st.integers(1, len(shape)))
    length = shape[axis - 1]
    start = draw(st.integers(0, length - 1))
    index = draw(
        st.sampled_from(
            [f"{start}:", f":{start + 1}", "::2", f"{start}", f"-{length - start}:", f"{start}:{length}"]
        )
    )
    draft.line(f"{x}[{', '.join([':'] * axis + [index])}]", x)


def halves(draw, draft, x):
    """The halves of an axis, one behind the other in another order."""
    shape = draft.shape(x)
    axis = draw(st.integers(1, len(shape)))
    length = shape[axis - 1]
    if length < 2:
        return
    form = draw(
        st.sampled_from(
            [
                f"torch.cat({x}.chunk(2, dim={axis})[::-1], dim={axis})",
                f"torch.cat(torch.split({x}, [1, {length - 1}], dim={axis})[::-1], dim={axis})",
                f"torch.split({x}, {length // 2}, {axis})[0]",
                f"{x}.narrow({axis}, 1, {length - 1})",
                f"{x}.unbind({axis})[-1]",
            ]
        )
    )
    draft.line(form, x)


def shape_change(draw, draft, x):
    """The same numbers in other axes."""
    shape = draft.shape(x)
    rank = len(shape)
    axis = draw(st.integers(1, rank))
    forms = [
        f"{x}.flatten(1)",
        f"torch.flatten({x}, {axis})",
        f"{x}.view({x}.size(0), -1)",
        f"{x}.reshape({x}.shape[0], {shape[0]}, -1)",
        f"{x}.unsqueeze({axis})",
        f"{x}.transpose({axis}, {draw(st.integers(1, rank))})",
        f"{x}.squeeze({axis})",
        f"{x}.movedim(1, -1)",
    ]
    even = [k for k, length in enumerate(shape) if length % 2 == 0]
    if even:
        k = draw(st.sampled_from(even))
        parts = (*shape[:k], 2, shape[k] // 2, *shape[k + 1 :])
        forms.append(f"{x}.reshape({x}.shape[0], {', '.join(map(str, parts))})")
    draft.line(draw(st.sampled_from(forms)), x)


def permutation(draw, draft, x):
    order = draw(st.permutations(range(1, len(draft.shape(x)) + 1)))
    draft.line(f"{x}.permute(0, {', '.join(map(str, order))})", x)


def expansion(_draw, draft, x):
    shape = draft.shape(x)
    ones = [k for k, length in enumerate(shape) if length == 1]
    if not ones:
        return
    wide = [3 if k in ones else -1 for k in range(len(shape))]
    draft.line(f"{x}.expand(-1, {', '.join(map(str, wide))})", x)


ANY_STEPS = (
    activation,
    activation,
    function,
    function,
    softmax,
    reduction,
    moments,
    two_tensors,
    two_tensors,
    concatenation,
    stack,
    parameter,
    reading,
    halves,
    shape_change,
    permutation,
    expansion,
)


def as_vector(_draw, draft, x):
    draft.line(f"{x}.unsqueeze(-1)", x)


def steps_for(rank):
    """The steps that read a tensor of so many axes, the batch's among them."""
    own = {2: VECTOR_STEPS, 3: SEQUENCE_STEPS, 4: MAP_STEPS}.get(rank, ())
    if rank == 1:
        return (function, activation, as_vector)
    return (*own, *own, *ANY_STEPS)
