"""The job engine: makes a numbered series of samples in shards, on processes or on Ray, and can be resumed.

It knows nothing of what a sample is. A `Maker` turns an index into a `Record` of named bytes; a writer puts records
into tar shards or a folder layout; an engine spreads the shards over workers; `run_job` holds them together.

In the output folder
--------------------
``synth.json``
    What decides the samples. A second run must agree with it.
``shard-000012.tar`` or the files of a folder layout
    The samples.
``manifest.jsonl``
    A line per sample, in order. It is there once the job is complete.
``.synth/``
    The manifest lines of the shards that are done, while the job is not complete. They are what is resumed from.
"""

from gyrosharp.datasets.job.folders import FolderWriter
from gyrosharp.datasets.job.record import Maker, Record, Skipped
from gyrosharp.datasets.job.runner import JobPlan, JobProgress, JobReport, run_job
from gyrosharp.datasets.job.shards import TarWriter

__all__ = ["FolderWriter", "JobPlan", "JobProgress", "JobReport", "Maker", "Record", "Skipped", "TarWriter", "run_job"]
