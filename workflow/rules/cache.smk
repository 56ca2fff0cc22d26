rule cache:
    """Aligns the silhouettes of a shard and puts their keypoints beside them."""
    input:
        unpack(rendered),
        unpack(joints),
        index="results/{dataset}/index/{shard}.csv",
    output:
        cache="results/{dataset}/cache/{shard}.h5",
        rejects="results/{dataset}/cache/{shard}.rejects.csv",
    log:
        "results/{dataset}/logs/cache/{shard}.log",
    benchmark:
        "results/{dataset}/benchmarks/cache/{shard}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
    params:
        settings=record("cache"),
        code=code("gaittake.data.build_cache"),
        files=options("keypoints", "truth"),
    shell:
        "python -m gaittake cache build {wildcards.dataset} --shard {wildcards.shard}"
        " --settings {params.settings:q} --index {input.index} {params.files}"
        " --out {output.cache} --rejects {output.rejects} --threads {threads} &> {log}"


rule merge:
    """Joins the shards: one cache, one table of sequences."""
    input:
        shard_cache=every("results/{dataset}/cache/{shard}.h5"),
        index=every("results/{dataset}/index/{shard}.csv"),
    output:
        cache="results/{dataset}/cache.h5",
        sequences="results/{dataset}/sequences.csv",
    log:
        "results/{dataset}/logs/merge.log",
    benchmark:
        "results/{dataset}/benchmarks/merge.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        code=code("gaittake.data.build_cache"),
        files=options("shard_cache", "index"),
    shell:
        "python -m gaittake cache merge {wildcards.dataset} {params.files} --out {output.cache}"
        " --out-sequences {output.sequences} &> {log}"
