"""Checks the targets and options that a user gives to `snakemake`."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from gaittake.errors import UserError
from gaittake.pipeline.job import Job, method_of

# What `--config` may set; all other settings are those of a dataset.
KNOWN = ("set", "device", "container")
TABLES = ("rank1", "table", "ablation")
# What adds rules in a Snakefile. The project's own, and that of `gaittake init`, have these two.
ADDS = re.compile(r"^(include|rule|checkpoint|module|use)\b", flags=re.MULTILINE)
OURS = ["include", "rule"]


def check_config(names: Iterable[str]) -> None:
    """Checks the names that `--config` and `--configfile` set.

    Raises:
        UserError: one of them is read nowhere, so that its value would be lost.
    """
    for name in names:
        if name not in KNOWN:
            near = get_close_matches(name, KNOWN, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise UserError(
                f"--config {name}=…: there is no '{name}'{hint}; --config takes "
                f"{', '.join(KNOWN)}. Settings of a dataset are in config/NAME.yaml, which its "
                'targets read; to change one: --config set="train.steps=1000"'
            )


def check_parts(job: Job, parts: Mapping[str, str]) -> None:
    """Checks the parts of a dataset's work that a target names.

    Args:
        job: the dataset's job with these parts.
        parts: the target's `shard`, `method` and `table`, those that it has.

    Raises:
        UserError: the dataset has no such part; names those that it has. Or the method does not
            suit the dataset.
    """
    if "shard" in parts:
        job.known_shard()
    if "method" in parts:
        method, _ = method_of(job.known_method(), job.settings)
        if fault := job.settings.fault(method):
            raise UserError(fault)
    if "table" in parts:
        job.settings.rows(parts["table"])


def adds_rules(snakefile: Path) -> bool:
    """Returns whether a user's Snakefile, which includes the workflow, has more rules.

    Args:
        snakefile: the one that Snakemake was started with.
    """
    return ADDS.findall(snakefile.read_text(encoding="utf-8")) != OURS


def unmade(target: str, *, results: Path, config: Path) -> str:
    """Returns what to tell about a target that no rule makes: which final results there are.

    Args:
        target: as the user wrote it.
        results: the folder of all results.
        config: the folder of the settings; the names of its files are those of the datasets.
    """
    datasets = sorted({path.stem for path in config.glob("*.y*ml")}, key=len, reverse=True)
    word = target.removeprefix(f"{results}/")
    named = [name for name in datasets if word.startswith(name)]
    name = named[0] if named else "NAME"
    made = [f"{results}/{name}_{table}.csv" for table in TABLES]
    found = f"{', '.join(made)} (or .md) and {results}/{name}_report.html"
    where = "" if named else f", with a NAME of config/: {', '.join(sorted(datasets)) or 'none'}"
    return (
        f"no rule makes this. Final results are {found}{where}. docs/architecture.md "
        "has the files of each stage"
    )
