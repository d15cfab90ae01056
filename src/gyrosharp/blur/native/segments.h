// From displacement nodes to cubic segments: one segment covers one 32-pixel block of one row under one pose.
//
//   d(k) = c0 + c1 k + c2 k^2 + c3 k^3,   k = 0..31 pixels from the block's left end, for both axes.
//
// Every 16-pixel half gets an integer offset `base` and, in place of c0, the remainder c0 - base. Forward and
// adjoint share this code, hence the same weights: that makes one the transpose of the other.
#pragma once

#include "simd.h"

namespace {

constexpr int kSegments = 64;  // poses (forward) or blocks (adjoint) fitted at once; a multiple of 16
constexpr int kMaxSpan = 6;    // integer crossings per half that the vector path takes; beyond, pixel by pixel

// The displacement may run past an integer by this much without being split there: bilinear interpolation is
// then extrapolated by 4e-6 px, far below float32 accuracy, and motion along one axis (dy = 0 plus rounding)
// keeps to the fast path.
constexpr float kSnap = 4e-6f;

enum Kind { kSimple = 0, kCrossing = 1, kWild = 2 };

struct Segments {
    alignas(64) float c1[2][kSegments];  // [axis][segment]
    alignas(64) float c2[2][kSegments];
    alignas(64) float c3[2][kSegments];
    alignas(64) float rest[2][2][kSegments];  // [axis][half]
    alignas(64) int base[2][2][kSegments];
    alignas(64) int span[2][2][kSegments];  // integers crossed inside the half
    alignas(64) int kind[2][kSegments];     // [half]
};

// Integer offset and span of one half: the chord between its ends, widened by the largest sag a function with
// this second derivative can have over 15 pixels (15^2 / 8 |f''|).
GYRO_INLINE void fit_half(const float* GYRO_RESTRICT c0, int axis, int half, int count, Segments& s) {
    const float left = static_cast<float>(half * gyro::kHalf), right = left + gyro::kHalf - 1;
    const float sag_scale = 15.0f * 15.0f / 8.0f;
    const float *c1 = s.c1[axis], *c2 = s.c2[axis], *c3 = s.c3[axis];
    float* GYRO_RESTRICT rest = s.rest[axis][half];
    int* GYRO_RESTRICT base = s.base[axis][half];
    int* GYRO_RESTRICT span = s.span[axis][half];
    for (int i = 0; i < count; ++i) {
        const float p = ((c3[i] * left + c2[i]) * left + c1[i]) * left + c0[i];
        const float q = ((c3[i] * right + c2[i]) * right + c1[i]) * right + c0[i];
        const float bend_p = std::fabs(2 * c2[i] + 6 * left * c3[i]);
        const float bend_q = std::fabs(2 * c2[i] + 6 * right * c3[i]);
        const float sag = sag_scale * fmax2(bend_p, bend_q);
        const int low = floor_int(fmin2(p, q) - sag + kSnap);
        const int high = floor_int(fmax2(p, q) + sag - kSnap);
        base[i] = low;
        span[i] = high > low ? high - low : 0;
        rest[i] = c0[i] - static_cast<float>(low);
    }
}

// Cubic through nodes at k = -32, 0, 32, 64, by differences (kinder to float32 than the raw Lagrange sum).
GYRO_INLINE void fit_axis(const float* GYRO_RESTRICT n0, const float* GYRO_RESTRICT n1,
                          const float* GYRO_RESTRICT n2, const float* GYRO_RESTRICT n3, int axis, int count,
                          Segments& s) {
    const float step = 1.0f / gyro::kBlock;
    float *c1 = s.c1[axis], *c2 = s.c2[axis], *c3 = s.c3[axis];
    for (int i = 0; i < count; ++i) {
        const float d0 = n1[i] - n0[i], d1 = n2[i] - n1[i], d2 = n3[i] - n2[i];
        const float a2 = (d1 - d0) * 0.5f;
        const float a3 = (d2 - 2 * d1 + d0) * (1.0f / 6.0f);
        c1[i] = (d1 - a2 - a3) * step;
        c2[i] = a2 * (step * step);
        c3[i] = a3 * (step * step * step);
    }
    fit_half(n1, axis, 0, count, s);
    fit_half(n1, axis, 1, count, s);
}

GYRO_INLINE void classify(int count, Segments& s) {
    for (int half = 0; half < 2; ++half) {
        const int *sx = s.span[0][half], *sy = s.span[1][half];
        int* GYRO_RESTRICT kind = s.kind[half];
        for (int i = 0; i < count; ++i) {
            const int widest = sx[i] > sy[i] ? sx[i] : sy[i];
            kind[i] = (widest > 0) + (widest > kMaxSpan);
        }
    }
}

// Values of one axis at row y: `count` numbers at `at`, mixed from four node rows `pitch` floats apart.
GYRO_INLINE void mix_rows(const float* GYRO_RESTRICT at, std::size_t pitch, const float* GYRO_RESTRICT weights,
                          int count, float* GYRO_RESTRICT line) {
    const float w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3];
    for (int i = 0; i < count; ++i)
        line[i] = w0 * at[i] + w1 * at[i + pitch] + w2 * at[i + 2 * pitch] + w3 * at[i + 3 * pitch];
}

// Segments of block `block` of row y for `count` poses from `first` (both multiples of 16).
inline void fit_poses(const gyro::Field& f, int y, int block, int first, int count, Segments& s) {
    alignas(64) float line[4][kSegments];
    const std::size_t column = 2 * static_cast<std::size_t>(f.pose_pad), pitch = column * f.cols;
    const float* nodes = f.by_node + (y / f.step_y) * pitch + block * column + first;
    const float* weights = f.lagrange + 4 * (y % f.step_y);
    for (int axis = 0; axis < 2; ++axis) {
        for (int c = 0; c < 4; ++c)
            mix_rows(nodes + c * column + static_cast<std::size_t>(axis) * f.pose_pad, pitch, weights, count,
                     line[c]);
        fit_axis(line[0], line[1], line[2], line[3], axis, count, s);
    }
    classify(count, s);
}

// Segments of `count` blocks (a multiple of 16) from `block` of row y under one pose.
inline void fit_blocks(const gyro::Field& f, int y, int pose, int block, int count, Segments& s) {
    alignas(64) float line[kSegments + 16];
    const float* weights = f.lagrange + 4 * (y % f.step_y);
    for (int axis = 0; axis < 2; ++axis) {
        const std::size_t plane = static_cast<std::size_t>(f.rows) * f.col_pad;
        const float* nodes = f.by_pose + (2 * static_cast<std::size_t>(pose) + axis) * plane +
                             static_cast<std::size_t>(y / f.step_y) * f.col_pad + block;
        mix_rows(nodes, f.col_pad, weights, count + 16, line);
        fit_axis(line, line + 1, line + 2, line + 3, axis, count, s);
    }
    classify(count, s);
}

struct Range {
    float dx_min, dx_max, dy_min, dy_max;
};

// Bounds of one axis over node rows r0..r1, columns c0..c1. Between nodes a cubic Lagrange interpolant leaves
// the nodes' range by at most the Lebesgue constant: 1.25 per axis, 1.5625 for the product.
GYRO_INLINE void axis_range(const gyro::Field& f, int pose, int axis, int r0, int r1, int c0, int c1, float* low,
                            float* high) {
    const std::size_t plane = static_cast<std::size_t>(f.rows) * f.col_pad;
    const float* nodes = f.by_pose + (2 * static_cast<std::size_t>(pose) + axis) * plane;
    float lo = nodes[static_cast<std::size_t>(r0) * f.col_pad + c0], hi = lo;
    for (int r = r0; r <= r1; ++r) {
        const float* row = nodes + static_cast<std::size_t>(r) * f.col_pad;
        for (int c = c0; c <= c1; ++c) {
            lo = fmin2(lo, row[c]);
            hi = fmax2(hi, row[c]);
        }
    }
    const float middle = 0.5f * (lo + hi), reach = 0.5f * (hi - lo) * 1.5625f + 1e-6f * std::fabs(middle);
    *low = middle - reach;
    *high = middle + reach;
}

// Displacement bounds over pixel rows y0..y1 (inclusive) and blocks b0..b1 (inclusive).
inline Range displacement_range(const gyro::Field& f, int pose, int y0, int y1, int b0, int b1) {
    Range r;
    const int r0 = y0 / f.step_y, r1 = y1 / f.step_y + 3;
    axis_range(f, pose, 0, r0, r1, b0, b1 + 3, &r.dx_min, &r.dx_max);
    axis_range(f, pose, 1, r0, r1, b0, b1 + 3, &r.dy_min, &r.dy_max);
    return r;
}

}  // namespace
