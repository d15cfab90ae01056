"""Deblurring clips: which frames, how strongly, with one set of corrections, in bounded memory and in order.

`deblur_movie` takes a movie to a movie. For folders of frames, `prepared` plans the clip and aligns its gyro, and
`deblurred_frames` yields the pictures.
"""

from gyrosharp.restore.video.deblurrer import VideoDeblurrer
from gyrosharp.restore.video.plan import VideoPlan, plan_video
from gyrosharp.restore.video.preparation import prepared
from gyrosharp.restore.video.report import FrameRow, VideoReport, row_of
from gyrosharp.restore.video.run import PictureFrame, deblur_movie, deblurred_frames, video_report
from gyrosharp.restore.video.settings import VideoSettings
from gyrosharp.restore.video.stream import FrameResult, restored_frames

__all__ = [
    "FrameResult",
    "FrameRow",
    "PictureFrame",
    "VideoDeblurrer",
    "VideoPlan",
    "VideoReport",
    "VideoSettings",
    "deblur_movie",
    "deblurred_frames",
    "plan_video",
    "prepared",
    "restored_frames",
    "row_of",
    "video_report",
]
