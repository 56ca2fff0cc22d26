rule train:
    """Trains a method's network on the training subjects."""
    input:
        cache="results/{dataset}/cache.h5",
    output:
        weights="results/{dataset}/{method}/weights.pt",
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
        mem_mb=growing(16000),
        runtime=2880,
    params:
        settings=record("train"),
        code=code("gaittake.training.engine"),
        checkpoints="results/{dataset}/{method}/checkpoints",
        starter=starter,
    shell:
        "{params.starter} -m gaittake train {wildcards.dataset} --method {wildcards.method}"
        " --settings {params.settings:q} --cache {input.cache}"
        " --checkpoints {params.checkpoints} --out {output.weights}"
        " --history {output.history} --threads {threads} &> {log}"


rule embed:
    """Embeds the sequences of the test subjects."""
    input:
        cache="results/{dataset}/cache.h5",
        weights=weights,
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
        mem_mb=growing(16000),
        runtime=growing(240),
    params:
        settings=record("embed"),
        code=code("gaittake.evaluation.embed"),
        files=options("weights"),
    shell:
        "python -m gaittake embed {wildcards.dataset} --method {wildcards.method}"
        " --settings {params.settings:q} --cache {input.cache} {params.files}"
        " --out {output.embeddings} --threads {threads} &> {log}"


rule evaluate:
    """Measures a method across views."""
    input:
        embeddings="results/{dataset}/{method}/embeddings.h5",
        rejects="results/{dataset}/rejects.csv",
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
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=record("evaluate"),
        code=code("gaittake.evaluation.evaluate"),
    shell:
        "python -m gaittake evaluate {wildcards.dataset} --method {wildcards.method}"
        " --settings {params.settings:q} --embeddings {input.embeddings}"
        " --rejects {input.rejects} --out {output.metrics} --table {output.table}"
        " --probes {output.probes} --threads {threads} &> {log}"


rule compare:
    """Puts methods into one table; the quality of the keypoints is made with it."""
    input:
        metrics=of_runs("metrics.json"),
        probes=of_runs("probes.csv"),
        quality=quality,
    output:
        table="results/{dataset}_{table}.csv",
        page="results/{dataset}_{table}.md",
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
        settings=record("compare"),
        code=code("gaittake.evaluation.compare"),
        files=options("metrics", "probes"),
    shell:
        "python -m gaittake compare {wildcards.dataset} --table {wildcards.table}"
        " --settings {params.settings:q} {params.files} --out {output.table}"
        " --markdown {output.page} &> {log}"
