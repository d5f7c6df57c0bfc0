"""Lines that read maps [n, c, h, w]."""

from hypothesis import strategies as st


def _side(draw):
    return draw(st.sampled_from([1, 2, 3, 3, 4, 5]))


def convolution(draw, draft, x):
    c, _, _ = draft.shape(x)
    kernel = draw(st.sampled_from([(1, 1), (3, 3), (3, 3), (2, 3), (5, 1), (4, 4)]))
    groups = draw(st.sampled_from([g for g in range(1, c + 1) if c % g == 0]))
    wide = groups * draw(st.integers(1, max(1, 8 // groups)))
    dilation = draw(st.sampled_from([1, 1, 2]))
    stride = draw(st.sampled_from([1, 1, 2, (2, 1), 3]))
    padding = draw(st.sampled_from([0, 1, (1, 0), 2, "'valid'"] + ["'same'"] * (stride == 1)))
    mode = draw(st.sampled_from(["zeros", "zeros", "zeros", "reflect", "replicate", "circular"]))
    bias = draw(st.booleans())
    if draw(st.booleans()):
        made = (
            f"nn.Conv2d({c}, {wide}, {kernel}, {stride}, {padding}, {dilation}, {groups}, {bias}, '{mode}')"
        )
        draft.line(f"{draft.layer(made)}({x})", x)
        return
    weight = draft.layer(f"nn.Parameter(torch.zeros({wide}, {c // groups}, {kernel[0]}, {kernel[1]}))")
    draft.line(f"F.conv2d({x}, {weight}, None, {stride}, {padding}, {dilation}, {groups})", x)


def residual(draw, draft, x):
    """A block whose result has the shape of what it reads."""
    c, _, _ = draft.shape(x)
    groups = draw(st.sampled_from([1, c]))
    act = draw(st.sampled_from(["nn.ReLU()", "nn.SiLU()", "nn.Hardswish()", "nn.ReLU6()"]))
    body = (
        f"nn.Sequential(nn.Conv2d({c}, {c}, 3, padding=1, groups={groups}, bias=False), nn.BatchNorm2d({c}), "
        f"{act}, nn.Conv2d({c}, {c}, 1))"
    )
    draft.line(
        draw(st.sampled_from(["{x} + {m}({x})", "F.relu({m}({x}) + {x})"])).format(x=x, m=draft.layer(body)),
        x,
    )


def squeeze_excite(draw, draft, x):
    c, _, _ = draft.shape(x)
    pool = draw(st.sampled_from(["F.adaptive_avg_pool2d({x}, 1)", "{x}.mean((2, 3), keepdim=True)"]))
    gate = draw(st.sampled_from(["nn.Sigmoid()", "nn.Hardsigmoid()"]))
    layer = draft.layer(f"nn.Sequential(nn.Conv2d({c}, 2, 1), nn.ReLU(), nn.Conv2d(2, {c}, 1), {gate})")
    draft.line(f"{x} * {layer}({pool.format(x=x)})", x)


def transposed(draw, draft, x):
    c, _, _ = draft.shape(x)
    kernel, stride = _side(draw), draw(st.sampled_from([1, 2, 2, 3, (1, 2)]))
    padding, groups = draw(st.sampled_from([0, 1])), draw(st.sampled_from([1, 1, c]))
    grows = draw(st.sampled_from([0, 0, 1])) if stride in (2, 3) else 0
    dilation = draw(st.sampled_from([1, 1, 1, 2]))
    wide = c if groups > 1 else 3
    made = (
        f"nn.ConvTranspose2d({c}, {wide}, {kernel}, {stride}, {padding}, {grows}, {groups}, "
        f"dilation={dilation})"
    )
    draft.line(f"{draft.layer(made)}({x})", x)


def norm(draw, draft, x):
    c, h, w = draft.shape(x)
    groups = draw(st.sampled_from([g for g in range(1, c + 1) if c % g == 0]))
    made = draw(
        st.sampled_from(
            [
                f"nn.BatchNorm2d({c})",
                *([f"nn.GroupNorm({groups}, {c})"] if c // groups * h * w > 1 else []),
                f"nn.InstanceNorm2d({c}, affine=True)",
                f"nn.LayerNorm([{c}, {h}, {w}])",
                f"nn.LayerNorm({w})",
                f"nn.PReLU({c})",
                "nn.Softmax2d()",
                "nn.LocalResponseNorm(3)",
            ]
        )
    )
    draft.line(f"{draft.layer(made)}({x})", x)


def pool(draw, draft, x):
    kernel = draw(st.sampled_from([2, 3, (1, 2), (3, 2)]))
    stride = draw(st.sampled_from([1, 2, 3]))
    padding, ceil = draw(st.sampled_from([0, 0, 1])), draw(st.booleans())
    if isinstance(kernel, tuple):
        padding = 0
    counts = draw(st.booleans())
    form = draw(
        st.sampled_from(
            [
                f"nn.MaxPool2d({kernel}, {stride}, {padding}, ceil_mode={ceil})",
                f"nn.AvgPool2d({kernel}, {stride}, {padding}, {ceil}, {counts})",
                f"F.max_pool2d({x}, {kernel}, {stride}, {padding})",
                f"F.avg_pool2d({x}, {kernel}, {stride}, {padding}, count_include_pad={counts})",
            ]
        )
    )
    draft.line(form if form.startswith("F.") else f"{draft.layer(form)}({x})", x)


def adaptive_pool(draw, draft, x):
    size = draw(st.sampled_from(["1", "(1, 1)", "2", "(2, 3)", "(None, 1)", "3"]))
    form = draw(
        st.sampled_from(
            [
                f"F.adaptive_avg_pool2d({x}, {size})",
                f"F.adaptive_max_pool2d({x}, {size})",
                f"nn.AdaptiveAvgPool2d({size})",
            ]
        )
    )
    draft.line(form if form.startswith("F.") else f"{draft.layer(form)}({x})", x)


def resize(draw, draft, x):
    _, h, w = draft.shape(x)
    form = draw(
        st.sampled_from(
            [
                "nn.Upsample(scale_factor=2)",
                "nn.Upsample(scale_factor=2, mode='bilinear')",
                "nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)",
                "nn.UpsamplingNearest2d(scale_factor=3)",
                f"nn.Upsample(size=({h + 2}, {w + 3}), mode='bilinear', align_corners=False)",
                f"F.interpolate({x}, size=({2 * h}, {3 * w}), mode='nearest')",
                f"F.interpolate({x}, size=({h + 1}, {w}), mode='bilinear')",
                f"F.interpolate({x}, size={x}.shape[-1])",
                f"F.interpolate({x}, scale_factor=1.5, mode='bilinear', size=None)"
                if h % 2 == w % 2 == 0
                else f"F.interpolate({x}, scale_factor=3)",
            ]
        )
    )
    draft.line(form if form.startswith("F.") else f"{draft.layer(form)}({x})", x)


def shuffle(draw, draft, x):
    c, _, _ = draft.shape(x)
    if c == 1:
        return
    groups = draw(st.sampled_from([g for g in range(2, c + 1) if c % g == 0]))
    form = draw(
        st.sampled_from(
            [
                f"nn.ChannelShuffle({groups})({x})",
                f"F.channel_shuffle({x}, {groups})",
                f"F.pixel_shuffle(torch.cat([{x}] * 4, 1), 2)",
                f"nn.PixelUnshuffle(2)(F.pad({x}, (0, {x}.shape[3] % 2, 0, {x}.shape[2] % 2)))",
                f"{x}.view({x}.shape[0], {groups}, -1, *{x}.shape[2:]).transpose(1, 2).flatten(1, 2)",
                f"{x}[:, [{', '.join(str(k) for k in reversed(range(c)))}]]",
                f"{x}.flip(1)",
            ]
        )
    )
    layer, _, argument = form.partition(")(")
    draft.line(f"{draft.layer(layer + ')')}({argument}" if form.startswith("nn.") else form, x)


def padding(draw, draft, x):
    sides = draw(st.tuples(*[st.integers(0, 2)] * 4))
    form = draw(
        st.sampled_from(
            [
                f"F.pad({x}, {sides})",
                f"F.pad({x}, {sides}, value=-0.5)",
                f"F.pad({x}, {sides}, mode='reflect')",
                f"F.pad({x}, {sides}, mode='replicate')",
                f"F.pad({x}, {sides}, mode='circular')",
                f"F.pad({x}, {sides[:2]})",
                f"F.pad({x}, (0, -1))",
                f"nn.ZeroPad2d({sides})",
                f"nn.ReflectionPad2d({sides})",
                f"nn.ConstantPad2d({sides}, 0.3)",
            ]
        )
    )
    draft.line(form if form.startswith("F.") else f"{draft.layer(form)}({x})", x)


def tokens(draw, draft, x):
    draft.line(draw(st.sampled_from([f"{x}.flatten(2).transpose(1, 2)", f"{x}.flatten(2)"])), x)


def head(_draw, draft, x):
    c, _, _ = draft.shape(x)
    layer = draft.layer(f"nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear({c}, 5))")
    draft.line(f"{layer}({x})", x)


def channels_last(_draw, draft, x):
    """A linear layer over the channels, as ConvNeXt has it."""
    c, _, _ = draft.shape(x)
    layer = draft.layer(f"nn.Sequential(nn.LayerNorm({c}), nn.Linear({c}, 4), nn.GELU())")
    draft.line(f"{layer}({x}.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)", x)


MAP_STEPS = (
    convolution,
    convolution,
    convolution,
    residual,
    squeeze_excite,
    transposed,
    norm,
    pool,
    adaptive_pool,
    resize,
    shuffle,
    padding,
    tokens,
    head,
    channels_last,
)
