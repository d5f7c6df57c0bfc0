"""The pages of the documentation: links, navigation, commands and what scripts write of them.

`make docs` builds the site strictly; these tests need none of its packages.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

import micronet_edge
from micronet_edge.cli import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SCRIPTS = DOCS / "scripts"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text() for path in sorted(DOCS.rglob("*.md"))}
APP = typer.main.get_command(app)
COMMANDS = APP.commands
WRITTEN = {
    "commands": ["reference/commands.md"],
    "pictures": [
        f"pictures/{name}.svg" for name in ("road", "pointwise", "depthwise", "shift_max", "shift", "proof")
    ],
    "plots": [f"results/{name}.svg" for name in ("accuracy", "baselines", "microcontrollers")],
}
"""What each script writes."""
LINK = re.compile(r"\]\(([^)\s:]*)\)")


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """A folder into which the scripts have written."""
    folder = tmp_path_factory.mktemp("docs")
    for part in ("reference", "pictures", "results"):
        (folder / part).mkdir()
    code = (
        "import sys; from pathlib import Path; import commands, pictures, plots\n"
        "folder = Path(sys.argv[1])\n"
        "(folder / 'reference' / 'commands.md').write_text(commands.page(), encoding='utf-8')\n"
        "pictures.draw(folder / 'pictures'); plots.draw(folder / 'results')\n"
    )
    paths = os.pathsep.join([str(SCRIPTS), *(path for path in sys.path if path)])
    environment = {**os.environ, "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", code, str(folder)], env=environment, check=True)
    return folder


@pytest.mark.parametrize(
    ("script", "name"), [(script, name) for script in WRITTEN for name in WRITTEN[script]]
)
def test_what_a_script_writes_is_current(again, script, name):
    written = (again / name).read_text()
    assert written == (DOCS / name).read_text(), f"run: .venv/bin/python docs/scripts/{script}.py"


def test_every_picture_is_one_that_a_script_draws():
    drawn = {name for names in WRITTEN.values() for name in names if name.endswith(".svg")}
    assert {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.svg")} == drawn


def navigated(entries):
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from navigated(value) if isinstance(value, list) else [value]


def test_every_page_is_in_the_navigation_once():
    found = list(navigated(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(set(found)) == sorted(found)
    own = {page for page in found if not page.startswith("repository/")}
    assert own == set(PAGES)
    for page in set(found) - own:
        assert (ROOT / page.removeprefix("repository/")).is_file(), page


def slug(heading):
    """The anchor of a heading, as GitHub and the site make it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower().strip()).replace(" ", "-")


def anchors(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page):
    text = re.sub(r"^```.*?^```$|^    [^\n]*$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    for link in LINK.findall(text):
        name, _, anchor = link.partition("#")
        target = (DOCS / page).parent / name if name else DOCS / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def command_lines(text):
    """The lines of a page's blocks that call the tool, and their words up to the end of the command."""
    fenced = re.findall(r"^```(?:sh|bash|text)?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^    (micronet-edge .*)$", text, re.MULTILINE)
    for line in "\n".join([*fenced, *indented]).replace("\\\n", " ").splitlines():
        if found := re.match(r"\s*(?:srun )?(micronet-edge|torchrun .*-m micronet_edge\.train) (.*)", line):
            called, rest = found.groups()
            name = ["train"] if called.startswith("torchrun") else []
            yield line, name + shlex.split(re.split(r" [&|;]+ |  +#", rest)[0], comments=True)


REPORT = {"network", "unit", "clock", "arena", "scores", "guard", "end"}
"""Not commands: with these words begin the lines that a board prints."""


OF_ALL = {name for option in APP.params for name in option.opts}
"""Options without a command."""


def options_given(words):
    return [word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)]


@pytest.mark.parametrize("page", sorted(set(PAGES) - {"reference/commands.md"}))
def test_every_command_of_a_page_has_the_options_that_it_gives(page):
    for line, words in command_lines(PAGES[page]):
        assert words[0] in {*COMMANDS, *REPORT, *OF_ALL}, line
        if words[0] in COMMANDS:
            known = {name: option for option in COMMANDS[words[0]].params for name in option.opts}
            assert set(options_given(words)) <= {*known, "--help"}, line
            last = words[-1]
            assert last not in known or known[last].is_flag, line


def test_the_pages_show_every_command():
    shown = {words[0] for text in PAGES.values() for _, words in command_lines(text)}
    assert shown >= {name for name, command in COMMANDS.items() if not command.hidden}


def test_every_command_is_on_the_page_of_commands():
    headings = re.findall(r"^## (.*)$", PAGES["reference/commands.md"], re.MULTILINE)
    assert headings == [name for name, command in COMMANDS.items() if not command.hidden]


def test_every_public_name_is_on_the_page_of_python():
    homes = {name: home.replace(":", ".") for name, home in micronet_edge._HOMES.items()}
    homes |= {
        "MicronetEdgeError": "micronet_edge.errors.MicronetEdgeError",
        "kernels": "micronet_edge.kernels",
    }
    assert set(homes) == set(micronet_edge.__all__)
    shown = set(re.findall(r"^::: (\S+)$", PAGES["reference/python.md"], re.MULTILINE))
    assert shown == {
        home if f"micronet_edge.{name}" not in shown else f"micronet_edge.{name}"
        for name, home in homes.items()
    }


def texts_of_the_sources():
    """All literal texts; what an f-string computes is a gap in its text."""
    for root in ("src", "exporters", "benchmarks/micronet_edge_bench"):
        for path in (ROOT / root).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
                    yield "".join(parts)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_the_errors_on_the_page_are_those_of_the_program():
    program = "\n".join(texts_of_the_sources())
    rows = re.findall(r"^\| `([^`]+)` \|", PAGES["reference/errors.md"], re.MULTILINE)
    quoted = [row for row in rows if " " in row]
    assert len(quoted) > 15
    for row in quoted:
        for part in row.split("..."):
            assert part.strip(" :,") in program, row


def test_the_classes_of_errors_are_all_on_the_page():
    tree = ast.parse((ROOT / "src" / "micronet_edge" / "errors.py").read_text())
    named = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    rows = set(re.findall(r"^\| `(\w+Error)` \|", PAGES["reference/errors.md"], re.MULTILINE))
    assert rows == named - {"MicronetEdgeError"}
