"""A digest of the code that a stage reaches; changes when the stage's results may change.

Snakemake does not see that a package was edited, so each rule passes this digest as a param. It
is SHA-256 over the syntax trees, without comments and docstrings, of the stage's module and of
everything it imports inside the package, also inside functions, and over the data files (`.npz`)
beside these modules whose names stand in them. Formatting, file times and where the package lies
do not count; the tree is walked here because `ast.dump` differs between versions of Python.

NOT_CODE is left out. Settings reach a stage only through its JSON record, which is a param of its
own: counting `settings` and `pipeline` would run everything again whenever one setting is added.
What is printed (`cli`, `errors`, `io.progress`), which of the GPUs computes (`cards`) and the
package's version change no result.
"""

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gaittake.errors import UserError

PACKAGE = "gaittake"
ROOT = Path(__file__).parents[1]
NOT_CODE = tuple(
    f"{PACKAGE}.{name}"
    for name in ("__main__", "cards", "cli", "errors", "io.progress", "pipeline", "settings")
)
DIGITS = 16


class _Module(NamedTuple):
    digest: str
    imports: frozenset[str]
    data_files: frozenset[Path]


def fingerprint(module: str) -> str:
    """Returns 16 hexadecimal digits that change with the code that a module reaches.

    Args:
        module: full name of the stage's module, for example `gaittake.pose.predict`.

    Raises:
        UserError: there is no such module, or it is not valid Python.
    """
    digest = hashlib.sha256()
    for name in reached(module):
        read = _read(name, _path(name))
        digest.update(f"{name} {read.digest}\n".encode())
        for path in sorted(read.data_files):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.name} {content}\n".encode())
    return digest.hexdigest()[:DIGITS]


def reached(module: str) -> list[str]:
    """Returns the modules whose code counts for `module`, itself among them, sorted."""
    waiting, found = [module], set[str]()
    while waiting:
        name = waiting.pop()
        if name in found or not _counts(name):
            continue
        found.add(name)
        # Importing a module runs the `__init__` of the packages that it is in.
        waiting += [name.rpartition(".")[0], *_read(name, _path(name)).imports]
    return sorted(found)


def _counts(module: str) -> bool:
    """Returns whether an edit of a module, other than the package's own, may change a result."""
    return module != PACKAGE and not f"{module}.".startswith(tuple(f"{name}." for name in NOT_CODE))


def _path(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        raise UserError(f"{module}: there is no such module, {file} is missing")
    return file


@functools.cache
def _read(name: str, path: Path) -> _Module:
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: not valid Python ({error.msg})") from error
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    imports, data_files = set[str](), set[Path]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(_imported(node, package))
        elif isinstance(node, ast.Constant) and str(node.value).endswith(".npz"):
            data_files.add(path.parent / str(node.value))
        _remove_docstring(node)
    digest = hashlib.sha256("\n".join(_flat(tree)).encode()).hexdigest()
    return _Module(digest, frozenset(imports), frozenset(filter(Path.is_file, data_files)))


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Yields the modules of this package that an import statement loads."""
    if isinstance(node, ast.Import):
        yield from (item.name for item in node.names if f"{item.name}.".startswith(f"{PACKAGE}."))
        return
    source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    if not f"{source}.".startswith(f"{PACKAGE}."):
        return
    yield source
    folder = ROOT.joinpath(*source.split(".")[1:])
    for item in node.names:
        if (folder / f"{item.name}.py").is_file() or (folder / item.name).is_dir():
            yield f"{source}.{item.name}"


def _remove_docstring(node: ast.AST) -> None:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        match node.body:
            case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                node.body = rest


def _flat(node: ast.AST) -> Iterator[str]:
    """Yields the tree as lines; empty and missing fields, which versions add, are left out."""
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield f"{name}:"
            yield from _flat(value)
        elif isinstance(value, list) and value:
            yield f"{name}:{len(value)}"
            for item in value:
                if isinstance(item, ast.AST):
                    yield from _flat(item)
                else:
                    yield repr(item)
        elif value is not None and value != [] and name not in ("kind", "type_comment"):
            yield f"{name}={type(value).__name__} {value!r}"
    yield "."
