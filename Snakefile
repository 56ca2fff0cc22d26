include: "workflow/Snakefile"


# An included file cannot say what is made when nothing is asked for.
rule default:
    default_target: True
    input:
        rules.all.input,
