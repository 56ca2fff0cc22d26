"""The texts of `--help`."""

from typing import Any

import pytest
import typer
from rich.text import Text

from gaittake.cli import app


def commands(command: Any, name: str) -> dict[str, Any]:
    """Returns a command, and those below it, by their full names."""
    found = {name: command}
    for each, below in getattr(command, "commands", {}).items():
        found |= commands(below, f"{name} {each}")
    return found


COMMANDS = commands(typer.main.get_command(app), "gaittake")


def test_the_commands_below_others_are_found() -> None:
    assert {"gaittake", "gaittake model embed", "gaittake cache build"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_word_and_takes_none_for_a_style(name: str) -> None:
    command = COMMANDS[name]
    options = [getattr(option, "help", None) for option in command.params]
    for text in filter(None, (command.help, command.short_help, *options)):
        assert Text.from_markup(text).plain == text
