"""What is said of the accuracy of networks that a suite times."""

import pytest
from benchmarks.made import file, run

from baselines.building import BASELINES
from baselines.published_accuracies import published_top1, with_published_top1
from baselines.suites import Member
from micronet_edge.models import FAMILY


@pytest.mark.parametrize("network", [*FAMILY, *BASELINES])
def test_something_is_published_of_every_network_of_the_suites(network):
    top1, source = published_top1(network)
    assert 0.4 < top1 < 0.7
    assert source


def test_nothing_is_published_of_the_peak():
    assert published_top1("peak") is None


def test_float_files_bear_it_with_its_source_and_int8_files_do_not():
    members = [
        Member("m2", "onnx", "float32"),
        Member("m2", "onnx", "int8"),
        Member("pp-lcnet-0.35", "onnx", "float32"),
    ]
    known = with_published_top1(run(*(file(member.name) for member in members)), members)
    assert [each.top1 for each in known.files] == pytest.approx([0.594, None, 0.5809])
    assert known.files[0].top1_source.startswith("arXiv 2108.05894: published for trained weights")
    assert known.files[1].top1_source is None
