"""Draws the time by operator: one bar per file, divided by kind of layer, and tables."""

from collections.abc import Sequence

from micronet_edge.reports.tables import Column, table
from micronet_edge.util.safe_text import escape
from micronet_edge.util.text import plural
from micronet_edge_bench.profiles import LayerProfile, ProfiledOperator, Total
from micronet_edge_bench.report.bars import Scale, bar_row, scale_for
from micronet_edge_bench.report.colours import KIND_CLASSES, swatches
from micronet_edge_bench.report.text import milliseconds, per_cent

MOST_SHOWN = 10
"""Number of operators in a table."""

_WORTH_A_FIGURE = 0.055
"""Smallest share of the scale with room for a figure."""

_TIME = (Column("ms"), Column("share"))

Named = Sequence[tuple[str, LayerProfile]]
"""Profiles by the name of their file."""


def profile_plot(profiles: Named) -> str:
    """The files on one scale, with their parts in a fixed order."""
    scale = scale_for(each.operators_ns for _name, each in profiles)
    present = {total.name for _name, each in profiles for total in each.kinds}
    kinds = [kind for kind in KIND_CLASSES if kind.value in present]
    key = swatches((KIND_CLASSES[kind], kind.value) for kind in kinds)
    rows = "".join(_row(name, each, scale) for name, each in profiles)
    return f'{key}<div class="bars">{scale.axis()}{rows}</div>'


def kinds_table(of: LayerProfile) -> str:
    """The time of each kind of layer, most expensive first."""
    columns = (
        Column("kind of layer" if of.named else "kind of operator", words=True),
        Column("operators"),
        *_TIME,
    )
    colours = {kind.value: colour for kind, colour in KIND_CLASSES.items()}
    rows = [
        (
            f'<span class="{colours[each.name]}"><i></i></span>{escape(each.name)}',
            f"{each.operators:,}",
            milliseconds(each.median_ns),
            per_cent(each.share),
        )
        for each in of.kinds
    ]
    return table(columns, [("", rows)])


def most_expensive_table(of: LayerProfile) -> str:
    """The most expensive operators, with their purpose."""
    dearest = sorted(of.operators, key=lambda each: -each.median_ns)[:MOST_SHOWN]
    columns = (
        Column("operator", words=True),
        Column("what for", words=True),
        *_TIME,
    )
    whole = of.operators_ns or 1.0
    rows = [
        (
            f"{escape(each.output or each.layer)} <small>{escape(each.operator)}</small>",
            _purpose(each),
            milliseconds(each.median_ns),
            per_cent(each.median_ns / whole),
        )
        for each in dearest
    ]
    return table(columns, [("", rows)])


def _purpose(of: ProfiledOperator) -> str:
    return f'<span class="{KIND_CLASSES[of.kind]}"><i></i></span>{escape(of.kind.value)}'


def _row(name: str, of: LayerProfile, scale: Scale) -> str:
    by_name = {total.name: total for total in of.kinds}
    parts, start_ns = [], 0.0
    for kind, colour in KIND_CLASSES.items():
        if kind.value in by_name:
            total = by_name[kind.value]
            parts.append(_part(colour, total, start_ns, scale))
            start_ns += total.median_ns
    description = f"{name}: {'; '.join(f'{each.name} {per_cent(each.share)}' for each in of.kinds)}"
    return bar_row(name, milliseconds(of.operators_ns), description, scale, "".join(parts))


def _part(colour: str, total: Total, start_ns: float, scale: Scale) -> str:
    tooltip = (
        f"{total.name}: {milliseconds(total.median_ns)} ms, {per_cent(total.share)}, "
        f"{plural(total.operators, 'operator')}"
    )
    figure = ""
    if scale.part(total.median_ns) > _WORTH_A_FIGURE:
        middle = scale.at(start_ns + total.median_ns / 2)
        figure = f'<text class="inside" x="{middle}" y="0">{100 * total.share:.0f}</text>'
    return (
        f'<g class="{colour}"><title>{escape(tooltip)}</title>'
        f'<rect class="part" x="{scale.at(start_ns)}" y="-10" width="{scale.at(total.median_ns)}" '
        f'height="20"/>{figure}</g>'
    )
