rule report:
    """Shows the rank-1 table, its figures, and everything behind it on one page."""
    input:
        metrics=files("metrics", table="rank1"),
        probes=files("probes", table="rank1"),
        embeddings=files("embeddings", table="rank1"),
        trainings=files("trainings", table="rank1"),
        rank1="results/{dataset}_rank1.csv",
        cache="results/{dataset}/cache.h5",
        sequences="results/{dataset}/sequences.csv",
        rejects="results/{dataset}/rejects.csv",
        quality=files("quality"),
        keypoints=files("measured_keypoints"),
        pseudo_labels=files("measured_labels"),
        truth=files("measured_truth"),
    output:
        page=report(
            "results/{dataset}_report.html",
            category="Reports",
            labels={"dataset": "{dataset}"},
        ),
    log:
        "results/{dataset}/logs/report.log",
    benchmark:
        "results/{dataset}/benchmarks/report.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(60),
    params:
        settings=settings("report"),
        code=code("gaittake.report.build"),
        options=options(
            "metrics",
            "rank1",
            "cache",
            "sequences",
            "rejects",
            "quality",
            "keypoints",
            "pseudo_labels",
            "truth",
            stage="report",
        ),
        benchmarks=in_results("benchmarks"),
    shell:
        "python -m gaittake report {wildcards.dataset} {params.options}"
        " --benchmarks {params.benchmarks} --out {output.page} --threads {threads} &> {log}"
