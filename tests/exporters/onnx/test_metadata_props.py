"""The texts of an ONNX file, read past its graph, are those that onnx reads."""

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from micronet_edge_onnx.metadata_props import metadata_props


def written(path, texts, **fields):
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", [], [])
    model = helper.make_model(graph, **fields)
    helper.set_model_props(model, texts)
    onnx.save(model, path)
    return path


@given(st.dictionaries(st.text(), st.text()), st.integers(0, 2**40), st.text())
def test_every_text_comes_back(tmp_path_factory, texts, version, doc):
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    assert metadata_props(written(path, texts, model_version=version, doc_string=doc)) == texts


@given(st.data())
def test_a_damaged_file_is_an_error_or_other_texts_and_nothing_else(tmp_path_factory, data):
    path = written(tmp_path_factory.mktemp("model") / "model.onnx", {"labels": "cat\ndog\n"})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        found = metadata_props(path)
    except ValueError:
        return
    assert all(isinstance(each, str) for pair in found.items() for each in pair)


@pytest.mark.parametrize("content", [b"\xff" * 20, b"\x72\xff\xff\x7f", b"\x70", b"\x73", b"\x02\x00"])
def test_what_is_no_message_is_refused(tmp_path, content):
    (tmp_path / "none.onnx").write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - the text is for whoever sees the bytes
        metadata_props(tmp_path / "none.onnx")
