"""The networks are the authors' networks: same tensors, same features, same logits."""

from functools import cache

import numpy as np
import pytest
import torch
from reference.authors import GOLDEN, LIVELY, MODELS, SATURATED, VARIANTS, weights
from reference.fill import image
from torch import Tensor

from micronet_edge.models import MicroNet
from micronet_edge.models.authors_names import authors_names

# Both sides compute in float32 with figures of about 1, in an order that differs between machines.
TOLERANCE = 1e-5
# A mean of n figures can be far smaller than the figures; its error is in proportion to their spread.
MEAN_TOLERANCE_PER_STD = 1e-6
# In float64 only the order of summation differs; logits are up to about 100.
DOUBLE_TOLERANCE = 1e-10

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def authors_network(variant: str, classes: int, seed: int, variance: float = 1.0) -> MicroNet:
    names = authors_names(variant)
    network = MicroNet(variant, classes)
    theirs = weights(variant, classes, seed, variance)
    network.load_state_dict({names[name]: value for name, value in theirs.items()})
    return network.eval()


@cache
def features_at_224(variant: str) -> tuple[Tensor, ...]:
    x = torch.from_numpy(image(1))
    outputs = []
    with torch.no_grad():
        for layer in authors_network(variant, 1000, seed=0).features:
            x = layer(x)
            outputs.append(x)
    return tuple(outputs)


@each_variant
@pytest.mark.parametrize(
    ("case", "classes", "seed", "batch"),
    [("logits_224", 1000, 0, image(1)), ("logits_96_10", 10, 7, image(2, 1, 96))],
    ids=["224px", "96px"],
)
def test_logits_equal_the_authors(variant, case, classes, seed, batch):
    with torch.no_grad():
        logits = authors_network(variant, classes, seed)(torch.from_numpy(batch))
    expected = GOLDEN[f"{variant}_{case}"]
    assert logits.shape == expected.shape
    np.testing.assert_allclose(logits.numpy(), expected, rtol=0, atol=TOLERANCE)


@each_variant
@pytest.mark.parametrize(("case", "variance"), [("lively", LIVELY), ("saturated", SATURATED)])
def test_logits_equal_the_authors_where_the_image_matters(variant, case, variance):
    batch = torch.from_numpy(image(3, 4, 96)).double()
    network = authors_network(variant, 10, 7, variance).double()
    with torch.no_grad():
        logits, alone = network(batch), torch.cat([network(each[None]) for each in batch])
    assert logits.std(dim=0).mean() > 0.1
    # Saturated, m3 makes 1e-2 out of another order of summation, and processors have orders of their own.
    allowed = max(DOUBLE_TOLERANCE, 10 * float((alone - logits).abs().max()))
    assert allowed < 0.02 * np.abs(GOLDEN[f"{variant}_{case}_logits"]).max()
    expected = GOLDEN[f"{variant}_{case}_logits"]
    np.testing.assert_allclose(logits.numpy(), expected, rtol=0, atol=allowed)


@each_variant
def test_means_and_deviations_of_the_features_equal_the_authors(variant):
    features = features_at_224(variant)
    means = np.array([float(feature.double().mean()) for feature in features])
    stds = np.array([float(feature.double().std()) for feature in features])
    expected_means, expected_stds = GOLDEN[f"{variant}_feature_means"], GOLDEN[f"{variant}_feature_stds"]
    np.testing.assert_allclose(stds, expected_stds, rtol=TOLERANCE)
    allowed = TOLERANCE * np.abs(expected_means) + MEAN_TOLERANCE_PER_STD * expected_stds
    assert (np.abs(means - expected_means) <= allowed).all()


@each_variant
def test_single_values_of_every_feature_equal_the_authors(variant):
    features = features_at_224(variant)
    assert f"{variant}_feature{len(features)}" not in GOLDEN
    for number, feature in enumerate(features):
        values = feature.flatten().numpy()[GOLDEN[f"{variant}_feature{number}_at"]]
        np.testing.assert_allclose(values, GOLDEN[f"{variant}_feature{number}"], rtol=0, atol=TOLERANCE)


@each_variant
def test_features_have_the_authors_shapes(variant):
    shapes = [list(feature.shape[1:]) for feature in features_at_224(variant)]
    assert shapes == MODELS[variant]["feature_shapes"]


@each_variant
def test_parameters_are_as_many_as_the_authors(variant):
    count = sum(parameter.numel() for parameter in MicroNet(variant).parameters())
    assert count == MODELS[variant]["params"]


@each_variant
def test_state_dict_has_the_authors_keys_shapes_and_order(variant):
    theirs = {ours: name for name, ours in authors_names(variant).items()}
    state = MicroNet(variant).state_dict()
    found = [(theirs[name], list(value.shape)) for name, value in state.items()]
    assert found == list(MODELS[variant]["state_dict"].items())


@each_variant
def test_names_map_one_to_one_in_the_authors_order(variant):
    names = authors_names(variant)
    assert list(names) == list(MODELS[variant]["state_dict"])
    assert list(names.values()) == list(MicroNet(variant).state_dict())


@each_variant
def test_an_image_has_the_same_logits_alone_and_in_a_batch(variant):
    network = authors_network(variant, 10, 7, LIVELY).double()
    batch = torch.from_numpy(image(3, 4, 32)).double()
    with torch.no_grad():
        together = network(batch)
        alone = torch.cat([network(one[None]) for one in batch])
    torch.testing.assert_close(together, alone, rtol=0, atol=DOUBLE_TOLERANCE)
    assert (together[0] - together[1]).abs().max() > 0.1
