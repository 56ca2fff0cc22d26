rule teacher:
    """Gets the detector that labels RGB frames: COCO's, or one trained on rendered people."""
    input:
        weights=files("teacher_weights"),
        check=ancient(files("teacher_check")),
    output:
        weights="results/{dataset}/pose/teacher.pt",
    log:
        "results/{dataset}/logs/teacher.log",
    benchmark:
        "results/{dataset}/benchmarks/teacher.tsv"
    # Most others wait for it: it starts before the renderer, which uses the other cores.
    priority: 1
    conda:
        "../../envs/torch.yaml"
    threads: detector_threads
    resources:
        gpu=1,
        mem_mb=per_attempt(8000),
        runtime=240,
    params:
        settings=settings("teacher"),
        code=code("gaittake.pose.teacher"),
        options=options("check", stage="teacher"),
        device=device,
        checkpoints=in_results("pose/checkpoints/teacher"),
    shell:
        "python -m gaittake teacher {wildcards.dataset} {params.options} {params.device}"
        " --checkpoints {params.checkpoints} --out {output.weights} --threads {threads} &> {log}"


rule pseudo_label:
    """Labels RGB frames of training subjects with the teacher."""
    input:
        frames=files("frames"),
        index="results/{dataset}/index/{shard}.csv",
        teacher="results/{dataset}/pose/teacher.pt",
        check=checked,
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
        mem_mb=per_attempt(detector_memory),
        runtime=per_attempt(480),
    params:
        settings=settings("pseudo_label"),
        code=code("gaittake.pose.pseudo_label"),
        options=options("index", "teacher", "check", stage="pseudo_label"),
        device=device,
    shell:
        "python -m gaittake pseudo-label {wildcards.dataset} --shard {wildcards.shard}"
        " {params.options} {params.device} --out {output.labels} --out-rejects {output.rejects}"
        " --threads {threads} &> {log}"


rule finetune:
    """Trains the detector on silhouettes with the pseudo-labels."""
    input:
        pseudo_labels=files("pseudo_labels"),
        index=every("index/{shard}.csv", "train"),
        teacher="results/{dataset}/pose/teacher.pt",
        check=checked,
    output:
        weights="results/{dataset}/pose/student.pt",
    log:
        "results/{dataset}/logs/finetune.log",
    benchmark:
        "results/{dataset}/benchmarks/finetune.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: detector_threads
    resources:
        gpu=1,
        mem_mb=per_attempt(12000),
        runtime=1440,
    params:
        settings=settings("finetune"),
        code=code("gaittake.pose.finetune"),
        options=options("pseudo_labels", "index", "teacher", "check", stage="finetune"),
        device=device,
        checkpoints=in_results("pose/checkpoints/student"),
    shell:
        "python -m gaittake finetune {wildcards.dataset} {params.options} {params.device}"
        " --checkpoints {params.checkpoints} --out {output.weights} --threads {threads} &> {log}"


rule predict:
    """Predicts the keypoints of every silhouette of a shard."""
    input:
        frames=files("frames"),
        index="results/{dataset}/index/{shard}.csv",
        student=files("student"),
        check=checked,
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
        mem_mb=per_attempt(detector_memory),
        runtime=per_attempt(480),
    params:
        settings=settings("predict"),
        code=code("gaittake.pose.predict"),
        options=options("index", "student", "check", stage="predict"),
        device=device,
    shell:
        "python -m gaittake predict {wildcards.dataset} --shard {wildcards.shard}"
        " {params.options} {params.device} --out {output.keypoints} --out-rejects {output.rejects}"
        " --threads {threads} &> {log}"


rule quality:
    """Measures the keypoints against pseudo-labels held out and, for walkers, exact joints."""
    input:
        keypoints=every("pose/keypoints/{shard}.h5"),
        pseudo_labels=files("pseudo_labels"),
        truth=files("every_truth"),
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
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        settings=settings("quality"),
        code=code("gaittake.pose.quality"),
        options=options("keypoints", "pseudo_labels", "truth", stage="quality"),
    shell:
        "python -m gaittake quality {wildcards.dataset} {params.options} --out {output.report}"
        " &> {log}"
