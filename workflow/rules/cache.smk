rule cache:
    """Aligns the silhouettes of a shard and puts their keypoints beside them."""
    input:
        frames=files("frames"),
        keypoints=files("keypoints"),
        truth=files("truth"),
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
        mem_mb=per_attempt(2000),
        runtime=per_attempt(240),
    params:
        settings=settings("cache"),
        code=code("gaittake.data.build_cache"),
        options=options("keypoints", "truth", "index", stage="cache"),
    shell:
        "python -m gaittake cache build {wildcards.dataset} --shard {wildcards.shard}"
        " {params.options} --out {output.cache} --out-rejects {output.rejects}"
        " --threads {threads} &> {log}"


rule merge:
    """Joins the shards: one cache, one table of sequences."""
    input:
        shard_cache=every("cache/{shard}.h5"),
        index=every("index/{shard}.csv"),
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
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        code=code("gaittake.data.build_cache"),
        options=options("shard_cache", "index"),
    shell:
        "python -m gaittake cache merge {wildcards.dataset} {params.options} --out {output.cache}"
        " --out-sequences {output.sequences} &> {log}"
