"""The packed runner, as a device runs it: alone in a folder."""

from benchmarks.runner.plans import packed, ran, result


def test_it_measures_alone_in_a_folder(tmp_path, digit_files):
    packing = packed(tmp_path, digit_files, processes=2, rounds=4, least_warmup=1, most_warmup=2)
    code, lines = ran(tmp_path, "plan.json")
    assert code == 0
    assert [line["stage"] for line in lines if line["done"] == line["total"]] == ["load", "warmup", "measure"]
    assert all(0 < line["done"] <= line["total"] for line in lines)
    found = result(tmp_path)
    assert (found["version"], list(found["files"])) == (1, [path.name for path in digit_files])
    for file in found["files"].values():
        assert [len(process["samples_ns"]) for process in file["processes"]] == [4, 4]
    assert {path.name for path in tmp_path.iterdir()} == {*packing.names, "result.json"}


def test_it_says_what_is_missing(tmp_path, digit_files):
    packed(tmp_path, digit_files)
    code, lines = ran(tmp_path, "plan.json", flags=("-I", "-S"))
    assert code == 1
    assert lines[-1] == {
        "error": f"{digit_files[0].name}: numpy is not installed: python3 -m pip install numpy"
    }


def test_a_suffix_that_no_runtime_has(tmp_path, digit_files):
    packed(tmp_path, digit_files)
    plan = tmp_path / "plan.json"
    name = f"0-{digit_files[0].name}"
    (tmp_path / name).rename(tmp_path / "0.pt")
    plan.write_text(plan.read_text().replace(f'"{name}"', '"0.pt"'))
    code, lines = ran(tmp_path, "plan.json")
    assert code == 1
    assert lines[-1]["error"].startswith(f"{digit_files[0].name}: no runtime for 0.pt")


def test_a_profile_comes_from_a_process_of_its_own(tmp_path, digit_files):
    packed(tmp_path, digit_files, processes=1, rounds=1, profile=True, profile_rounds=3)
    code, lines = ran(tmp_path, "plan.json")
    assert code == 0, lines[-1]
    assert lines[-1] == {"stage": "profile", "done": 2, "total": 2}
    for file in result(tmp_path)["files"].values():
        assert file["profile"]["rounds"] == 3
        assert file["profile"]["operators"]
