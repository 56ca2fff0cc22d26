rule collect:
    """Reads the user's files of keypoints, once for all shards."""
    input:
        files=files("keypoint_files"),
    output:
        people="results/{dataset}/pose/people.h5",
    log:
        "results/{dataset}/logs/collect.log",
    benchmark:
        "results/{dataset}/benchmarks/collect.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(240),
    params:
        settings=settings("collect"),
        code=code("gaittake.pose.people_file"),
        options=options(stage="collect"),
    shell:
        "python -m gaittake collect {wildcards.dataset} {params.options} --out {output.people}"
        " &> {log}"


rule assign_keypoints:
    """Matches the keypoints of source.keypoints to the silhouettes of a shard."""
    input:
        frames=files("frames"),
        index="results/{dataset}/index/{shard}.csv",
        people="results/{dataset}/pose/people.h5",
    output:
        keypoints="results/{dataset}/pose/own_keypoints/{shard}.h5",
        rejects="results/{dataset}/pose/own_keypoints/{shard}.rejects.csv",
    log:
        "results/{dataset}/logs/assign_keypoints/{shard}.log",
    benchmark:
        "results/{dataset}/benchmarks/assign_keypoints/{shard}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(240),
    params:
        settings=settings("assign_keypoints"),
        code=code("gaittake.pose.assign"),
        options=options("index", "people", stage="assign_keypoints"),
    shell:
        "python -m gaittake assign-keypoints {wildcards.dataset} --shard {wildcards.shard}"
        " {params.options} --out {output.keypoints} --out-rejects {output.rejects} &> {log}"


rule assign_labels:
    """Matches the keypoints of pose.labels to silhouettes of training subjects, as labels."""
    input:
        frames=files("frames"),
        index="results/{dataset}/index/{shard}.csv",
        people="results/{dataset}/pose/people.h5",
        check=checked,
    output:
        labels="results/{dataset}/pose/own_labels/{shard}.h5",
        rejects="results/{dataset}/pose/own_labels/{shard}.rejects.csv",
    log:
        "results/{dataset}/logs/assign_labels/{shard}.log",
    benchmark:
        "results/{dataset}/benchmarks/assign_labels/{shard}.tsv"
    wildcard_constraints:
        shard=r"train-\d+",
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(240),
    params:
        settings=settings("assign_labels"),
        code=code("gaittake.pose.assign"),
        options=options("index", "people", "check", stage="assign_labels"),
    shell:
        "python -m gaittake assign-labels {wildcards.dataset} --shard {wildcards.shard}"
        " {params.options} --out {output.labels} --out-rejects {output.rejects} &> {log}"
