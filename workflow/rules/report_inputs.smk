"""Input functions of the report: files of the rank-1 table's runs, and of joints."""


def ranked(name):
    """Input: a file of each run of the rank-1 table."""
    return lambda w: files_of(w.dataset, runs_of(w.dataset, "rank1"), name)


def learnt(name):
    """Input: a file of each run of the rank-1 table that trains a network, where it is trained."""

    def paths(wildcards):
        dataset = wildcards.dataset
        if trained_on(dataset) != dataset:
            return []
        runs = [run for run in runs_of(dataset, "rank1") if learns(dataset, run)]
        return files_of(dataset, runs, name)

    return paths


def files_of(dataset, runs, name):
    return [f"results/{dataset}/{run}/{name}" for run in runs]


def measured(files):
    """Input: files of joints, where the quality of the keypoints is measured."""
    return lambda wildcards: files(wildcards) if quality(wildcards) else []
