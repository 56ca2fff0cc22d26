"""docs/trouble.md explains every reason that a stage can write into a table of rejects."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "trouble.md"
ROW = re.compile(r"\| `([^`]+)` \| ([^|]+) \| ([^|]{30,}) \|")
# Modules that give a reason without the row: they return or name it.
RETURNED = (
    "pose/match.py",
    "io/arrays.py",
    "io/frames.py",
    "io/images.py",
    "io/mask_faults.py",
    "io/pose_files.py",
    "io/video.py",
    "sources/tree.py",
)


def texts(node: ast.expr | None) -> Iterator[str]:
    """Yields the texts that an expression may have; `…` stands for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
        yield "".join(str(part) for part in parts)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def reasons(path: Path) -> Iterator[str]:
    """Yields the reasons in a module: of rows, of faults, and what is returned as one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    returned = path.relative_to(REPOSITORY / "gaittake").as_posix() in RETURNED
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from _of_rows(node)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fault":
            yield from texts(node.args[0])
        elif returned:
            yield from (text for text in _returned(node) if " " in text)


def _returned(node: ast.AST) -> Iterator[str]:
    """Yields what a statement returns, names as a constant, or lists beside a file's name."""
    named = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "").isupper()
    if isinstance(node, ast.Return | ast.Assign) and (named or isinstance(node, ast.Return)):
        yield from texts(node.value)
    elif isinstance(node, ast.ListComp) and isinstance(node.elt, ast.Tuple):
        yield from texts(node.elt.elts[-1])
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "append":
        for item in node.args:
            if isinstance(item, ast.Tuple):
                yield from texts(item.elts[-1])


def _of_rows(function: ast.FunctionDef) -> Iterator[str]:
    """Yields the reasons that a function writes, also those that it names first."""
    nodes = list(ast.walk(function))
    rows = [
        node.args[2]
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("Reject", "_reject")
        and len(node.args) in (3, 4)
    ]
    names = {row.id for row in rows if isinstance(row, ast.Name)}
    for row in rows:
        yield from texts(row)
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id in names:
                yield from texts(node.value)


def in_the_code() -> set[str]:
    """Returns the reasons of all modules that make rows of rejects."""
    found = set()
    for path in sorted((REPOSITORY / "gaittake").rglob("*.py")):
        name = path.relative_to(REPOSITORY / "gaittake").as_posix()
        if name in RETURNED or "Reject(" in path.read_text(encoding="utf-8"):
            found |= set(reasons(path))
    return {text.partition(": ")[0] for text in found if not text.startswith(("…", "source."))}


def in_the_table() -> dict[str, str]:
    """Returns cause and remedy of each reason in the page."""
    section = PAGE.read_text(encoding="utf-8").partition("## Skipped data")[2]
    return {row[1]: row[3] for row in ROW.finditer(section.partition("\n## ")[0])}


def test_every_reason_has_a_row_and_every_row_a_reason() -> None:
    code, table = in_the_code(), in_the_table()
    assert code - set(table) == set()
    assert set(table) - code == set()


def test_the_search_finds_reasons_of_every_kind() -> None:
    assert {
        "empty folder",  # of a row
        "no keypoints",  # one of two
        "not a numbered image",  # listed first
        "no detection",  # returned
        "mask without contrast",  # of a fault
        "photograph in the place of a mask",  # by name
        "broken archive",
    } <= in_the_code()
