rule teacher:
    """Gets the detector that labels RGB frames: COCO's, or one trained on rendered people."""
    input:
        weights=teacher_weights,
    output:
        weights="results/{dataset}/pose/teacher.pt",
    log:
        "results/{dataset}/logs/teacher.log",
    benchmark:
        "results/{dataset}/benchmarks/teacher.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=240,
    params:
        settings=record("teacher"),
        code=code("gaittake.pose.teacher"),
        checkpoints="results/{dataset}/pose/checkpoints/teacher",
    shell:
        "python -m gaittake teacher {wildcards.dataset} --settings {params.settings:q}"
        " --checkpoints {params.checkpoints} --out {output.weights} --threads {threads} &> {log}"


rule pseudo_label:
    """Labels RGB frames of training subjects with the teacher."""
    input:
        unpack(rendered),
        index="results/{dataset}/index/{shard}.csv",
        teacher="results/{dataset}/pose/teacher.pt",
    output:
        labels="results/{dataset}/pose/pseudo_labels/{shard}.h5",
        rejects="results/{dataset}/pose/pseudo_labels/{shard}.rejects.csv",
    log:
        "results/{dataset}/logs/pseudo_label/{shard}.log",
    benchmark:
        "results/{dataset}/benchmarks/pseudo_label/{shard}.tsv"
    wildcard_constraints:
        shard=r"train-\d+",
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=growing(6000),
        runtime=growing(480),
    params:
        settings=record("pseudo-label"),
        code=code("gaittake.pose.pseudo_label"),
    shell:
        "python -m gaittake pseudo-label {wildcards.dataset} --shard {wildcards.shard}"
        " --settings {params.settings:q} --index {input.index} --teacher {input.teacher}"
        " --out {output.labels} --rejects {output.rejects} --threads {threads} &> {log}"


rule finetune:
    """Trains the detector on silhouettes with the pseudo-labels."""
    input:
        pseudo_labels=every("results/{dataset}/pose/pseudo_labels/{shard}.h5", "train"),
        index=every("results/{dataset}/index/{shard}.csv", "train"),
        teacher="results/{dataset}/pose/teacher.pt",
    output:
        weights="results/{dataset}/pose/student.pt",
    log:
        "results/{dataset}/logs/finetune.log",
    benchmark:
        "results/{dataset}/benchmarks/finetune.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=growing(12000),
        runtime=1440,
    params:
        settings=record("finetune"),
        code=code("gaittake.pose.finetune"),
        checkpoints="results/{dataset}/pose/checkpoints/student",
        files=options("pseudo_labels", "index"),
    shell:
        "python -m gaittake finetune {wildcards.dataset} --settings {params.settings:q}"
        " {params.files} --teacher {input.teacher} --checkpoints {params.checkpoints}"
        " --out {output.weights} --threads {threads} &> {log}"


rule predict:
    """Predicts the keypoints of every silhouette of a shard."""
    input:
        unpack(rendered),
        index="results/{dataset}/index/{shard}.csv",
        student=student,
    output:
        keypoints="results/{dataset}/pose/keypoints/{shard}.h5",
        rejects="results/{dataset}/pose/keypoints/{shard}.rejects.csv",
    log:
        "results/{dataset}/logs/predict/{shard}.log",
    benchmark:
        "results/{dataset}/benchmarks/predict/{shard}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=growing(6000),
        runtime=growing(480),
    params:
        settings=record("predict"),
        code=code("gaittake.pose.predict"),
    shell:
        "python -m gaittake predict {wildcards.dataset} --shard {wildcards.shard}"
        " --settings {params.settings:q} --index {input.index} --student {input.student}"
        " --out {output.keypoints} --rejects {output.rejects} --threads {threads} &> {log}"


rule quality:
    """Measures the keypoints against pseudo-labels held out and, for walkers, exact joints."""
    input:
        keypoints=every("results/{dataset}/pose/keypoints/{shard}.h5"),
        pseudo_labels=labels,
        truth=truth,
    output:
        report="results/{dataset}/pose/quality.json",
    log:
        "results/{dataset}/logs/quality.log",
    benchmark:
        "results/{dataset}/benchmarks/quality.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=record("quality"),
        code=code("gaittake.pose.quality"),
        files=options("keypoints", "pseudo_labels", "truth"),
    shell:
        "python -m gaittake quality {wildcards.dataset} --settings {params.settings:q}"
        " {params.files} --out {output.report} &> {log}"
