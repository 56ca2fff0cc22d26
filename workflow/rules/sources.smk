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
        mem_mb=2000,
        runtime=120,
    params:
        settings=record("render"),
        code=code("gaittake.sources.walkers.dataset"),
        folder="results/{dataset}/data/{shard}",
    shell:
        "python -m gaittake render {wildcards.dataset} --shard {wildcards.shard}"
        " --settings {params.settings:q} --out {params.folder} --threads {threads} &> {log}"


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
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=120,
    params:
        settings=record("index"),
        code=code("gaittake.sources.index"),
    shell:
        "python -m gaittake index {wildcards.dataset} --shard {wildcards.shard}"
        " --settings {params.settings:q} --out {output.table} --rejects {output.rejects} &> {log}"
