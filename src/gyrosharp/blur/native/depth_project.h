// From reference pixels to targets under one pose.
//
// With a rolling shutter the pose belongs to the target's line, which is what is sought. Within one reference row the
// targets span few lines, so the pose is linear in the line there, and two fixed-point steps settle it: a step
// shrinks the error by the image speed in px per line, 0.01 or so.
#pragma once

#include "depth.h"
#include "simd.h"

namespace {

constexpr int kSlopeLines = 4;         // half the span of the central difference
constexpr float kLeastDepth = 1e-3f;   // of Z: below, the point is beside or behind the camera
constexpr float kFarAway = 1.0e6f;     // targets are clamped to this, so that they stay integers

struct RowPose {
    float t[gyro::kPoseFloats];  // at `line`
    float d[gyro::kPoseFloats];  // per line
    float line;
};

struct Target1 {
    float x, y, z;
};

GYRO_INLINE RowPose row_pose(const gyro::DepthField& f, int pose, int line) {
    RowPose p{};
    const float* table = f.tables + static_cast<std::size_t>(pose) * f.lines * gyro::kPoseFloats;
    const int at = f.lines == 1 ? 0 : clamp(line, 0, f.lines - 1);
    for (int k = 0; k < gyro::kPoseFloats; ++k) p.t[k] = table[at * gyro::kPoseFloats + k];
    p.line = static_cast<float>(at);
    if (f.lines == 1) return p;
    const int low = imax(at - kSlopeLines, 0), high = imin(at + kSlopeLines, f.lines - 1);
    const float scale = 1.0f / static_cast<float>(imax(high - low, 1));
    for (int k = 0; k < gyro::kPoseFloats; ++k)
        p.d[k] = (table[high * gyro::kPoseFloats + k] - table[low * gyro::kPoseFloats + k]) * scale;
    return p;
}

struct LensShift {
    float x, y;
};

GYRO_INLINE LensShift lens_shift(const gyro::Lens& lens, float x, float y) {
    const float gx = fmin2(fmax2((x - lens.x0) / lens.step, 0.0f), static_cast<float>(lens.cols - 1));
    const float gy = fmin2(fmax2((y - lens.y0) / lens.step, 0.0f), static_cast<float>(lens.rows - 1));
    const int ix = imin(static_cast<int>(gx), lens.cols - 2), iy = imin(static_cast<int>(gy), lens.rows - 2);
    const float fx = gx - static_cast<float>(ix), fy = gy - static_cast<float>(iy);
    const float* g = lens.grid + 2 * (static_cast<std::size_t>(iy) * lens.cols + ix);
    const float* h = g + 2 * static_cast<std::size_t>(lens.cols);
    const float top_x = g[0] + fx * (g[2] - g[0]), top_y = g[1] + fx * (g[3] - g[1]);
    const float low_x = h[0] + fx * (h[2] - h[0]), low_y = h[1] + fx * (h[3] - h[1]);
    return {top_x + fy * (low_x - top_x), top_y + fy * (low_y - top_y)};
}

// One pixel. (mx, my) is the image's middle plus, with a lens, the pixel's own correction.
GYRO_INLINE Target1 project_one(const gyro::DepthField& f, const RowPose& p, float u, float v, float q, float mx,
                                float my) {
    const float *t = p.t, *d = p.d;
    const float X = t[0] * u + t[1] * v + t[2] + t[9] * q, dX = d[0] * u + d[1] * v + d[2] + d[9] * q;
    const float Y = t[3] * u + t[4] * v + t[5] + t[10] * q, dY = d[3] * u + d[4] * v + d[5] + d[10] * q;
    const float Z = t[6] * u + t[7] * v + t[8] + t[11] * q, dZ = d[6] * u + d[7] * v + d[8] + d[11] * q;
    const int steps = f.lines == 1 ? 1 : 3;
    float x = 0, y = 0, z = 1, ahead = 0;
    for (int k = 0; k < steps; ++k) {
        z = Z + ahead * dZ;
        const float iz = 1.0f / (z > kLeastDepth ? z : 1.0f);
        x = (X + ahead * dX) * iz;
        y = (Y + ahead * dY) * iz;
        if (f.lens.grid) {
            const LensShift s = lens_shift(f.lens, x, y);
            x += s.x, y += s.y;
        }
        x += mx, y += my;
        ahead = fmin2(fmax2(y, -kFarAway), kFarAway) - p.line;
    }
    return {x, y, z};
}

GYRO_INLINE Target1 project_pixel(const gyro::DepthField& f, const RowPose& p, int row, int col, float q) {
    const std::size_t at = static_cast<std::size_t>(row) * f.cols + col;
    float mx = 0.5f * static_cast<float>(f.width - 1), my = 0.5f * static_cast<float>(f.height - 1);
    if (f.lens.grid) mx += f.lens.rest_x[at], my += f.lens.rest_y[at];
    return project_one(f, p, f.u[at], f.v[at], q, mx, my);
}

// The pose at the line where a reference pixel ends up.
GYRO_INLINE RowPose pose_near(const gyro::DepthField& f, int pose, int row, int col) {
    int line = row - f.pad;
    RowPose p = row_pose(f, pose, line);
    if (f.lines == 1) return p;
    for (int k = 0; k < 2; ++k) {
        const float y = project_pixel(f, p, row, col, f.q[static_cast<std::size_t>(row) * f.cols + col]).y;
        line = static_cast<int>(fmin2(fmax2(y, -kFarAway), kFarAway));
        p = row_pose(f, pose, line);
    }
    return p;
}

struct TargetRow {  // of one reference row, indexed by column
    float *x, *y, *key;
};

GYRO_INLINE void store_target(const TargetRow& to, int c, Target1 t, float q) {
    const bool seen = t.z > kLeastDepth;
    to.x[c] = seen ? fmin2(fmax2(t.x, -kFarAway), kFarAway) : -kFarAway;
    to.y[c] = seen ? fmin2(fmax2(t.y, -kFarAway), kFarAway) : -kFarAway;
    to.key[c] = q / (seen ? t.z : 1.0f);
}

GYRO_INLINE V at_least(V v, float low) { return select(v > splat(low), v, splat(low)); }
GYRO_INLINE V bounded(V v) {
    const V low = at_least(v, -kFarAway);
    return select(low < splat(kFarAway), low, splat(kFarAway));
}

// c[0] u + c[1] v + c[2] + b q, a row of A and an entry of b.
GYRO_INLINE V along(const float* c, float b, V u, V v, V q) {
    return splat(c[0]) * u + (splat(c[1]) * v + (splat(b) * q + splat(c[2])));
}

// Whole vectors: up to kLanes - 1 columns beyond c1 are computed too, from memory that is there but means nothing.
template <bool Rolling>
inline void project_pinhole(const gyro::DepthField& f, const RowPose& p, int row, int c0, int c1,
                            const TargetRow& to) {
    const std::size_t at = static_cast<std::size_t>(row) * f.cols;
    const RowPose r = p;
    const V mx = splat(0.5f * static_cast<float>(f.width - 1)), my = splat(0.5f * static_cast<float>(f.height - 1));
    for (int c = c0; c <= c1; c += kLanes) {
        const V u = load(f.u + at + c), v = load(f.v + at + c), q = load(f.q + at + c);
        V X = along(r.t, r.t[9], u, v, q), Y = along(r.t + 3, r.t[10], u, v, q), Z = along(r.t + 6, r.t[11], u, v, q);
        if (Rolling) {
            const V dX = along(r.d, r.d[9], u, v, q), dY = along(r.d + 3, r.d[10], u, v, q);
            const V dZ = along(r.d + 6, r.d[11], u, v, q), from = my - splat(r.line);
            const V first = Y / at_least(Z, kLeastDepth) + from;
            const V ahead = (Y + first * dY) / at_least(Z + first * dZ, kLeastDepth) + from;
            X += ahead * dX, Y += ahead * dY, Z += ahead * dZ;
        }
        const VI seen = Z > splat(kLeastDepth);
        const V iz = splat(1.0f) / select(seen, Z, splat(1.0f)), nowhere = splat(-kFarAway);
        store(to.x + c, select(seen, bounded(X * iz + mx), nowhere));
        store(to.y + c, select(seen, bounded(Y * iz + my), nowhere));
        store(to.key + c, q * iz);
    }
}

// Reference row `row`, columns c0..c1, under one pose.
inline void project_row(const gyro::DepthField& f, int pose, int row, int c0, int c1, const TargetRow& to) {
    const RowPose p = pose_near(f, pose, row, (c0 + c1) / 2);
    if (f.lens.grid) {
        for (int c = c0; c <= c1; ++c) {
            const float q = f.q[static_cast<std::size_t>(row) * f.cols + c];
            store_target(to, c, project_pixel(f, p, row, c, q), q);
        }
    } else if (f.lines == 1) {
        project_pinhole<false>(f, p, row, c0, c1, to);
    } else {
        project_pinhole<true>(f, p, row, c0, c1, to);
    }
}

// Bounds of where a block's pixels may go. At a fixed pixel the target moves along a line and monotonically in q, and
// over a block the motion is nearly affine: corners and both ends of q, plus a pixel, bound it.
inline gyro::Box block_box(const gyro::DepthField& f, int pose, int block_row, int block_col) {
    const int r0 = block_row * gyro::kDepthBlockHeight, r1 = imin(r0 + gyro::kDepthBlockHeight, f.rows) - 1;
    const int c0 = block_col * gyro::kDepthBlockWidth, c1 = imin(c0 + gyro::kDepthBlockWidth, f.cols) - 1;
    const gyro::DepthRange q = f.depths[static_cast<std::size_t>(block_row) * f.block_cols + block_col];
    const RowPose p = pose_near(f, pose, (r0 + r1) / 2, (c0 + c1) / 2);
    gyro::Box box{kFarAway, -kFarAway, kFarAway, -kFarAway};
    for (int k = 0; k < 8; ++k) {
        const Target1 t = project_pixel(f, p, k & 1 ? r1 : r0, k & 2 ? c1 : c0, k & 4 ? q.high : q.low);
        if (!(t.z > kLeastDepth)) return {-kFarAway, kFarAway, -kFarAway, kFarAway};
        box = {fmin2(box.x0, t.x), fmax2(box.x1, t.x), fmin2(box.y0, t.y), fmax2(box.y1, t.y)};
    }
    const float slack = 1.5f + 0.02f * fmax2(box.x1 - box.x0, box.y1 - box.y0);
    return {box.x0 - slack, box.x1 + slack, box.y0 - slack, box.y1 + slack};
}

inline void depth_boxes(const gyro::DepthField& f, int pose, gyro::Box* boxes) {
    for (int r = 0; r < f.block_rows; ++r)
        for (int c = 0; c < f.block_cols; ++c)
            boxes[(static_cast<std::size_t>(pose) * f.block_rows + r) * f.block_cols + c] = block_box(f, pose, r, c);
}

// Reference pixels (padded coordinates) that may reach a window of targets; empty when x0 > x1.
GYRO_INLINE gyro::Region sources_of(const gyro::DepthField& f, int pose, const gyro::Region& w) {
    gyro::Region s{f.cols, f.rows, -1, -1};
    const gyro::Box* box = f.boxes + static_cast<std::size_t>(pose) * f.block_rows * f.block_cols;
    for (int r = 0; r < f.block_rows; ++r)
        for (int c = 0; c < f.block_cols; ++c, ++box) {
            if (box->x1 < static_cast<float>(w.x0) || box->x0 > static_cast<float>(w.x1) ||
                box->y1 < static_cast<float>(w.y0) || box->y0 > static_cast<float>(w.y1))
                continue;
            s.x0 = imin(s.x0, c * gyro::kDepthBlockWidth);
            s.y0 = imin(s.y0, r * gyro::kDepthBlockHeight);
            s.x1 = imax(s.x1, imin((c + 1) * gyro::kDepthBlockWidth, f.cols) - 1);
            s.y1 = imax(s.y1, imin((r + 1) * gyro::kDepthBlockHeight, f.rows) - 1);
        }
    return s;
}

}  // namespace
