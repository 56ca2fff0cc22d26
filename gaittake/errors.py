"""Errors for users, and the end of a preempted run."""


class UserError(Exception):
    """An error the user can fix; its message is one line that names the item and the fix.

    The command line prints only the message (the traceback with `--debug`) and exits with 1.
    """


class Preempted(Exception):
    """The run was stopped from outside. Its progress is saved, and a restart continues from there.

    Args:
        message: one line for the user.
        code: exit code of the command: 143 after SIGTERM, 130 after Ctrl-C.
    """

    def __init__(self, message: str, *, code: int = 143) -> None:
        super().__init__(message)
        self.code = code
