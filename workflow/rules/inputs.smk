"""Input functions: files that a rule needs where that depends on the dataset's settings."""


def recorded(wildcards):
    """Inputs: the recorded walks and their table, where the dataset renders such."""
    walks = settings_of(wildcards.dataset).walkers.recorded
    return [] if walks is None else [str(walks), str(walks.with_suffix(".csv"))]


def rendered(wildcards):
    """Inputs: the pixels of a shard, where the project renders them."""
    if settings_of(wildcards.dataset).source.layout != "walkers":
        return {}
    folder = f"results/{wildcards.dataset}/data/{wildcards.shard}"
    return {"silhouettes": f"{folder}/silhouettes", "videos": f"{folder}/videos"}


def joints(wildcards):
    """Input of the cache: predicted keypoints, or the renderer's own joints."""
    folder = f"results/{wildcards.dataset}"
    if settings_of(wildcards.dataset).pose.keypoints == "exact":
        return {"truth": f"{folder}/data/{wildcards.shard}/truth.h5"}
    return {"keypoints": f"{folder}/pose/keypoints/{wildcards.shard}.h5"}


def student(wildcards):
    """Input: the dataset's student, or that of the dataset that it is taken from."""
    lender = settings_of(wildcards.dataset).pose.student_from or wildcards.dataset
    return f"results/{lender}/pose/student.pt"


def labels(wildcards):
    """Inputs: all pseudo-labels, where the dataset trains its own student."""
    own = settings_of(wildcards.dataset).pose.student_from is None
    return (
        every("results/{dataset}/pose/pseudo_labels/{shard}.h5", "train")(wildcards) if own else []
    )


def truth(wildcards):
    """Inputs: exact joints of all shards, where the project renders them."""
    exact = settings_of(wildcards.dataset).source.layout == "walkers"
    return every("results/{dataset}/data/{shard}/truth.h5")(wildcards) if exact else []


def teacher_weights(wildcards):
    """Input: the user's own weights file, where the teacher comes from one."""
    chosen = settings_of(wildcards.dataset).pose.teacher_weights
    return [] if chosen in ("coco", "walkers") else chosen


def rejects(wildcards):
    """Inputs: the tables of what the stages before could not use."""
    pose = settings_of(wildcards.dataset).pose
    stages = [("index", ""), ("cache", "")]
    if pose.keypoints != "exact":
        stages.append(("pose/keypoints", ""))
        if pose.student_from is None:
            stages.append(("pose/pseudo_labels", "train"))
    return [
        path
        for stage, part in stages
        for path in every(f"results/{{dataset}}/{stage}/{{shard}}.rejects.csv", part)(wildcards)
    ]


def weights(wildcards):
    """Input: the trained weights, of a method that learns."""
    method = settings_of(wildcards.dataset).methods.get(wildcards.method)
    learns = method is None or method.network != "gei"
    return f"results/{wildcards.dataset}/{wildcards.method}/weights.pt" if learns else []


def metrics(wildcards):
    """Inputs: the numbers of all methods."""
    methods = settings_of(wildcards.dataset).methods
    return expand(
        "results/{dataset}/{method}/metrics.json", dataset=wildcards.dataset, method=methods
    )


def quality(wildcards):
    """Input: the quality of the keypoints, where something tells it."""
    settings = settings_of(wildcards.dataset)
    measurable = settings.source.layout == "walkers" or settings.pose.student_from is None
    predicted = settings.pose.keypoints != "exact"
    return f"results/{wildcards.dataset}/pose/quality.json" if measurable and predicted else []
