"""The files that a stage reads, if they depend on the dataset's settings.

Rules and commands both ask here, so that a stage run by hand reads what the workflow gives it. The
other inputs have the same name for every dataset and are in the rules.
"""

from pathlib import Path

from gaittake.errors import UserError
from gaittake.io.people import people_files
from gaittake.io.weights import check_weights
from gaittake.pipeline import subjects
from gaittake.pipeline.job import Job, method_of, runs
from gaittake.pipeline.plan import keypoint_places
from gaittake.pose.image_names import check_people
from gaittake.sources.archives import packed
from gaittake.sources.folders import check_folders


def require_files(job: Job) -> None:
    """Checks that the files and folders of the settings exist and fit, before the first job starts.

    The folders of a dataset are needed until its last shard is indexed.

    Raises:
        UserError: names the file or folder and the setting.
    """
    settings = job.settings
    recorded_walks(job)
    teacher_weights(job)
    groups(job)
    _check_borrowed_student(job)
    for method in settings.methods:
        given_weights(job, method)
    if found := keypoint_files(job):
        check_people(found)
    if settings.rendered:
        return
    if settings.keypoints_from == "teacher" and not settings.source.videos:
        raise UserError(
            f"{job.dataset} has no videos (source.videos is empty), which its own student is "
            "trained on: set pose.student_from to a dataset that lends one, for example walkers, "
            "or casiab if you have it; or set pose.keypoints: none for methods without keypoints"
        )
    if not all(path.exists() for path in job.each("index/{shard}.csv")):
        check_folders(settings.source)


def lenders(job: Job) -> list[str]:
    """Returns the other datasets whose networks or student the dataset uses."""
    settings = job.settings
    return [name for name in (settings.networks_from, settings.student_lender) if name]


def _check_borrowed_student(job: Job) -> None:
    """Raises UserError if the borrowed student is another network, or never learnt what it must."""
    own, lender = job.settings.pose, job.settings.student_lender
    if lender is None:
        return
    lent = Job(lender, results=job.results).settings.pose
    needed = []
    if own.detector.backbone != lent.detector.backbone:
        needed.append(f"pose.detector.backbone: {lent.detector.backbone}")
    if own.boxes == "detected" and own.proposals and lent.boxes == "silhouette":
        needed.append("pose.boxes: silhouette")
    if needed:
        raise UserError(
            f"{job.dataset}: pose.student_from: {lender}: its student predicts only with the "
            f"settings of its training. Set {' and '.join(needed)}, as config/{lender}.yaml does."
        )


def recorded_walks(job: Job) -> list[Path]:
    """Returns the recorded motion to render and its table; none where all people are generated.

    Raises:
        UserError: a file does not exist.
    """
    motion = job.settings.walkers.recorded
    found = [] if motion is None else [motion, motion.with_suffix(".csv")]
    return [_existing(path, "walkers.recorded") for path in found]


def groups(job: Job) -> list[Path]:
    """Returns the table of the test subjects' groups, if the settings name one.

    Raises:
        UserError: the file does not exist, or is not such a table.
    """
    table = job.settings.evaluate.groups
    if table is None:
        return []
    from gaittake.evaluation.groups import read_groups  # here: pandas would double the start

    read_groups(_existing(table, "evaluate.groups"), subjects.test_subjects(job.settings))
    return [table]


def archives(job: Job) -> list[Path]:
    """Returns the archives of the shard's subjects that have no other folder (CASIA-B).

    Those that `unpack` has read stay inputs when they are deleted, or their disk is away: else the
    index would be made again, without their subjects.
    """
    return packed(
        job.settings.source,
        job.shards[job.known_shard()],
        before=job.path("data/{shard}/unpacked"),
    )


def unpacked(job: Job) -> list[Path]:
    """Returns the folder that `unpack` makes for the shard; none where nothing is packed."""
    return [job.path("data/{shard}/unpacked")] if archives(job) else []


def segmented(job: Job) -> list[Path]:
    """Returns the folder of silhouettes that `segment` makes for the shard, if it makes them."""
    made = job.settings.source.masks_from_rgb is not None
    return [job.path("data/{shard}/segmented")] if made else []


def rendered_folder(job: Job) -> list[Path]:
    """Returns the shard's rendered folder; none for recorded datasets."""
    return [job.path("data/{shard}")] if job.settings.rendered else []


def frames(job: Job) -> list[Path]:
    """Returns the folders of the shard's frames that `render`, `unpack` or `segment` makes."""
    made = [folder / kind for folder in rendered_folder(job) for kind in ("silhouettes", "videos")]
    return made + unpacked(job) + segmented(job)


def teacher_check(job: Job) -> list[Path]:
    """Returns the check that the teacher waits for.

    None for rendered people: their index has what the settings say, and a teacher that starts with
    the renderer is ready sooner.
    """
    return [] if job.settings.rendered else [job.path("check.json")]


def teacher_weights(job: Job) -> list[Path]:
    """Returns the user's own weights file of the teacher, if the settings name one.

    Raises:
        UserError: the file does not exist. Snakemake would keep a teacher of other weights.
    """
    chosen = job.settings.pose.teacher_weights
    if chosen in ("coco", "walkers") or not job.settings.own_student:
        return []
    return [_existing(Path(chosen), "pose.teacher_weights")]


def given_weights(job: Job, method: str) -> list[Path]:
    """Returns the weights file that a method names; none for one that is trained.

    Raises:
        UserError: the file does not exist, or is of another network or other settings.
    """
    chosen = job.settings.method(method)
    if chosen.weights is None:
        return []
    path = _existing(chosen.weights, f"methods.{method}.weights")
    model = job.settings.method_model(method).model_dump(mode="json")
    check_weights(path, network=chosen.network, settings=model)
    return [path]


def _existing(path: Path, setting: str) -> Path:
    if not path.is_file():
        raise UserError(f"{path}: no such file; {setting} names it")
    return path


def student(job: Job) -> Path:
    """Returns the dataset's student, or that of the dataset that lends one."""
    return _other(job, job.settings.pose.student_from or job.dataset).path("pose/student.pt")


def _other(job: Job, dataset: str) -> Job:
    """Returns another dataset, with results in the same folder as the job's."""
    return Job(dataset, results=job.results)


def keypoints(job: Job) -> list[Path]:
    """Returns the shard's keypoints, if a student predicts them or the user's files have them."""
    if job.settings.keypoints_from == "files":
        return [job.path("pose/own_keypoints/{shard}.h5")]
    return [job.path("pose/keypoints/{shard}.h5")] if keypoints_predicted(job) else []


def keypoints_predicted(job: Job) -> bool:
    """Returns whether a student predicts the keypoints, this dataset's or a borrowed one."""
    return job.settings.keypoints_from == "borrowed" or job.settings.own_student


def every_keypoints(job: Job) -> list[Path]:
    """Returns the predicted keypoints of all shards."""
    return job.each("pose/keypoints/{shard}.h5")


def truth(job: Job) -> list[Path]:
    """Returns the renderer's true keypoints of the shard, if its cache has them."""
    known = job.settings.rendered and job.settings.keypoints_from != "none"
    return [job.path("data/{shard}/truth.h5")] if known else []


def every_truth(job: Job) -> list[Path]:
    """Returns the renderer's true keypoints of all shards; none for recorded datasets."""
    return job.each("data/{shard}/truth.h5") if job.settings.rendered else []


def pseudo_labels(job: Job) -> list[Path]:
    """Returns all pseudo-labels; none where no student is trained here."""
    folders = {"teacher": "pseudo_labels", "labels": "own_labels"}
    folder = folders.get(job.settings.keypoints_from)
    return job.each(f"pose/{folder}/{{shard}}.h5", "train") if folder else []


def keypoint_files(job: Job) -> list[Path]:
    """Returns the user's files of keypoints or labels; those of a folder one by one.

    Raises:
        UserError: one does not exist.
    """
    setting = "source.keypoints" if job.settings.source.keypoints else "pose.labels"
    return people_files(keypoint_places(job.settings), setting=setting)


def quality(job: Job) -> list[Path]:
    """Returns the quality of the keypoints, where labels or the truth can measure it."""
    measurable = job.settings.own_student or (job.settings.rendered and keypoints_predicted(job))
    return [job.path("pose/quality.json")] if measurable else []


def measured_keypoints(job: Job) -> list[Path]:
    """Returns the predicted keypoints of all shards, where their quality is measured."""
    return every_keypoints(job) if quality(job) else []


def measured_labels(job: Job) -> list[Path]:
    """Returns all pseudo-labels, where the quality of the keypoints is measured."""
    return pseudo_labels(job) if quality(job) else []


def measured_truth(job: Job) -> list[Path]:
    """Returns the true keypoints of all shards, where the predicted ones are measured."""
    return every_truth(job) if quality(job) else []


def rejects(job: Job) -> list[Path]:
    """Returns the tables of what the stages before `survey` skipped."""
    found = [
        shard_job.path("data/{shard}/unpacked.rejects.csv")
        for shard_job in (job.at(shard=shard) for shard in job.shards)
        if archives(shard_job)
    ]
    if job.settings.source.masks_from_rgb:
        found += job.each("data/{shard}/segmented.rejects.csv")
    found += job.each("index/{shard}.rejects.csv") + job.each("cache/{shard}.rejects.csv")
    if keypoints_predicted(job):
        found += job.each("pose/keypoints/{shard}.rejects.csv")
    if job.settings.keypoints_from == "files":
        found += job.each("pose/own_keypoints/{shard}.rejects.csv")
    return found + [path.with_suffix(".rejects.csv") for path in pseudo_labels(job)]


def lender(job: Job) -> str:
    """Returns the dataset whose networks are tested: this one, or the one that lends its networks.

    Raises:
        UserError: a lent network was trained on a subject that is tested here.
    """
    lent = job.settings.networks_from
    return (
        job.dataset if lent is None else subjects.lender(job.settings, _other(job, lent).settings)
    )


def learns(job: Job) -> bool:
    """Returns whether the job's run trains a network."""
    method, _ = method_of(job.known_method(), job.settings)
    return job.settings.method(method).learns


def weights(job: Job) -> list[Path]:
    """Returns the weights of the job's run, given or trained; none for a network without weights.

    Raises:
        UserError: a given file does not exist, or a borrowed network is not the settings'.
    """
    run = job.known_method()
    method, _ = method_of(run, job.settings)
    if given := given_weights(job, method):
        return given
    if job.settings.networks_from and learns(job):
        subjects.check_lent(job.settings, _other(job, lender(job)).settings, method)
    return [_other(job, lender(job)).path(f"{run}/weights.safetensors")] if learns(job) else []


def table_runs(job: Job) -> list[str]:
    """Returns the names of the trainings behind a table: each method, each seed."""
    settings = job.settings
    return [run for method in settings.rows(str(job.table)) for run in runs(settings, method)]


def metrics(job: Job) -> list[Path]:
    """Returns the metrics of each run of the table."""
    return [job.path(f"{run}/metrics.json") for run in table_runs(job)]


def probes(job: Job) -> list[Path]:
    """Returns the probes of each run of the table."""
    return [job.path(f"{run}/probes.csv") for run in table_runs(job)]


def embeddings(job: Job) -> list[Path]:
    """Returns the embeddings of each run of the table."""
    return [job.path(f"{run}/embeddings.h5") for run in table_runs(job)]


def trainings(job: Job) -> list[Path]:
    """Returns weights and history of each run of the table that is trained on this dataset."""
    if lender(job) != job.dataset:
        return []
    trained = [run for run in table_runs(job) if learns(job.at(method=run))]
    return [
        job.path(f"{run}/{name}")
        for run in trained
        for name in ("weights.safetensors", "train.csv")
    ]
