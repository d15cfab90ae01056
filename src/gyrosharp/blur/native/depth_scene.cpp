#include "depth_scene.h"

#include <algorithm>
#include <cmath>

#include "dispatch.h"
#include "parallel.h"

namespace gyro {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kMostHalo = 64;
constexpr float kMostRay = 1.0e6f;  // px, and the largest entry of any table

std::vector<float> finite_copy(const FloatArray& array, const char* name) {
    std::size_t count = 1;
    for (std::size_t s : array.shape()) count *= s;
    std::vector<float> copy(array.data(), array.data() + count);
    bool sound = true;
    for (float value : copy) sound &= std::fabs(value) <= kMostRay;
    require(sound, std::string(name) + " must be finite and at most 1e6 in magnitude");
    return copy;
}

DepthRange depths_of_block(const DepthField& f, int block_row, int block_col) {
    const int r0 = block_row * kDepthBlockHeight, r1 = std::min(r0 + kDepthBlockHeight, f.rows);
    const int c0 = block_col * kDepthBlockWidth, c1 = std::min(c0 + kDepthBlockWidth, f.cols);
    DepthRange range{kMostRay, 0.0f};
    for (int r = r0; r < r1; ++r) {
        const float* q = f.q + static_cast<std::size_t>(r) * f.cols;
        for (int c = c0; c < c1; ++c)
            range = {std::min(range.low, q[c]), std::max(range.high, q[c])};
    }
    return range;
}

}  // namespace

DepthScene::DepthScene(nb::handle rays, nb::handle pad, nb::handle poses, nb::handle weights, nb::handle halo,
                       nb::handle same, nb::handle lens, nb::handle lens_frame, nb::handle fill,
                       nb::handle threads_) {
    take_rays(rays, pad, !lens.is_none());
    take_poses(poses, weights, halo);
    if (!lens.is_none()) take_lens(lens, lens_frame);
    const FloatArray limits(same, "same", 1);
    require_shape(limits, "same", {2});
    const std::vector<float> values = finite_copy(limits, "same");
    require(values[0] >= 0 && values[1] >= 0, "same must be >= 0");
    field_.same_abs = values[0], field_.same_rel = values[1];
    require(PyBool_Check(fill.ptr()), "fill must be a bool");
    field_.fill = fill.ptr() == Py_True;
    const int threads = integer(threads_, "threads", 1, kMaxThreads);
    nb::gil_scoped_release release;
    connect();
    bound(threads);
}

void DepthScene::take_rays(nb::handle rays, nb::handle pad, bool lens) {
    const FloatArray array(rays, "rays", 3);
    const std::size_t planes = lens ? 5 : 3;
    require(array.size(0) == planes, "rays must have " + std::to_string(planes) + " planes, got shape " +
                                         text(array.shape()));
    require(array.size(1) <= 1u << 16 && array.size(2) <= 1u << 16 && array.size(1) * array.size(2) < 1u << 30,
            "rays must have at most 65536 rows and columns and 2^30 pixels, got shape " + text(array.shape()));
    field_.rows = static_cast<int>(array.size(1)), field_.cols = static_cast<int>(array.size(2));
    field_.pad = integer(pad, "pad", 0, 1 << 15);
    field_.height = field_.rows - 2 * field_.pad, field_.width = field_.cols - 2 * field_.pad;
    require(field_.height >= 1 && field_.width >= 1, "pad must leave an image, got rays of shape " +
                                                         text(array.shape()));
    rays_ = finite_copy(array, "rays");
    rays_.resize(rays_.size() + kAlign);
    const std::size_t plane = array.size(1) * array.size(2);
    field_.u = rays_.data(), field_.v = field_.u + plane, field_.q = field_.v + plane;
    bool positive = true;
    for (std::size_t i = 0; i < plane; ++i) positive &= field_.q[i] >= 0;
    require(positive, "rays must have inverse depths >= 0");
    if (lens) field_.lens.rest_x = field_.q + plane, field_.lens.rest_y = field_.lens.rest_x + plane;
}

void DepthScene::take_poses(nb::handle poses, nb::handle weights, nb::handle halo) {
    const FloatArray table(poses, "poses", 3), share(weights, "weights", 1), reach(halo, "halo", 1);
    const std::size_t lines = table.size(1);
    require(table.size(0) >= 1 && table.size(0) <= 65536 && table.size(2) == kPoseFloats &&
                (lines == 1 || lines == static_cast<std::size_t>(field_.height)),
            "poses must have shape (N, 1 or " + std::to_string(field_.height) + ", 12), got " + text(table.shape()));
    require_shape(share, "weights", {table.size(0)});
    require_shape(reach, "halo", {table.size(0)});
    tables_ = finite_copy(table, "poses");
    weights_ = finite_copy(share, "weights");
    for (float h : finite_copy(reach, "halo")) {
        require(h >= 0, "halo must be >= 0");
        halo_.push_back(static_cast<int>(std::min(h, static_cast<float>(kMostHalo))));
        largest_halo_ = std::max(largest_halo_, halo_.back());
    }
    field_.poses = static_cast<int>(table.size(0)), field_.lines = static_cast<int>(lines);
    field_.tables = tables_.data(), field_.weights = weights_.data(), field_.halo = halo_.data();
}

void DepthScene::take_lens(nb::handle lens, nb::handle frame) {
    const FloatArray grid(lens, "lens", 3), corner(frame, "lens_frame", 1);
    require(grid.size(0) >= 2 && grid.size(1) >= 2 && grid.size(2) == 2 && grid.size(0) <= 1u << 15 &&
                grid.size(1) <= 1u << 15,
            "lens must have shape (2 or more, 2 or more, 2), got " + text(grid.shape()));
    require_shape(corner, "lens_frame", {3});
    lens_ = finite_copy(grid, "lens");
    const std::vector<float> place = finite_copy(corner, "lens_frame");
    require(place[2] > 0, "lens_frame must have a step > 0");
    Lens& l = field_.lens;
    l.grid = lens_.data(), l.rows = static_cast<int>(grid.size(0)), l.cols = static_cast<int>(grid.size(1));
    l.x0 = place[0], l.y0 = place[1], l.step = place[2];
}

// Which of its eight neighbours lie on the same surface as a pixel.
void DepthScene::connect() {
    constexpr int dx[8] = {-1, 1, 0, 0, -1, 1, -1, 1}, dy[8] = {0, 0, -1, 1, -1, -1, 1, 1};
    const int rows = field_.rows, cols = field_.cols;
    same_.assign(static_cast<std::size_t>(rows) * cols + kAlign, 0);
    for (int k = 0; k < 8; ++k)
        for (int r = std::max(0, -dy[k]); r < std::min(rows, rows - dy[k]); ++r) {
            const float* here = field_.q + static_cast<std::size_t>(r) * cols;
            const float* there = here + static_cast<std::ptrdiff_t>(dy[k]) * cols + dx[k];
            int* bits = same_.data() + static_cast<std::size_t>(r) * cols;
            const float absolute = field_.same_abs, relative = field_.same_rel;
            for (int c = std::max(0, -dx[k]); c < std::min(cols, cols - dx[k]); ++c) {
                const float step = std::fabs(here[c] - there[c]), larger = std::max(here[c], there[c]);
                bits[c] |= static_cast<int>(step <= absolute || step <= relative * larger) << k;
            }
        }
    field_.same = same_.data();
}

void DepthScene::bound(int threads) {
    field_.block_cols = (field_.cols + kDepthBlockWidth - 1) / kDepthBlockWidth;
    field_.block_rows = (field_.rows + kDepthBlockHeight - 1) / kDepthBlockHeight;
    boxes_.resize(static_cast<std::size_t>(field_.poses) * field_.block_cols * field_.block_rows);
    field_.boxes = boxes_.data();
    for (int r = 0; r < field_.block_rows; ++r)
        for (int c = 0; c < field_.block_cols; ++c) depths_.push_back(depths_of_block(field_, r, c));
    field_.depths = depths_.data();
    const auto run = kernels().depth_boxes;
    parallel_for(field_.poses, threads, 0, [&](int pose, float*) { run(field_, pose, boxes_.data()); });
}

}  // namespace gyro
