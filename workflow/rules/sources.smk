rule render:
    """Renders the walkers of a shard, in the layout of CASIA-B."""
    input:
        recorded=recorded,
    output:
        silhouettes=directory("results/{dataset}/data/{shard}/silhouettes"),
        videos=directory("results/{dataset}/data/{shard}/videos"),
        truth="results/{dataset}/data/{shard}/truth.h5",
    log:
        "results/{dataset}/logs/render/{shard}.log",
    benchmark:
        "results/{dataset}/benchmarks/render/{shard}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        settings=record("render"),
        code=code("gaittake.sources.walkers.dataset"),
        folder="results/{dataset}/data/{shard}",
    shell:
        "python -m gaittake render {wildcards.dataset} --shard {wildcards.shard}"
        " --settings {params.settings:q} --out {params.folder} --threads {threads} &> {log}"


rule unpack:
    """Unpacks the subjects of a shard that lie on disk as archives (CASIA-B)."""
    input:
        archives=archives,
    output:
        silhouettes=directory("results/{dataset}/data/{shard}/unpacked"),
        rejects="results/{dataset}/data/{shard}/unpacked.rejects.csv",
    log:
        "results/{dataset}/logs/unpack/{shard}.log",
    benchmark:
        "results/{dataset}/benchmarks/unpack/{shard}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(120),
    params:
        code=code("gaittake.sources.archives"),
        files=options("archives"),
    shell:
        "python -m gaittake unpack {wildcards.dataset} --shard {wildcards.shard} {params.files}"
        " --out {output.silhouettes} --rejects {output.rejects} &> {log}"


rule index:
    """Lists the sequences of a shard."""
    input:
        unpack(rendered),
    output:
        table="results/{dataset}/index/{shard}.csv",
        rejects="results/{dataset}/index/{shard}.rejects.csv",
    log:
        "results/{dataset}/logs/index/{shard}.log",
    benchmark:
        "results/{dataset}/benchmarks/index/{shard}.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=120,
    params:
        settings=record("index"),
        code=code("gaittake.sources.index"),
        files=options("unpacked"),
    shell:
        "python -m gaittake index {wildcards.dataset} --shard {wildcards.shard}"
        " --settings {params.settings:q} {params.files} --out {output.table}"
        " --rejects {output.rejects} &> {log}"


rule survey:
    """Lists everything that could not be used, and what the protocol asks for in vain."""
    input:
        sequences="results/{dataset}/sequences.csv",
        cache="results/{dataset}/cache.h5",
        rejects=rejects,
    output:
        rejects="results/{dataset}/rejects.csv",
    log:
        "results/{dataset}/logs/survey.log",
    benchmark:
        "results/{dataset}/benchmarks/survey.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        settings=record("survey"),
        code=code("gaittake.sources.survey"),
        files=options("rejects"),
    shell:
        "python -m gaittake survey {wildcards.dataset} --settings {params.settings:q}"
        " --sequences {input.sequences} --cache {input.cache} {params.files}"
        " --out {output.rejects} &> {log}"
