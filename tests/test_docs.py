"""The pages of docs/ build, and their commands, settings, paths and messages are correct."""

import ast
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from typer.main import get_command

from gaittake.cli import app
from gaittake.settings import load_settings
from tests.partitions import write_partition
from tests.sources.walker_files import write_clips
from tests.workflow.project import Project, fresh_project

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
READMES = {
    str(path.relative_to(REPOSITORY)): path.read_text(encoding="utf-8")
    for path in (*REPOSITORY.glob("*.md"), REPOSITORY / "config" / "README.md")
}
# Datasets that a page shows how to make.
MADE_THERE = {"mine", "flat"}
# These files explain the tags.
LEGENDS = ("settings/dataset.py", "settings/text.py")


class Block(NamedTuple):
    """A code block of a page."""

    page: str
    language: str
    text: str


def blocks(*languages: str) -> list[Block]:
    """Returns the code blocks in these languages."""
    found = [
        Block(page, *parts)
        for page, text in (PAGES | READMES).items()
        for parts in re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    ]
    return [block for block in found if block.language in languages]


def commands(program: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yields the page and the words of each command line, for one program or all."""
    for page, _, text in blocks("sh"):
        for line in text.splitlines():
            words = shlex.split(line.partition(" #")[0])
            if "=" in words[0]:  # a variable of the shell
                continue
            if words[0] == "torchrun":
                words = words[words.index("gaittake") :]
            if not program or words[0] == program:
                yield page, words[1:] if program else words


def build(folder: Path, site: Path) -> None:
    """Builds the pages like `mkdocs build --strict`."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    build(load_config(str(folder / "mkdocs.yml"), site_dir=str(site), strict=True))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build(REPOSITORY, folder)
    return folder


def plain(text: str) -> str:
    """Returns the text of HTML or of a comment, without markup."""
    text = re.sub(r"<[^>]+>", "", text)
    for mark, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("&quot;", '"')):
        text = text.replace(mark, character)
    return " ".join(text.replace("`", "").split())


def test_the_pages_build_strictly_and_take_nothing_from_elsewhere(site: Path) -> None:
    assert {path.stem for path in site.glob("*.html")} == {Path(p).stem for p in PAGES} | {"404"}
    for path in site.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<(?:script|img)[^>]+src=.?https?:", text), path.name
        assert not re.search(r"<link[^>]+stylesheet[^>]+https?:", text), path.name
    assert not list(site.rglob("*.py"))


@pytest.mark.parametrize("link", ["(nowhere.md)", "(casiab.md#nowhere)", "(#nowhere)"])
def test_a_broken_link_stops_the_build(link: str, tmp_path: Path) -> None:
    from mkdocs.exceptions import Abort

    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy2(REPOSITORY / "mkdocs.yml", tmp_path)
    with (tmp_path / "docs/install.md").open("a") as page:
        page.write(f"\n[gone]{link}\n")
    with pytest.raises(Abort):
        build(tmp_path, tmp_path / "site")


def test_every_page_is_reached_from_the_first_one() -> None:
    for name in PAGES:
        assert name == "index.md" or f"({name}" in PAGES["index.md"], name


def headings(text: str) -> list[str]:
    """Returns the anchors that GitHub gives to the sections of a page."""
    titles = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("name", ["RESULTS.md", "HISTORY.md"])
def test_the_links_of_the_pages_of_results_lead_somewhere(name: str) -> None:
    text = (REPOSITORY / "benchmarks" / name).read_text(encoding="utf-8")
    contents = re.findall(r"^- \[.+\]\(#(.+)\)$", text, flags=re.MULTILINE)
    assert contents == headings(text)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        page, _, anchor = link.partition("#")
        target = REPOSITORY / "benchmarks" / (page or name)
        assert target.is_file(), link
        assert not anchor or anchor in headings(target.read_text(encoding="utf-8")), link
    for script in re.findall(r"\bbenchmarks/\w+\.py\b", text):
        assert (REPOSITORY / script).is_file(), script


def test_every_section_of_the_results_says_when_it_was_recorded() -> None:
    text = (REPOSITORY / "benchmarks/RESULTS.md").read_text(encoding="utf-8")
    for section in text.split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        assert re.search(r"[Rr]ecorded:? `[0-9a-f]{7}`", body), title
        assert re.search(r"\b20\d\d-\d\d-\d\d\b", body), title


def test_every_gaittake_command_of_the_pages_can_be_parsed() -> None:
    count = 0
    known = {path.stem for path in (REPOSITORY / "config").glob("*.yaml")} | MADE_THERE
    for page, words in commands("gaittake"):
        command: Any = get_command(app)
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words[0]]
            words = words[1:]
        if words == ["--help"]:
            continue
        context = command.make_context(page, list(words))
        dataset = Path(context.params.get("dataset", "walkers"))
        assert dataset.name in known or dataset.suffix == ".safetensors", (page, words)
        count += 1
    assert count > 15


def test_every_other_command_of_the_pages_is_valid() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    for page, (program, *words) in commands():
        match program:
            case "make":
                assert f"\n{words[0]}:" in makefile, page
            case "pip":
                for extra in re.findall(r"\[(\w+)\]", " ".join(words)):
                    assert extra in project["optional-dependencies"], page
            case "pytest" | "grep":
                assert (REPOSITORY / words[-1]).exists(), page
            case "source":
                assert words == [".venv/bin/activate"], page
            case "docker" | "apptainer":
                recipe = next(word for word in words if word.startswith("containers/"))
                assert (REPOSITORY / recipe).is_file(), page
            case "cd":
                assert words == ["lab"], page
            case _:
                assert program in ("gaittake", "snakemake", "tail", "conda", "python", "rsync"), (
                    page
                )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with folders for the real datasets, walks, and the datasets of two pages."""
    made = fresh_project(tmp_path_factory.mktemp("docs") / "project")
    (text,) = [b.text for b in blocks("yaml") if b.text.startswith("source: {layout: folder, silho")
               and "protocol" in b.text]  # fmt: skip
    (made.folder / "config/mine.yaml").write_text(text.replace("/data/", "data/"))
    (text,) = [b.text for b in blocks("yaml") if "silhouettes: [data/rehearsal]" in b.text]
    (made.folder / "config/rehearsal.yaml").write_text(text.replace("/data/", "data/"))
    for folder in ("casiab/silhouettes/001", "oumvlp/Silhouette_000-00", "rehearsal/001",
                   "mine/silhouettes/p01", "mine/rgb/p01"):  # fmt: skip
        (made.folder / "data" / folder).mkdir(parents=True)
    walks = write_clips(made.folder / "data", {"Ann": 2})
    for suffix in (".npz", ".csv"):
        walks.with_suffix(suffix).rename(walks.with_name(f"cmu_walks{suffix}"))
    for half in ("DatasetB-1", "DatasetB-2"):
        videos = made.folder / "data/casiab" / half / "video"
        videos.mkdir(parents=True)
        (videos / "001-nm-01-090.avi").touch()
    return made


def test_snakemake_can_make_every_target_of_the_pages(project: Project) -> None:
    from snakemake.cli import get_argument_parser

    targets = {word for _, words in commands("snakemake") for word in words if "results/" in word}
    targets -= {f"results/{name}_rank1.csv" for name in ("flat",)}
    assert len(targets) > 8
    parser = get_argument_parser()
    for _, words in commands("snakemake"):
        # Options like --config take all words that follow: targets stand before them.
        assert set(parser.parse_args(words).targets) == {w for w in words if "results/" in w}
        if "--workflow-profile" in words:
            profile = words[words.index("--workflow-profile") + 1]
            assert (REPOSITORY / f"profiles/{profile}/profile.yaml").is_file()
    code, said = project.snakemake("--dry-run", "--cores", "2", *sorted(targets))
    assert code == 0, said[-2000:]
    # The files and logs that a page promises.
    logs = [words[-1] for _, words in commands("tail")]
    left = re.findall(r"^\| `(results/[^`]+)`", PAGES["first-result.md"], flags=re.MULTILINE)
    assert len(logs) > 2
    assert len(left) > 10
    for path in (*logs, *left):
        assert re.search(rf"[ ,]{re.escape(path)}(?:,|$)", said, flags=re.MULTILINE), path


def test_every_yaml_block_of_the_pages_is_valid(tmp_path: Path) -> None:
    from snakemake.cli import get_argument_parser

    options = {o for a in get_argument_parser()._actions for o in a.option_strings}
    found = [block for block in blocks("yaml") if block.page != "extend.md"]
    assert len(found) > 10
    for path in (REPOSITORY / "config").glob("*.yaml"):  # a block may borrow their networks
        shutil.copy(path, tmp_path)
    for block in found:
        if block.text.startswith("# profiles/"):
            assert {f"--{key}" for key in yaml.safe_load(block.text)} <= options
        else:
            path = tmp_path / "x.yaml"
            path.write_text(block.text.replace(" /data/", f" {tmp_path}/data/"))
            write_partition(path, tmp_path)
            load_settings(path)


def test_the_generated_tables_are_up_to_date() -> None:
    spec = spec_from_file_location("generated", DOCS / "generated.py")
    assert spec
    assert spec.loader
    generated = module_from_spec(spec)
    spec.loader.exec_module(generated)
    pages = dict(generated.pages())
    assert {path.name for path in pages} == {"settings.md", "paper.md", "networks.json"}
    for path, text in pages.items():
        found = path.read_text(encoding="utf-8")
        assert text == found, f"{path.name} is out of date; run `make docs`"


def test_the_settings_page_has_every_setting_with_its_meaning(site: Path) -> None:
    from gaittake.settings import SECTIONS, Settings
    from tests.cli.test_show import fields

    text = plain((site / "settings.html").read_text(encoding="utf-8"))
    every = [*fields(Settings), *(f for section in SECTIONS.values() for f in fields(section))]
    assert len(every) > 100
    for name, field in every:
        meaning = plain((field.description or "").rpartition(";")[0])
        assert f"{name.rpartition('.')[2]} " in text
        assert meaning in text, name


@pytest.mark.parametrize("tag", ["ASSUME", "PAPER"])
def test_every_tag_of_the_code_is_on_the_page_of_the_paper(tag: str, site: Path) -> None:
    text = plain((site / "paper.html").read_text(encoding="utf-8"))
    count = 0
    for path in sorted((REPOSITORY / "gaittake").rglob("*.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(rf"\b{tag}\b", line) and not str(path).endswith(LEGENDS):
                said = re.split(r"[;\"]|\. ", line[re.search(rf"\b{tag}\b", line).start() :])[0]
                assert plain(said.rstrip('",)')) in text, f"{path}: {line}"
                count += 1
    assert count > 15


def texts(node: ast.AST) -> Iterator[str]:
    """Yields the string literals of a program, with `…` for the values in f-strings."""
    for child in ast.walk(node):
        if isinstance(child, ast.JoinedStr):
            yield "".join(
                str(v.value) if isinstance(v, ast.Constant) else "…" for v in child.values
            )
        elif isinstance(child, ast.Constant):
            yield str(child.value)


def says(text: str, message: str) -> bool:
    """Returns whether a text contains the parts of a message between `…`, in this order."""
    for part in message.split("…"):
        _, found, text = text.partition(part) if part else ("", "…", text)
        if not found:
            return False
    return True


def test_every_message_of_the_trouble_page_is_in_the_code() -> None:
    paths = (REPOSITORY / "gaittake").rglob("*.py")
    program = [text for path in paths for text in texts(ast.parse(path.read_bytes()))]
    messages = re.findall(r"^#### (`+)(.+)\1\n\n(\w*)", PAGES["trouble.md"], flags=re.MULTILINE)
    assert len(messages) == PAGES["trouble.md"].count("\n#### ")
    ours = [text for _, text, whose in messages if whose not in ("Snakemake", "PyTorch")]
    assert len(ours) > 15
    for message in ours:
        assert [text for text in program if says(text, message)], message
