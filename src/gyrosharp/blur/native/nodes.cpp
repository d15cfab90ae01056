#include "nodes.h"

#include <algorithm>
#include <cmath>

namespace gyro {

namespace {

// Lagrange weights of nodes at -1, 0, 1, 2 for a row at t in [0, 1).
void lagrange(double t, float* w) {
    w[0] = static_cast<float>(-t * (t - 1) * (t - 2) / 6);
    w[1] = static_cast<float>((t + 1) * (t - 1) * (t - 2) / 2);
    w[2] = static_cast<float>(-(t + 1) * t * (t - 2) / 2);
    w[3] = static_cast<float>((t + 1) * t * (t - 1) / 6);
}

}  // namespace

NodeStore::NodeStore(const float* nodes, const float* weights, int poses, int rows, int cols, int step_y) {
    // 16: kernels load whole vectors of poses. 48: they fit blocks 16 at a time and read 16 columns beyond.
    const int pose_pad = (poses + 15) / 16 * 16, col_pad = (cols + 48 + 15) / 16 * 16;
    const std::size_t node_floats = static_cast<std::size_t>(rows) * cols * 2 * pose_pad;
    const std::size_t pose_floats = static_cast<std::size_t>(poses) * 2 * rows * col_pad;
    by_node_ = aligned_floats(node_floats);
    by_pose_ = aligned_floats(pose_floats);
    weights_ = aligned_floats(pose_pad);
    limits_ = aligned_floats(4 * static_cast<std::size_t>(poses));
    lagrange_ = aligned_floats(4 * static_cast<std::size_t>(step_y));
    if (pose_pad > poses) std::fill_n(by_node_.get(), node_floats, 0.0f);
    std::fill_n(by_pose_.get(), pose_floats, 0.0f);
    std::fill_n(weights_.get(), pose_pad, 0.0f);
    std::copy_n(weights, poses, weights_.get());
    for (int i = 0; i < step_y; ++i) lagrange(static_cast<double>(i) / step_y, lagrange_.get() + 4 * i);
    field_ = {poses,           rows,           cols,          step_y,          pose_pad,       col_pad,
              by_node_.get(), by_pose_.get(), weights_.get(), limits_.get(), lagrange_.get()};
    for (int pose = 0; pose < poses && ok_; ++pose)
        copy_pose(nodes + static_cast<std::size_t>(pose) * rows * cols * 2, pose);
}

void NodeStore::copy_pose(const float* nodes, int pose) {
    float low[2] = {nodes[0], nodes[1]}, high[2] = {nodes[0], nodes[1]};
    bool fine = true;
    const std::size_t plane = static_cast<std::size_t>(field_.rows) * field_.col_pad;
    float* planes = by_pose_.get() + 2 * plane * pose;
    for (int r = 0; r < field_.rows; ++r)
        for (int c = 0; c < field_.cols; ++c)
            for (int axis = 0; axis < 2; ++axis) {
                const float v = *nodes++;
                fine &= std::fabs(v) <= kMaxDisplacement;  // false for NaN
                low[axis] = std::min(low[axis], v);
                high[axis] = std::max(high[axis], v);
                planes[axis * plane + static_cast<std::size_t>(r) * field_.col_pad + c] = v;
                by_node_[((static_cast<std::size_t>(r) * field_.cols + c) * 2 + axis) * field_.pose_pad + pose] = v;
            }
    for (int axis = 0; axis < 2; ++axis) {  // cubic overshoot, as in displacement_range()
        const float middle = 0.5f * (low[axis] + high[axis]);
        const float reach = 0.5f * (high[axis] - low[axis]) * 1.5625f + 1e-6f * std::fabs(middle);
        limits_[4 * pose + 2 * axis] = middle - reach;
        limits_[4 * pose + 2 * axis + 1] = middle + reach;
    }
    ok_ = fine;
}

}  // namespace gyro
