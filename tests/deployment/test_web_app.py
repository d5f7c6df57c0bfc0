"""The page's files: labels come out as they are, and a missing runtime is said, not hidden."""

import json
import shutil
from pathlib import Path

import pytest
from deployment.browser import needs_browser, opened, served

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.deployment.app import App
from micronet_edge.deployment.npm import built
from micronet_edge.deployment.web_app import TEMPLATE

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm: apt-get install npm")

HOSTILE = (
    "<script>document.title = 'obeyed'</script>",
    "</script><img src=x onerror=alert(1)>",
    'it\'s "quoted" \\ back`tick` ${1 + 1} %s ??/',
    "\\n \\u0041 \0 \x1b[31m",
    "猫 \u2028 \u2029 \u202e é 🙂",
    "__proto__",
)


def app(labels=HOSTILE, **settings):
    preprocessing = Preprocessing(size=64, resize=73)
    return App(Path("any.onnx"), "onnx", FileMetadata("m0", labels, preprocessing, **settings))


def write(files, folder):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def constants(**settings):
    text = TEMPLATE.files(app(**settings))["model.js"].decode("ascii")
    return json.loads(text.partition("export const MODEL = ")[2].removesuffix(";\n"))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = write(TEMPLATE.files(app()), tmp_path_factory.mktemp("page"))
    with served(folder) as address, opened() as page:
        page.open(f"{address}/index.html")
        page.wait_for("document.getElementById('message').textContent")
        yield page


@needs_browser
def test_labels_come_out_as_they_are_and_nothing_in_them_is_obeyed(page):
    shown = page.run(
        """async () => {
          const {MODEL} = await import("/model.js"), {showResults} = await import("/show.js");
          showResults([0.3, 0.25, 0.2, 0.15, 0.0996, 0.0004], {announce: true});
          const texts = [...document.querySelectorAll("#results bdi")].map(each => each.textContent);
          return [MODEL.labels, texts, document.querySelectorAll("#results img, #results script").length];
        }"""
    )
    assert shown == [list(HOSTILE), list(HOSTILE[:5]), 0]
    assert page.run("() => document.title") == "m0: image classifier"
    assert page.run("() => document.getElementById('summary').textContent") == f"{HOSTILE[0]}, 30.0%"


@needs_browser
def test_a_page_without_its_runtime_says_what_completes_it(page):
    said = page.run("() => document.getElementById('message').textContent")
    assert said == "The runtime is missing: run `npm run build` in the folder of this page."
    assert page.run("() => document.getElementById('unserved').hidden")


@needs_browser
def test_nothing_comes_from_elsewhere(page):
    policy = page.run("() => document.querySelector('meta[http-equiv]').content")
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    blocked = page.run("() => fetch('http://127.0.0.2:1/').then(() => '', error => error.name)")
    assert blocked == "TypeError"


def test_the_constants_say_what_the_file_takes():
    assert (
        constants(io="uint8", pixels="raw", layout="NHWC", scores="softmax").items()
        >= {
            "type": "uint8",
            "layout": "NHWC",
            "scores": "softmax",
            "factor": [1, 1, 1],
            "offset": [0, 0, 0],
        }.items()
    )
    normalized = constants()
    assert normalized["factor"] == pytest.approx([1 / 255 / std for std in Preprocessing().std])
    assert normalized["type"] == "float32"
    assert (normalized["width"], normalized["size"], normalized["resize"]) == (64, 64, 73)


def test_without_npm_a_line_says_what_completes_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    fetched = TEMPLATE.fetched(TEMPLATE.files(app()))
    assert not fetched.files
    assert (
        fetched.note == "the app has no runtime yet (npm is not installed): run `npm run build` in its folder"
    )


def test_the_lock_pins_every_package_with_its_hash():
    lock = json.loads(TEMPLATE.files(app())["package-lock.json"])
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert (
        packages["node_modules/onnxruntime-web"]["version"]
        == lock["packages"][""]["dependencies"]["onnxruntime-web"]
    )
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())  # any registry serves them


@needs_npm
def test_what_a_script_writes_comes_back():
    script = (
        "node -e \"fs.mkdirSync('runtime/deep', {recursive: true}); fs.writeFileSync('runtime/deep/a', 'x')\""
    )
    packages = {"package.json": json.dumps({"scripts": {"build": script}}).encode()}
    assert built(packages, "build", "runtime") == ({"runtime/deep/a": b"x"}, None)


@needs_npm
def test_a_script_that_fails_is_told_in_a_line():
    packages = {"package.json": json.dumps({"scripts": {"build": "echo no network >&2; exit 1"}}).encode()}
    assert built(packages, "build", "runtime") == ({}, "npm failed: no network")
