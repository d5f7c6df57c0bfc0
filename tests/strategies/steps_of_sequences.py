"""Lines that read sequences [n, t, c], signals [n, c, t] and vectors [n, c]."""

from hypothesis import strategies as st


def linear(draw, draft, x):
    c = draft.shape(x)[-1]
    wide, bias = draw(st.integers(1, 8)), draw(st.booleans())
    if draw(st.booleans()):
        draft.line(f"{draft.layer(f'nn.Linear({c}, {wide}, bias={bias})')}({x})", x)
        return
    weight = draft.layer(f"nn.Parameter(torch.zeros({wide}, {c}))")
    draft.line(draw(st.sampled_from(["F.linear({x}, {w})", "{x} @ {w}.t()"])).format(x=x, w=weight), x)


def convolution(draw, draft, x):
    c, _ = draft.shape(x)
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 2))
    groups, dilation = draw(st.sampled_from([1, c])), draw(st.integers(1, 2))
    mode = draw(st.sampled_from(["zeros", "zeros", "reflect", "circular"]))
    wide, padding = c if groups > 1 else 6, draw(st.integers(0, 2))
    made = (
        f"nn.Conv1d({c}, {wide}, {kernel}, {stride}, {padding}, {dilation}, {groups}, padding_mode='{mode}')"
    )
    draft.line(f"{draft.layer(made)}({x})", x)


def transposed(draw, draft, x):
    c, _ = draft.shape(x)
    kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    draft.line(f"{draft.layer(f'nn.ConvTranspose1d({c}, 4, {kernel}, {stride})')}({x})", x)


def layer_on_signal(draw, draft, x):
    c, t = draft.shape(x)
    made = draw(
        st.sampled_from(
            [
                f"nn.BatchNorm1d({c})",
                f"nn.InstanceNorm1d({c}, affine=True)",
                *([f"nn.GroupNorm(1, {c})"] if c * t > 1 else []),
                f"nn.LayerNorm({t})",
                f"nn.LayerNorm([{c}, {t}], elementwise_affine=False)",
                "nn.MaxPool1d(2)",
                "nn.MaxPool1d(3, 2, 1)",
                "nn.AvgPool1d(3, 1, padding=1)",
                "nn.AdaptiveAvgPool1d(1)",
                "nn.AdaptiveAvgPool1d(3)",
                "nn.AdaptiveMaxPool1d(2)",
                "nn.Upsample(scale_factor=2)",
                "nn.Upsample(scale_factor=2, mode='linear')",
                "nn.ConstantPad1d((1, 2), 0.5)",
                "nn.ReflectionPad1d(1)",
                "nn.Softmax(-1)",
                f"nn.PReLU({c})",
            ]
        )
    )
    draft.line(f"{draft.layer(made)}({x})", x)


def attention(_draw, draft, x):
    _, c = draft.shape(x)
    if c % 2:
        return
    layer = draft.layer(f"nn.MultiheadAttention({c}, 2, batch_first=True)")
    draft.line(f"{layer}({x}, {x}, {x}, need_weights=False)[0]", x)


def encoder_layer(draw, draft, x):
    _, c = draft.shape(x)
    first = draw(st.booleans())
    layer = draft.layer(f"nn.TransformerEncoderLayer({c}, 1, 8, batch_first=True, norm_first={first})")
    draft.line(f"{layer}({x})", x)


def products(draw, draft, x):
    forms = [
        f"F.scaled_dot_product_attention({x}, {x} * 0.5, {x})",
        f"{x} @ {x}.transpose(-2, -1) / 4",
        f"torch.bmm({x}, {x}.transpose(1, 2)).softmax(-1)",
        f"torch.matmul({x}.transpose(1, 2), {x}) / 4",
        f"torch.einsum('btc,bsc->bts', {x}, {x}) / 4",
    ]
    draft.line(draw(st.sampled_from(forms)), x)


def class_token(draw, draft, x):
    _, c = draft.shape(x)
    token = draft.layer(f"nn.Parameter(torch.zeros(1, 1, {c}))")
    form = draw(
        st.sampled_from([f"{token}.expand({x}.shape[0], -1, -1)", f"{token}.repeat({x}.size(0), 1, 1)"])
    )
    draft.line(f"torch.cat(({form}, {x}), dim=1)", x)


def to_map(_draw, draft, x):
    t, c = draft.shape(x)
    if t % 2:
        return
    draft.line(f"{x}.transpose(1, 2).reshape({x}.shape[0], {c}, 2, {t // 2})", x)


def norm_of_vector(draw, draft, x):
    (c,) = draft.shape(x)
    norms = [f"nn.BatchNorm1d({c})", f"nn.LayerNorm({c})"]
    if c > 1:  # PyTorch refuses a group of one number
        norms.append(f"nn.GroupNorm(1, {c})")
    made = draw(st.sampled_from(norms))
    draft.line(f"{draft.layer(made)}({x})", x)


def gate(draw, draft, x):
    """A vector that scales a map, where there is one of as many channels."""
    (c,) = draft.shape(x)
    maps = [name for name in draft.names if len(draft.shape(name)) == 3 and draft.shape(name)[0] == c]
    form = "{y} * torch.sigmoid({x})[:, :, None, None]"
    if maps:
        y = draw(st.sampled_from(maps))
        draft.line(form.format(x=x, y=y), x, y)
    else:
        draft.line(f"{x}.view(-1, {c}, 1, 1)", x)


VECTOR_STEPS = (linear, linear, norm_of_vector, gate)
SEQUENCE_STEPS = (
    linear,
    convolution,
    convolution,
    transposed,
    layer_on_signal,
    layer_on_signal,
    attention,
    encoder_layer,
    products,
    class_token,
    to_map,
)
