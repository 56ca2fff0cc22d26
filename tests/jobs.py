"""Stage records of settings that a test made itself, without a YAML file."""

from typing import Any

from gaittake.pipeline import plan
from gaittake.pipeline.job import Job
from gaittake.settings import Settings


def job_of(settings: Settings, **part: str) -> Job:
    """Returns a job with these settings; `part` is a shard, method or table."""
    job = Job(settings.dataset, **part)  # type: ignore[arg-type]
    vars(job)["settings"] = settings
    return job


def stage_settings(settings: Settings, stage: str, **part: str) -> Any:
    """Returns what a stage, named as its command, reads of the settings."""
    return getattr(plan, stage.replace("-", "_"))(job_of(settings, **part))
