"""Clips with a known truth for tests: one photo, filmed by a shaking hand."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.recording import Recording
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.media.transfer import SRGB
from shots import photo

WIDTH, HEIGHT, FOCAL_PX = 432, 320, 350.0
INTERVAL_NS, EXPOSURE_S, READOUT_S = 33_000_000, 0.02, 0.012
FIRST_NS = 500_000_000


def made_recording(count, *, shaking=None, seed=0, rms_rad_s=1.0, **changes):
    """A recording of `count` frames whose gyro is exact; `shaking(t)` in [0, 1] multiplies the hand's rates."""
    imu = hand_tremor(np.random.default_rng(seed), 1.2 + count * INTERVAL_NS * 1e-9, rms_rad_s=rms_rad_s)
    if shaking is not None:
        t_s = (imu.time_ns - FIRST_NS) * 1e-9
        imu = replace(imu, gyro_rad_s=shaking(t_s)[:, None] * imu.gyro_rad_s)
    movie = Path("clip.mkv")
    known = {
        "source": movie,
        "layout": "memory",
        "frames": tuple(ImageSource(movie, index) for index in range(count)),
        "size_px": (WIDTH, HEIGHT),
        "start_ns": FIRST_NS + INTERVAL_NS * np.arange(count),
        "exposure_s": np.array(EXPOSURE_S),
        "camera": CameraModel(WIDTH, HEIGHT, FOCAL_PX, FOCAL_PX, (WIDTH - 1) / 2, (HEIGHT - 1) / 2),
        "readout_s": READOUT_S,
        "imu": imu,
        "R_cam_imu": np.eye(3),
    }
    return Recording(**{**known, **changes})


def blurred(recording, index, sharp=None, poses=120):
    """What the sensor saw of the photo, with shot noise; linear light."""
    sharp = photo("coffee", WIDTH, HEIGHT) if sharp is None else sharp
    light = ExactOperator(CameraMotion.from_capture(recording[index]), poses).forward(sharp)
    noise = np.random.default_rng(100 + index).standard_normal(light.shape)
    return np.clip(light + np.sqrt(1e-4 * light + 1e-6) * noise, 0, 1).astype(np.float32)


def with_errors(recording, offset_s=0.003, bias_rad_s=(0.008, -0.006, 0.004), noise_rad_s=0.004):
    """The recording with what its gyro gets wrong; the offset is taken off, so that it has to be found."""
    noise = noise_rad_s * np.random.default_rng(5).standard_normal(recording.imu.gyro_rad_s.shape)
    imu = replace(
        recording.imu,
        gyro_rad_s=recording.imu.gyro_rad_s + bias_rad_s + noise,
        time_ns=recording.imu.time_ns - round(offset_s * 1e9),
    )
    return replace(recording, imu=imu)


def reader_of(pictures, lossy=False):
    """Read frames from memory, for `prepared`."""
    return lambda index: (pictures[index], lossy)


def write_movie(path, pictures, stamps_ms, codec="ffv1", pix_fmt="yuv444p10le"):
    """Encode linear pictures losslessly; BT.709, limited range."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    base = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = base
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        for stamp, picture in zip(stamps_ms, pictures, strict=True):
            codes = np.rint(SRGB.encode(picture) * 65535).astype(np.uint16)
            frame = av.VideoFrame.from_ndarray(codes, format="rgb48le")
            frame = frame.reformat(format=pix_fmt, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            frame.colorspace, frame.color_range = 1, 1
            frame.pts, frame.time_base = int(stamp), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def on_movie(recording, path):
    """The recording with its frames in a movie."""
    frames = tuple(ImageSource(path, index) for index in range(len(recording)))
    return replace(recording, source=path, frames=frames)
