"""The files that a target needs beside its own: written with each of them, or the same for all."""

from micronet_edge.pipeline.job import Work


def companions(work: Work) -> tuple[str, ...]:
    """The names of the files that the targets write beside the job's files."""
    return tuple(
        name
        for target in work.targets
        if hasattr(target, "companions")  # most formats are one file
        for name in target.companions(work.names[target.name], work.spec)
    )


def missing_support_files(work: Work) -> dict[str, bytes]:
    """What the targets' files need beside them, by name, without what lies there unchanged already.

    Several exports into one folder share these files.
    """
    wanted = {
        name: content
        for target in work.targets
        if hasattr(target, "support_files")
        for name, content in target.support_files().items()
    }
    there = {name: work.output / name for name in wanted}
    return {
        name: content
        for name, content in wanted.items()
        if not (there[name].is_file() and there[name].read_bytes() == content)
    }
