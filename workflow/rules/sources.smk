rule render:
    """Renders the walkers of a shard, in the layout of CASIA-B."""
    input:
        recorded=files("recorded_walks"),
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
        mem_mb=per_attempt(2000),
        runtime=per_attempt(120),
    params:
        settings=settings("render"),
        code=code("gaittake.sources.walkers.dataset"),
        options=options(stage="render"),
        folder=in_results("data/{shard}"),
    shell:
        "python -m gaittake render {wildcards.dataset} --shard {wildcards.shard} {params.options}"
        " --out {params.folder} --threads {threads} &> {log}"


rule unpack:
    """Unpacks the subjects of a shard that lie on disk as archives (CASIA-B)."""
    input:
        archives=files("archives"),
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
        mem_mb=per_attempt(1000),
        runtime=per_attempt(120),
    params:
        code=code("gaittake.sources.archives"),
        options=options("archives"),
    shell:
        "python -m gaittake unpack {wildcards.dataset} {params.options} --shard {wildcards.shard}"
        " --out {output.silhouettes} --out-rejects {output.rejects} &> {log}"


rule segment:
    """Makes the silhouettes of a shard from its videos (source.masks_from_rgb)."""
    output:
        silhouettes=directory("results/{dataset}/data/{shard}/segmented"),
        rejects="results/{dataset}/data/{shard}/segmented.rejects.csv",
    log:
        "results/{dataset}/logs/segment/{shard}.log",
    benchmark:
        "results/{dataset}/benchmarks/segment/{shard}.tsv"
    conda:
        "../../envs/people.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(480),
    params:
        settings=settings("segment"),
        code=code("gaittake.use.segment"),
        options=options(stage="segment"),
    shell:
        "python -m gaittake segment {wildcards.dataset} --shard {wildcards.shard} {params.options}"
        " --out {output.silhouettes} --out-rejects {output.rejects} --threads {threads} &> {log}"


rule index:
    """Lists the sequences of a shard."""
    input:
        frames=files("frames"),
        unpacked=files("unpacked"),
        segmented=files("segmented"),
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
        settings=settings("index"),
        code=code("gaittake.sources.index"),
        options=options("unpacked", "segmented", stage="index", folder="rendered_folder"),
    shell:
        "python -m gaittake index {wildcards.dataset} --shard {wildcards.shard} {params.options}"
        " --out {output.table} --out-rejects {output.rejects} &> {log}"


# A checkpoint: if a rule runs, Snakemake (9.27) overlooks the own reasons of the jobs that have its
# output as ancient() input.
checkpoint check:
    """Compares the index with the protocol; the rules that train read the fault."""
    input:
        index=every("index/{shard}.csv"),
    output:
        # Kept if the job is interrupted: without it all rules that wait for it would run again.
        check=update("results/{dataset}/check.json"),
    log:
        "results/{dataset}/logs/check.log",
    benchmark:
        "results/{dataset}/benchmarks/check.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        settings=settings("check"),
        code=code("gaittake.sources.check"),
        options=options("index", stage="check"),
    shell:
        "python -m gaittake check {wildcards.dataset} {params.options} --out {output.check}"
        " &> {log}"


rule survey:
    """Lists everything that was skipped, and what the protocol requires but the data lacks."""
    input:
        sequences="results/{dataset}/sequences.csv",
        cache="results/{dataset}/cache.h5",
        rejects=files("rejects"),
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
        settings=settings("survey"),
        code=code("gaittake.sources.survey"),
        options=options("sequences", "cache", "rejects", stage="survey"),
    shell:
        "python -m gaittake survey {wildcards.dataset} {params.options} --out {output.rejects}"
        " &> {log}"
