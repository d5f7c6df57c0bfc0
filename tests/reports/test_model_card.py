"""The model card beside a file: true, whole, and safe whatever names and labels hold."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import TargetError
from micronet_edge.models.source import Source
from micronet_edge.reports.model_card import Made, MeasuredAccuracy, model_card, with_accuracy
from micronet_edge.verification.prove import FileToProve, Proof

PROOF = Proof(5, 1e-5, 8.7e-7, 1.0, 1.2, {"CONV_2D": 3}, 0.99999, 0)
METADATA = FileMetadata("m0", ("cat", "dog"), Preprocessing(size=96, resize=110), "ab" * 32, layout="NHWC")


class Target:
    """As much of a target as a card needs."""

    name = "tflite"

    def count(self, path):
        raise TargetError(f"{path} cannot be counted")


class Talkative(Target):
    def readers(self, metadata):
        return (f"MediaPipe opens {metadata.variant}.",)

    def output_types(self, _path):
        return ("uint8",)

    def card_code(self, name, metadata):
        return {"C": ("c", f"run_{metadata.variant}();  /* {name} */")}


def card(metadata=METADATA, *, folder, name="net.tflite", made=None, target=None):
    path = folder / name
    path.write_bytes(b"\0" * 2_500)
    made = made or Made(Source(None, metadata, Path("pets.safetensors")), {"batch": 1}, PROOF)
    return model_card(FileToProve(path, target or Target(), metadata), made)


def headings(text):
    return re.findall("^## (.*)$", text, re.MULTILINE)


def test_all_there_is_to_say_of_a_classifier(tmp_path):
    text = card(folder=tmp_path)
    assert text.startswith("# net.tflite\n")
    assert headings(text) == [
        "Classes",
        "Preprocessing",
        "In an app",
        "Proof",
        "How it was made",
        "Licence of the weights",
    ]
    assert "An image classifier of 2 classes: MicroNet m0 in float32" in text
    assert "`image`: float32, [1, 96, 96, 3], channels last. RGB image of 96 x 96 pixels" in text
    assert "`logits`: float32, [1, 2]." in text
    assert "2.50 kB" in text
    assert "`micronet-edge evaluate net.tflite --data DIR`" in text
    assert "`micronet-edge bench net.tflite`" in text
    assert "0  cat\n1  dog\n" in text
    assert "until the short side is 110 px, then crop 96 x 96 px from the centre" in text
    assert "means 0.485, 0.456, 0.406 and deviations 0.229, 0.224, 0.225 of red, green and blue" in text
    assert "on 5 images" in text
    assert "`pets.safetensors`" in text
    assert "ab" * 32 in text
    assert "MIT licence" in text
    assert "Work" not in text  # what cannot be counted is left out


def test_the_same_twice(tmp_path):
    assert card(folder=tmp_path) == card(folder=tmp_path)


def test_what_a_target_adds(tmp_path):
    metadata = replace(METADATA, io="uint8", pixels="raw", scores="softmax", precision="int8")
    text = card(metadata, target=Talkative(), folder=tmp_path)
    assert "- MediaPipe opens m0.\n" in text
    assert "```c\nrun_m0();  /* net.tflite */\n```" in text
    assert "`image`: uint8, [1, 96, 96, 3], channels last." in text
    assert "`scores`: uint8, [1, 2]. Probability of each class." in text
    assert "Take the pixels as they are." in text
    assert "kotlin" not in text


def test_how_an_integer_file_was_made(tmp_path):
    settings = {
        "batch": "dynamic",
        "calibration": {"source": "/home/me/photos/train", "used": 200},
        "finetuning": {"source": "/home/me/photos/fine"},
        "recipe": "net.recipe.json",
        "float_layers": ["a", "b"],
    }
    source = Source(None, METADATA, Path("pets.safetensors"), ("read the averaged weights",))
    made = Made(source, settings, PROOF, MeasuredAccuracy(87.5, 397, "test"))
    text = card(replace(METADATA, precision="int8"), made=made, folder=tmp_path)
    assert "[n, 96, 96, 3]" in text
    assert "Calibrated on 200 samples of `train`." in text
    assert "Fine-tuned on `fine`." in text
    assert "Quantized by the recipe `net.recipe.json`." in text
    assert "In float32 stay 2 layers of it." in text
    assert "Read the averaged weights." in text
    assert "**Accuracy**: 87.50 % top-1 on 397 labelled images of `test`." in text
    assert "/home/me" not in text


def test_an_accuracy_that_is_measured_later_takes_the_place_of_the_advice(tmp_path):
    before = card(folder=tmp_path)
    after = with_accuracy(before, MeasuredAccuracy(75.0, 60, "pets", "validation"))
    assert "- **Accuracy**: 75.00 % top-1 on 60 validation images of `pets`.\n" in after
    changed = set(before.splitlines()) ^ set(after.splitlines())
    assert len(changed) == 2
    assert all("**Accuracy**" in line for line in changed)


def test_what_is_not_for_use_says_so(tmp_path):
    random = replace(METADATA, checkpoint_sha256=None, naive=True)
    text = card(random, made=Made(Source(None, random, None), {}, None), folder=tmp_path)
    assert "**Its weights are random: it is for timing only.**" in text
    assert "for comparison only.**" in text
    assert "**It is not proven" in text
    assert "None: the weights are random." in text
    assert "Proof" not in headings(text)


def test_a_network_of_other_inputs_and_outputs(tmp_path):
    signature = Signature(
        (TensorSpec("gyro", (6, 50)),), (TensorSpec("step", (1,)), TensorSpec("turn", (3,)))
    )
    metadata = replace(METADATA, variant="walker", labels=(), signature=signature)
    text = card(metadata, folder=tmp_path)
    assert headings(text) == ["Proof", "How it was made", "Licence of the weights"]
    assert "A network for arrays: walker" in text
    assert "**Input** `gyro`: float32, [1, 6, 50]." in text
    assert "**Output** `turn`: float32, [1, 3]." in text
    assert "Accuracy" not in text
    assert text.endswith("Not stated.\n")


def test_a_thousand_classes(tmp_path):
    text = card(replace(METADATA, labels=tuple(map(str, range(1000))), assumed=("labels",)), folder=tmp_path)
    assert "9  9\n... and 990 more\n" in text
    assert "Nobody stated them" in text


HOSTILE = (
    "```\n# not a heading",
    "<script>alert(1)</script>",
    "![x](http://example.com/x.png)",
    "a | b",
    "\x1b[31mred",
    "right\u202eleft",
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_stay_texts(tmp_path, hostile):
    name = hostile.replace("/", "_").replace("\n", "_") + ".tflite"
    metadata = replace(METADATA, variant=hostile, labels=(hostile, "dog"))
    source = Source(None, metadata, Path(hostile.replace("/", "_")), (hostile,))
    made = Made(source, {"recipe": hostile}, PROOF)
    text = card(metadata, name=name, made=made, folder=tmp_path)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    outside = without_code(text)
    assert "<script" not in outside.replace("\\<", "")
    assert "![" not in outside.replace("\\!", "").replace("\\[", "")
    assert "not a heading" not in headings(text)
    assert headings(text)[-1] == "Licence of the weights"


def without_code(text):
    """The text without blocks and spans of code, by the rules of CommonMark."""
    text = re.sub(r"^(`{3,})[a-z]*\n.*?^\1\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
