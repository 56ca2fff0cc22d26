"""The error that is meant for the user's eyes."""


class UserError(Exception):
    """What the user gave does not work: one line that names the thing and the remedy.

    The command line prints the message alone (`--debug` shows the traceback) and exits with 1.
    """


class Preempted(Exception):
    """A scheduler asked the run to stop; its progress is saved and a restart continues."""
