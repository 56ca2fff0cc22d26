"""Input functions: files that a rule needs where that depends on the dataset's settings."""

from gaittake.sources.archives import packed


@told
def packed_of(dataset, shard):
    """Archives of the shard's subjects that are not unpacked (CASIA-B)."""
    settings = settings_of(dataset)
    return [str(path) for path in packed(settings.source, subjects.shards(settings)[shard])]


def archives(wildcards):
    """Inputs: what is to be unpacked of a shard."""
    return packed_of(wildcards.dataset, wildcards.shard)


def recorded(wildcards):
    """Inputs: the recorded walks and their table, where the dataset renders such."""
    walks = settings_of(wildcards.dataset).walkers.recorded
    return [] if walks is None else [str(walks), str(walks.with_suffix(".csv"))]


def rendered(wildcards):
    """Inputs: the pixels of a shard, where the project renders or unpacks them."""
    folder = f"results/{wildcards.dataset}/data/{wildcards.shard}"
    if settings_of(wildcards.dataset).source.layout == "walkers":
        return {"silhouettes": f"{folder}/silhouettes", "videos": f"{folder}/videos"}
    return {"unpacked": f"{folder}/unpacked"} if archives(wildcards) else {}


def joints(wildcards):
    """Inputs of the cache: predicted keypoints, the renderer's own joints, or both."""
    folder, settings = f"results/{wildcards.dataset}", settings_of(wildcards.dataset)
    found = {}
    if settings.pose.keypoints == "predicted":
        found["keypoints"] = f"{folder}/pose/keypoints/{wildcards.shard}.h5"
    if settings.source.layout == "walkers":
        found["truth"] = f"{folder}/data/{wildcards.shard}/truth.h5"
    return found


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
    if pose.keypoints != "truth":
        stages.append(("pose/keypoints", ""))
        if pose.student_from is None:
            stages.append(("pose/pseudo_labels", "train"))
    dataset = wildcards.dataset
    return [
        f"results/{dataset}/data/{shard}/unpacked.rejects.csv"
        for shard in shards_of(dataset)
        if packed_of(dataset, shard)
    ] + [
        path
        for stage, part in stages
        for path in every(f"results/{{dataset}}/{stage}/{{shard}}.rejects.csv", part)(wildcards)
    ]


@told
def trained_on(dataset):
    """The dataset whose networks are tested: its own, or those that another one lends."""
    settings = settings_of(dataset)
    lent = settings.networks_from
    return subjects.lender(settings, settings_of(lent)) if lent else dataset


def weights(wildcards):
    """Input: the trained weights, of a method that learns."""
    found = f"results/{trained_on(wildcards.dataset)}/{wildcards.method}/weights.pt"
    return found if learns(wildcards.dataset, wildcards.method) else []


def of_runs(name):
    """Input: a file of each run of each method of the table."""

    def paths(wildcards):
        runs = runs_of(wildcards.dataset, wildcards.table)
        file = "results/{dataset}/{run}/{name}"
        return expand(file, dataset=wildcards.dataset, run=runs, name=name)

    return paths


def quality(wildcards):
    """Input: the quality of the keypoints, where something tells it."""
    settings = settings_of(wildcards.dataset)
    measurable = settings.source.layout == "walkers" or settings.pose.student_from is None
    predicted = settings.pose.keypoints != "truth"
    return f"results/{wildcards.dataset}/pose/quality.json" if measurable and predicted else []
