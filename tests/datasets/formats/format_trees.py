"""Small data sets of every format, as {path: content}."""

import io

import numpy as np

from gyrosharp.datasets.sample_files import npy_of, png_of

WIDTH, HEIGHT = 24, 16


def picture(seed=0, width=WIDTH, height=HEIGHT):
    codes = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return png_of(codes)


def depth_png(value=2000, width=WIDTH, height=HEIGHT):
    codes = np.full((height, width), value, np.uint16)
    codes[0, 0] = 0
    return png_of(codes)


def pfm(values):
    rows = np.asarray(values, "<f4")
    return f"Pf\n{rows.shape[1]} {rows.shape[0]}\n-1.0\n".encode() + rows[::-1].tobytes()


def gyro_rows(count=40, start=1_000_000_000, step=5_000_000, order="t"):
    rates = np.random.default_rng(5).normal(0, 0.5, (count, 3))
    rows = []
    for k, (x, y, z) in enumerate(rates):
        stamp = start + k * step
        rows.append(f"{stamp}\t{x:.8f}\t{y:.8f}\t{z:.8f}" if order == "t" else f"{x:.8f},{y:.8f},{z:.8f},{stamp}")
    return ("\n".join(rows) + "\n").encode()


def pairs(left, right, names=("000001", "000002"), suffix=".png"):
    return {f"{folder}/{name}{suffix}": picture(k) for k, folder in enumerate((left, right)) for name in names}


def _gopro():
    tree = {}
    for split in ("train", "test"):
        for scene in ("GOPR0001", "GOPR0002"):
            tree |= pairs(f"{split}/{scene}/blur", f"{split}/{scene}/sharp")
            tree |= {f"{split}/{scene}/blur_gamma/{name}.png": picture(9) for name in ("000001", "000002")}
    return tree


def _realblur():
    tree = {}
    for camera, folder in (("J", "RealBlur-J_x"), ("R", "RealBlur-R_x")):
        for split, scene in (("train", "scene001"), ("test", "scene002")):
            truth, blurred = f"{folder}/{scene}/gt/gt_1.png", f"{folder}/{scene}/blur/blur_1.png"
            tree |= {truth: picture(1), blurred: picture(2)}
            tree[f"RealBlur_{camera}_{split}_list.txt"] = f"{truth} {blurred}\n".encode()
    return tree


def _rsblur():
    tree = {}
    for shot in ("0001/000001", "0002/000003"):
        for k, file in enumerate(
            ("real_blur/real_blur", "avg65_img/avg_blur", "avg65_mask_100/avg_blur", "gt/gt_sharp")
        ):
            tree[f"{shot}/{file}.png"] = picture(k)
    row = "RSBlur/0002/000003/gt/gt_sharp.png RSBlur/0002/000003/real_blur/real_blur.png\n"
    return tree | {"RSBlur_real_test.txt": row.encode()}


def _gyroblur_synth():
    tree = {"gyro_train.txt": gyro_rows(), "gyro_test.txt": gyro_rows()}
    for split in ("train", "test"):
        tree |= pairs(f"{split}/avg_blur", f"{split}/sharp")
        tree |= {f"{split}/sat_mask/{name}.png": picture(3) for name in ("000001", "000002")}
        tree[f"{split}/GyroBlur-Synth_{split}_starting_point.txt"] = b"3\n20\n"
    return tree


def _gyroblur_real():
    info = b"1040000000 100 60000000 3200.0 3200.0 2000.0 1333.0 0.0\n"
    return {"001/blurry.png": picture(1), "001/image_info.txt": info, "001/gyro.txt": gyro_rows()}


def _gyrovd():
    frame = "000001_1040000000_1040000000_1100000000"
    row = [1, 0, 170, 6e7, 1, 1, 1, 1, *np.eye(3).ravel(), 2800.0, 2801.0, 2021.0, 1541.0, 0.0]
    return {
        f"1029/VID_1/blur/{frame}_blur.png": picture(1),
        "1029/VID_1/meta_info/gyro.csv": gyro_rows(order="last"),
        "1029/VID_1/meta_info/cam_metainfo.csv": (",".join(map(str, row)) + "\n").encode(),
    }


def _stereo():
    folders = ("image_left", "image_left_blur_ga", "image_right", "image_right_blur_ga")
    tree = {f"train/HD720_1/{name}/0001.png": picture(k) for k, name in enumerate(folders)}
    return tree | {"train/HD720_1/disparity_left/0001.npy": npy_of(np.full((HEIGHT, WIDTH), 8, np.float32))}


def _deepgyro():
    rows = b"".join(b"4 %d 0.1 0.2 0.3\n" % (1_000_000_000 + k * 5_000_000) for k in range(60))
    return {"images/0001.png": picture(1), "images/images.txt": b"1000000000 20000000\n", "imu/imu.txt": rows}


def _npz(values):
    buffer = io.BytesIO()
    np.savez(buffer, values)
    return buffer.getvalue()


CALIB = b"cam0=[100.0 0 11.5; 0 100.0 7.5; 0 0 1]\nbaseline=200\ndoffs=2\nwidth=24\nheight=16\n"
POSE = b"0 0 0 0 0 0 1\n"
TREES = {
    "deepgyro_fields": {f"{name}/car.png": picture(k) for k, name in enumerate(("blurred", "blurx", "blury"))},
    "depth_imu": {
        "train/blurred/a.png": picture(1),
        "train/sharp/a.png": picture(2),
        "train/depth/a.png": depth_png(),
        "train/linear_kernel/a.png": picture(3),
        "train/linear_kernel/a.npy": npy_of(np.zeros((2, HEIGHT, WIDTH), np.float32)),
    },
    "gopro": _gopro(),
    "gyroblur_real": _gyroblur_real(),
    "gyroblur_synth": _gyroblur_synth(),
    "gyrovd": _gyrovd(),
    "images": {"a.png": picture(1), "deep/er/b.png": picture(2, 9, 33)},
    "imu_blur": {f"train/{name}/a.png": picture(k) for k, name in enumerate(("blur", "sharp", "cp", "ep"))},
    "imu_unet": {
        "test/blurred/a.png": picture(1),
        "test/sharp/a.png": picture(2),
        "test/vector_norm/a.npy": npy_of(np.zeros((3, HEIGHT, WIDTH), np.float32)),
    },
    "koehler": {"Blurry1_2.png": picture(1)}
    | {f"Image1/Kernel2/GroundTruth1_2_{n}.png": picture(n) for n in (1, 2, 3, 10)},
    "levin": {"im1_kernel2_img.png": picture(1), "gt/im1.png": picture(2), "gt/kernel2.png": picture(3, 5, 5)},
    "middlebury": {
        "Scene/im0.png": picture(1),
        "Scene/im1.png": picture(2),
        "Scene/disp0.pfm": pfm(np.full((HEIGHT, WIDTH), 8.0)),
        "Scene/calib.txt": CALIB,
    },
    "open3d_rgbd": {"color/00000.png": picture(1), "depth/00000.png": depth_png()},
    "photo_depth": {"x/1.png": picture(1), "x/1_depth.npy": npy_of(np.full((HEIGHT, WIDTH), 3, np.float32))},
    "realblur": _realblur(),
    "recordings": _deepgyro(),
    "rsblur": _rsblur(),
    "scenenet": {"train/0/7/photo/25.png": picture(1), "train/0/7/depth/25.png": depth_png()},
    "seven_scenes": {
        f"seq-{n:02d}/frame-000000.{kind}": content
        for n in (1, 2)
        for kind, content in (("color.png", picture(n)), ("depth.png", depth_png(65535)), ("pose.txt", b""))
    }
    | {"TrainSplit.txt": b"sequence1\n", "TestSplit.txt": b"sequence2\n"},
    "slambook": {"color/1.png": picture(1), "depth/1.png": depth_png(), "pose.txt": POSE},
    "stereo_blur": _stereo(),
    "tum_rgbd": {
        "rgb/1.00.png": picture(1),
        "depth/1.01.png": depth_png(5000),
        "rgb.txt": b"# stamp path\n1.00 rgb/1.00.png\n9.0 rgb/1.00.png\n",
        "depth.txt": b"1.01 depth/1.01.png\n",
    },
}


def write_tree(folder, tree):
    """Write {path: content} below a folder and return the folder."""
    for path, content in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
