"""`python -m gaittake`: the same commands as `gaittake`, without installation."""

from gaittake.cli import main

main()
