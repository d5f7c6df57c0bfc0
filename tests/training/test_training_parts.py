"""Schedule, groups, average, losses and synchronized norms, each alone."""

from math import isclose

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from micronet_edge.errors import SettingsError
from micronet_edge.models import MicroNet
from micronet_edge.training.averaging import averaged, decay_at
from micronet_edge.training.devices import device_named
from micronet_edge.training.distributed import World, world_of
from micronet_edge.training.loss import Loss
from micronet_edge.training.parameter_groups import optimizer_for, parameter_groups, set_rate
from micronet_edge.training.recipe import OptimizerRecipe, Recipe, ScheduleRecipe
from micronet_edge.training.schedule import Schedule, schedule_of
from micronet_edge.training.seeds import seed_of


def test_the_rate_rises_then_falls_as_half_a_cosine():
    schedule = Schedule(lr=1.0, final=0.1, head_steps=2, warmup_steps=4, total_steps=106)
    rates = [schedule.at(step) for step in range(107)]
    assert rates[:6] == [1.0, 1.0, 0.25, 0.5, 0.75, 1.0]
    assert rates[6:] == sorted(rates[6:], reverse=True)
    assert isclose(rates[56], 0.55)
    assert isclose(rates[106], 0.1)


def test_the_rate_scales_with_the_batch():
    recipe = Recipe(batch_size=256, optimizer=OptimizerRecipe(lr=0.2, lr_batch_size=512))
    assert schedule_of(recipe, 10, head=False).lr == pytest.approx(0.1)


@pytest.mark.parametrize("variant", ["m0", "m3"])
def test_norms_and_biases_do_not_decay_and_early_layers_learn_slower(variant):
    network = MicroNet(variant, 3)
    groups = parameter_groups(network, Recipe(schedule=ScheduleRecipe(layer_decay=0.5)))
    names = [name for group in groups for name in group.names]
    assert sorted(names) == sorted(name for name, _ in network.named_parameters())
    parameters = dict(network.named_parameters())
    blocks = len(network.features)
    for group in groups:
        for name in group.names:
            assert group.decays == (parameters[name].ndim > 1), name
            first = name.split(".")[1]
            far = 0 if name.startswith("classifier") else blocks - (0 if first == "stem" else int(first[5:]))
            assert group.lr_factor == 0.5**far, name


def test_norms_decay_where_the_recipe_says_so():
    recipe = Recipe(optimizer=OptimizerRecipe(decay_norms=True))
    assert all(group.decays for group in parameter_groups(MicroNet("m0", 2), recipe))


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_every_group_has_its_own_rate(name):
    recipe = Recipe(optimizer=OptimizerRecipe(name=name), schedule=ScheduleRecipe(layer_decay=0.9))
    optimizer = optimizer_for(MicroNet("m0", 2), recipe)
    set_rate(optimizer, 0.5)
    rates = {group["lr"] for group in optimizer.param_groups}
    assert max(rates) == 0.5
    assert min(rates) == pytest.approx(0.5 * 0.9**8)


def test_the_average_is_that_of_the_weights_and_of_the_norms_statistics():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    average = averaged(network, 0.5)
    expected = None
    for step in range(6):
        with torch.no_grad():
            for value in network.state_dict().values():
                value.copy_(torch.rand(value.shape) if value.is_floating_point() else torch.tensor(step))
        average.update_parameters(network)
        now = {name: value.clone() for name, value in network.state_dict().items()}
        if expected is None:
            expected = now
            continue
        decay = decay_at(0.5, step)
        expected = {
            name: torch.lerp(expected[name], value, 1 - decay) if value.is_floating_point() else value
            for name, value in now.items()
        }
    torch.testing.assert_close(dict(average.module.state_dict()), expected)


@given(decay=st.floats(0, 0.9999), step=st.integers(0, 10**6))
def test_the_decay_warms_up(decay, step):
    assert decay_at(decay, step) <= decay
    assert decay_at(0.999, 0) == 0.1
    assert decay_at(decay, step) <= decay_at(decay, step + 1)


def test_indices_and_probabilities_give_the_same_loss():
    logits, classes = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    loss = Loss(smoothing=0.1)
    assert loss(logits, classes) == pytest.approx(
        float(loss(logits, functional.one_hot(classes, 4).float())), rel=1e-5
    )


def test_a_student_that_answers_as_its_teacher_loses_nothing_to_it():
    logits, classes = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    loss = Loss(weight=1.0, temperature=3.0)
    assert loss(logits, classes, logits + 5.0) == pytest.approx(0.0, abs=1e-5)
    assert loss(logits, classes, -logits) > 0.1
    half = Loss(weight=0.5, temperature=1.0)
    alone = functional.cross_entropy(logits, classes)
    assert half(logits, classes, logits) == pytest.approx(float(alone) / 2, rel=1e-4)


def test_seeds_depend_on_every_part_of_the_place():
    seeds = {seed_of("step", *place) for place in [(0, 1, 2, 0), (0, 2, 1, 0), (1, 1, 2, 0), (0, 1, 2, 1)]}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_world_is_torchruns():
    assert world_of({}) == World()
    assert world_of({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}) == World(3, 8, 1)


@pytest.mark.parametrize(("rank", "size"), [("x", "2"), ("2", "2"), ("-1", "2")])
def test_a_contradictory_world_is_refused(refusal, rank, size):
    refusal(SettingsError, world_of, {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": "0"})


def test_cuda_without_a_gpu_is_one_line(refusal, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "--device cpu" in refusal(SettingsError, device_named, "cuda")
    assert device_named("auto").type == "cpu"
    refusal(SettingsError, device_named, "tpu")


def test_weights_that_learn_later_start_without_momentum():
    recipe = Recipe(optimizer=OptimizerRecipe(name="sgd"))
    network = MicroNet("m0", 2)
    optimizer = optimizer_for(network, recipe)
    first, *rest = network.parameters()
    first.grad = torch.ones_like(first)
    optimizer.step()
    before = rest[0].detach().clone()
    for each in network.parameters():
        each.grad = torch.ones_like(each)
    optimizer.step()
    assert not torch.equal(rest[0], before)
    buffer, decay = optimizer.state[rest[0]]["momentum_buffer"], recipe.optimizer.weight_decay
    torch.testing.assert_close(buffer, 1 + before * (decay if before.dim() > 1 else 0))
