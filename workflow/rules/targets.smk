"""What a user asks for and no rule can make ends here, in one line.

The error of an input function, and that of a missing rule, would have a traceback or no remedy.
This file is included last, when all rules are known.
"""

import contextlib
import io
import os

from snakemake.cli import parse_args

from gaittake.pipeline import targets


def asked_for():
    """Returns the targets on the command line; none if Snakemake was not started from one."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # it names the profile a second time
            _, given = parse_args(sys.argv[1:])
    except SystemExit:
        return []
    return given.targets or []


def has_more_rules():
    """Returns whether Snakemake was started with a Snakefile that adds rules to the workflow's."""
    return targets.adds_rules(Path(workflow.main_snakefile))


def check_target(target):
    """Checks a file that is asked for: its dataset, the parts that it names, what they need."""
    ours = [rule for rule in workflow.rules if rule in workflow.modifier.rules]
    makers = [rule for rule in ours if rule.is_producer(target)]
    if makers:
        found = makers[0].get_wildcards(target)
        parts = {name: found[name] for name in ("shard", "method", "table") if name in found}
        if "dataset" in found:
            require_files(found["dataset"])
            targets.check_parts(part_of(found["dataset"], **parts), parts)
    elif not has_more_rules():
        raise UserError(targets.unmade(target, results=RESULTS, config=Path("config")))


# A user's Snakefile with rules of its own may read more.
try:
    if workflow.modifier.is_main_snakefile() and not has_more_rules():
        targets.check_config(config)
except UserError as error:
    sys.exit(str(error))
# The jobs' own processes have no targets, and what is checked here was checked before.
for target in asked_for() if workflow.is_main_process else []:
    try:
        if not workflow.is_rule(target):
            check_target(os.path.normpath(target))
    except (UserError, WorkflowError) as error:
        sys.exit(f"{target}: {error}")
