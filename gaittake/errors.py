"""Errors for users, and the end of a preempted run."""


class UserError(Exception):
    """An error the user can fix; its message is one line that names the item and the fix.

    The command line prints only the message (the traceback with `--debug`) and exits with 1.
    """


class Preempted(Exception):
    """A scheduler stopped the run. Its progress is saved, and a restart continues from there."""
