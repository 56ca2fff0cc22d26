rule train:
    """Trains a method's network on the training subjects."""
    input:
        cache="results/{dataset}/cache.h5",
        check=checked,
    output:
        weights="results/{dataset}/{method}/weights.safetensors",
        history="results/{dataset}/{method}/train.csv",
    log:
        "results/{dataset}/logs/train/{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/train/{method}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 8
    resources:
        gpu=1,
        nodes=1,
        mem_mb=per_attempt(training_memory),
        runtime=2880,
    params:
        settings=settings("train"),
        code=code("gaittake.training.engine"),
        options=options("cache", "check", stage="train"),
        device=device,
        checkpoints=in_results("{method}/checkpoints"),
        starter=starter,
    shell:
        "{params.starter} -m gaittake train {wildcards.dataset} --method {wildcards.method}"
        " {params.options} {params.device} --checkpoints {params.checkpoints} --out {output.weights}"
        " --out-history {output.history} --threads {threads} &> {log}"


rule embed:
    """Embeds the sequences of the test subjects."""
    input:
        cache="results/{dataset}/cache.h5",
        weights=files("weights"),
    output:
        embeddings="results/{dataset}/{method}/embeddings.h5",
    log:
        "results/{dataset}/logs/embed/{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/embed/{method}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=per_attempt(network_memory),
        runtime=per_attempt(240),
    params:
        settings=settings("embed"),
        code=code("gaittake.evaluation.embed"),
        options=options("cache", "weights", stage="embed"),
        device=device,
    shell:
        "python -m gaittake embed {wildcards.dataset} --method {wildcards.method}"
        " {params.options} {params.device} --out {output.embeddings} --threads {threads} &> {log}"


rule evaluate:
    """Measures a method across views."""
    input:
        embeddings="results/{dataset}/{method}/embeddings.h5",
        check="results/{dataset}/check.json",
        rejects="results/{dataset}/rejects.csv",
        sequences="results/{dataset}/sequences.csv",
        groups=files("groups"),
    output:
        metrics="results/{dataset}/{method}/metrics.json",
        table="results/{dataset}/{method}/rank1.csv",
        probes="results/{dataset}/{method}/probes.csv",
    log:
        "results/{dataset}/logs/evaluate/{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/evaluate/{method}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(60),
    params:
        settings=settings("evaluate"),
        code=code("gaittake.evaluation.evaluate"),
        options=options("embeddings", "check", "rejects", "sequences", "groups", stage="evaluate"),
    shell:
        "python -m gaittake evaluate {wildcards.dataset} --method {wildcards.method}"
        " {params.options} --out {output.metrics} --out-rank1 {output.table}"
        " --out-probes {output.probes} --threads {threads} &> {log}"


rule scores:
    """Writes the distances of all pairs, for other tools; only on demand."""
    input:
        embeddings="results/{dataset}/{method}/embeddings.h5",
    output:
        scores="results/{dataset}/{method}/scores.csv",
    log:
        "results/{dataset}/logs/scores/{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/scores/{method}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        settings=settings("evaluate"),
        code=code("gaittake.evaluation.scores"),
        options=options("embeddings", stage="evaluate"),
    shell:
        "python -m gaittake scores {wildcards.dataset} --method {wildcards.method}"
        " {params.options} --out {output.scores} --threads {threads} &> {log}"


rule compare:
    """Puts methods into one table; the quality of the keypoints is made with it."""
    input:
        metrics=files("metrics"),
        probes=files("probes"),
        quality=files("quality"),
    output:
        table=report(
            "results/{dataset}_{table}.csv",
            category="Tables",
            labels={"dataset": "{dataset}", "table": "{table}", "form": "numbers"},
        ),
        page=report(
            "results/{dataset}_{table}.md",
            category="Tables",
            labels={"dataset": "{dataset}", "table": "{table}", "form": "text"},
        ),
    log:
        "results/{dataset}/logs/compare/{table}.log",
    benchmark:
        "results/{dataset}/benchmarks/compare/{table}.tsv"
    localrule: True
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings("compare"),
        code=code("gaittake.evaluation.compare"),
        options=options("metrics", "probes", stage="compare"),
    shell:
        "python -m gaittake compare {wildcards.dataset} --table {wildcards.table}"
        " {params.options} --out {output.table} --out-markdown {output.page} &> {log}"
