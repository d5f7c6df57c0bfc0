"""Chooses the channel order of every class by its cost in operators and multiply-adds."""

from collections.abc import Iterable
from dataclasses import dataclass

from micronet_edge.lowering.cost_model.channel_classes import ChannelClass, ChannelClasses
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.layout_candidates import Proposals
from micronet_edge.lowering.cost_model.layout_cost import Orders, Prices

_KEPT = 8
"""Beam width: unfinished plans kept from class to class."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Orders for the first classes, and their cost."""

    orders: Orders
    cost_ns: float


def choose_channel_orders(classes: ChannelClasses, costs: Costs) -> Orders:
    """Finds the cheapest orders by beam search over the classes.

    The cost of an order may appear several classes later, for example at a grouped convolution.
    """
    proposals, prices = Proposals(classes), Prices(classes, costs)
    plans = [_Plan({}, 0.0)]
    for group in classes.ordered:
        plans = _cheapest(
            group,
            [
                _Plan(orders, plan.cost_ns + prices.added_ns(group, orders))
                for plan in plans
                for order in proposals.orders(group, plan.orders)
                for orders in [{**plan.orders, group: order}]
            ],
        )
    return plans[0].orders


def _cheapest(last: ChannelClass, plans: Iterable[_Plan]) -> list[_Plan]:
    """The best plan for each order of the last class, since later layers depend only on that order."""
    best: dict[bytes, _Plan] = {}
    for plan in sorted(plans, key=lambda plan: plan.cost_ns):
        best.setdefault(plan.orders[last].tobytes(), plan)
    return list(best.values())[:_KEPT]
