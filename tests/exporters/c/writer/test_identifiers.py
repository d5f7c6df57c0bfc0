"""Names and texts of people in C: compiled, they are what they were."""

import re
import subprocess

import pytest
from exporters.c.c_networks import compiled
from hypothesis import example, given
from hypothesis import strategies as st

from micronet_edge_c.writer.identifiers import comment_text, file_stem, identifier, string_literal

NAMES = {
    "net": "net",
    "My-Net.v2": "my_net_v2",
    "2nd": "network_2nd",
    "": "network",
    "  ": "network",
    "naïve": "na_ve",
    "日本語": "network",
    "int": "network_int",
    "INT": "network_int",
    "main": "network_main",
    '"; rm -rf *; "': "rm_rf",
    "a\\b'c": "a_b_c",
    "_reserved": "reserved",
    "memcpy": "memcpy",
    "micronet": "network_micronet",
    "micronet f32": "network_micronet_f32",
}

TEXTS = [
    'say "cheese"',
    "back\\slash \\n \\x41 \\",
    "what??! ??/ ??= ???",
    "Größe 日本語 \N{SMILING FACE WITH OPEN MOUTH}",
    "ü1 \x7f9 \t0",
    "%s %d %n",
    "*/ int x; /*",
    "// line",
    "",
    " ",
    "a\rb",
]


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_hostile_names(name, expected):
    assert identifier(name) == expected


@given(st.text())
@example("a" * 1000)
@example("0")
@example("new")
def test_any_name_is_an_identifier(name):
    found = identifier(name)
    assert re.fullmatch("[a-z][a-z0-9_]{0,60}", found)
    assert identifier(found) == found
    assert re.fullmatch(r"[A-Za-z0-9._+-]*", file_stem(name))


def test_functions_and_macros_of_any_name_compile_beside_the_kernels(tmp_path):
    names = {identifier(name) for name in (*NAMES, "x" * 300)}
    lines = [
        f"int {name}_argmax(void);\nint {name}_argmax(void) {{ return 0; }}\n#define {name.upper()}_H 1"
        for name in names
    ]
    (tmp_path / "names.c").write_text('#include "micronet_kernels.h"\n' + "\n".join(lines))
    compiled([tmp_path / "names.c"], tmp_path / "names.o", "-c", "-std=c99")
    compiled([tmp_path / "names.c"], tmp_path / "names.o", "-c", "-x", "c++")


def test_strings_print_what_they_say(tmp_path):
    literals = ",\n".join(map(string_literal, TEXTS))
    source = tmp_path / "strings.c"
    source.write_text(
        f"#include <stdio.h>\nstatic const char *const texts[] = {{\n{literals}\n}};\n"
        "int main(void) {\n    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {\n"
        "        fputs(texts[i], stdout);\n        putchar(0);\n    }\n    return 0;\n}\n"
    )
    program = compiled([source], tmp_path / "strings", "-std=c99", "-Wtrigraphs")
    printed = subprocess.run([program], capture_output=True, check=True).stdout
    assert printed.decode().split("\0")[:-1] == TEXTS


@given(st.text())
def test_a_literal_is_plain(text):
    literal = string_literal(text.encode(errors="replace").decode())
    assert literal.isascii()
    assert literal.isprintable()
    assert "??" not in literal


def test_comments_end_where_they_should(tmp_path):
    comments = "\n".join(
        f"/* {comment_text(text)} */" for text in (*TEXTS, "/", "*", "??/\n*/", "*//", "/\\\n*")
    )
    (tmp_path / "comments.c").write_text(f"{comments}\nint last(void);\nint last(void) {{ return 0; }}\n")
    compiled([tmp_path / "comments.c"], tmp_path / "comments.o", "-c", "-std=c99", "-Wtrigraphs")


@given(st.text(alphabet=st.sampled_from("*/?\\ \n=!a")))
@example("/")
@example("**//")
def test_no_text_ends_or_opens_a_comment(text):
    found = f"/* {comment_text(text)} */"
    inside = found[2:-2]
    assert "*/" not in inside
    assert "/*" not in inside
    assert "??" not in inside
    assert "\n" not in inside
    assert "\\" not in inside
