rule report:
    """Shows the rank-1 table, its figures, and everything behind it on one page."""
    input:
        metrics=ranked("metrics.json"),
        probes=ranked("probes.csv"),
        embeddings=ranked("embeddings.h5"),
        weights=learnt("weights.pt"),
        histories=learnt("train.csv"),
        rank1="results/{dataset}_rank1.csv",
        cache="results/{dataset}/cache.h5",
        sequences="results/{dataset}/sequences.csv",
        rejects="results/{dataset}/rejects.csv",
        quality=quality,
        keypoints=measured(every("results/{dataset}/pose/keypoints/{shard}.h5")),
        pseudo_labels=measured(labels),
        truth=measured(truth),
    output:
        page="results/{dataset}_report.html",
    log:
        "results/{dataset}/logs/report.log",
    benchmark:
        "results/{dataset}/benchmarks/report.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=record("report"),
        code=code("gaittake.report.build"),
        runs=lambda w, input: " ".join(f"--runs {Path(path).parent}" for path in input.metrics),
        files=options("quality", "keypoints", "pseudo_labels", "truth"),
        benchmarks="results/{dataset}/benchmarks",
    shell:
        "python -m gaittake report {wildcards.dataset} --settings {params.settings:q}"
        " {params.runs} --rank1 {input.rank1} --cache {input.cache}"
        " --sequences {input.sequences} --rejects {input.rejects} {params.files}"
        " --benchmarks {params.benchmarks} --out {output.page} --threads {threads} &> {log}"
