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

// Where a segment's four nodes lie: column c of node row r is at[r * row + c * column]; the next segment is one
// float further.
struct NodePatch {
    const float* at;
    std::size_t row, column;
    const float* weights;  // of the four node rows at this pixel row
};

GYRO_INLINE float node_value(const NodePatch& n, int column, int i) {
    const float* p = n.at + column * n.column + i;
    return n.weights[0] * p[0] + n.weights[1] * p[n.row] + n.weights[2] * p[2 * n.row] + n.weights[3] * p[3 * n.row];
}

// Lowest integer offset of a half and the integers crossed in it: the chord between its ends, widened by the
// largest sag a function with this second derivative can have over 15 pixels (15^2 / 8 |f''|).
GYRO_INLINE void integer_range(float c0, float c1, float c2, float c3, int half, int& low, int& span) {
    const float left = static_cast<float>(half * gyro::kHalf), right = left + gyro::kHalf - 1;
    const float p = ((c3 * left + c2) * left + c1) * left + c0;
    const float q = ((c3 * right + c2) * right + c1) * right + c0;
    const float bend = fmax2(std::fabs(2 * c2 + 6 * left * c3), std::fabs(2 * c2 + 6 * right * c3));
    const float sag = 15.0f * 15.0f / 8.0f * bend;
    low = floor_int(fmin2(p, q) - sag + kSnap);
    const int high = floor_int(fmax2(p, q) + sag - kSnap);
    span = high > low ? high - low : 0;
}

// Cubics through nodes at k = -32, 0, 32, 64, by differences (kinder to float32 than the raw Lagrange sum). One
// loop from nodes to offsets: everything in between stays in registers.
GYRO_INLINE void fit_axis(const NodePatch nodes, int axis, int count, Segments& GYRO_RESTRICT s) {
    const float step = 1.0f / gyro::kBlock;
    for (int i = 0; i < count; ++i) {
        const float n0 = node_value(nodes, 0, i), n1 = node_value(nodes, 1, i);
        const float n2 = node_value(nodes, 2, i), n3 = node_value(nodes, 3, i);
        const float d0 = n1 - n0, d1 = n2 - n1, d2 = n3 - n2;
        const float a2 = (d1 - d0) * 0.5f, a3 = (d2 - 2 * d1 + d0) * (1.0f / 6.0f);
        const float c1 = (d1 - a2 - a3) * step, c2 = a2 * (step * step), c3 = a3 * (step * step * step);
        int low0, low1, span0, span1;
        integer_range(n1, c1, c2, c3, 0, low0, span0);
        integer_range(n1, c1, c2, c3, 1, low1, span1);
        s.c1[axis][i] = c1;
        s.c2[axis][i] = c2;
        s.c3[axis][i] = c3;
        s.base[axis][0][i] = low0;
        s.base[axis][1][i] = low1;
        s.rest[axis][0][i] = n1 - static_cast<float>(low0);
        s.rest[axis][1][i] = n1 - static_cast<float>(low1);
        s.span[axis][0][i] = span0;
        s.span[axis][1][i] = span1;
    }
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

// Segments of block `block` of row y for `count` poses from `first` (both multiples of 16).
inline void fit_poses(const gyro::Field& f, int y, int block, int first, int count, Segments& s) {
    const std::size_t column = 2 * static_cast<std::size_t>(f.pose_pad), row = column * f.cols;
    const float* nodes = f.by_node + (y / f.step_y) * row + block * column + first;
    const float* weights = f.lagrange + 4 * (y % f.step_y);
    fit_axis({nodes, row, column, weights}, 0, count, s);
    fit_axis({nodes + f.pose_pad, row, column, weights}, 1, count, s);
    classify(count, s);
}

// Segments of `count` blocks (a multiple of 16) from `block` of row y under one pose.
inline void fit_blocks(const gyro::Field& f, int y, int pose, int block, int count, Segments& s) {
    const std::size_t row = f.col_pad, plane = static_cast<std::size_t>(f.rows) * row;
    const float* nodes = f.by_pose + 2 * static_cast<std::size_t>(pose) * plane + y / f.step_y * row + block;
    const float* weights = f.lagrange + 4 * (y % f.step_y);
    fit_axis({nodes, row, 1, weights}, 0, count, s);
    fit_axis({nodes + plane, row, 1, weights}, 1, count, s);
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
    // Four independent minima: compilers may not split a float reduction themselves.
    float lo[4], hi[4];
    for (int i = 0; i < 4; ++i) lo[i] = hi[i] = nodes[static_cast<std::size_t>(r0) * f.col_pad + c0 + i];
    for (int r = r0; r <= r1; ++r) {
        const float* row = nodes + static_cast<std::size_t>(r) * f.col_pad;
        for (int c = c0; c <= c1; c += 4) {
            const float* four = row + imin(c, c1 - 3);  // at least four columns; the last step may overlap
            for (int i = 0; i < 4; ++i) {
                lo[i] = fmin2(lo[i], four[i]);
                hi[i] = fmax2(hi[i], four[i]);
            }
        }
    }
    const float least = fmin2(fmin2(lo[0], lo[1]), fmin2(lo[2], lo[3]));
    const float most = fmax2(fmax2(hi[0], hi[1]), fmax2(hi[2], hi[3]));
    const float middle = 0.5f * (least + most), reach = 0.5f * (most - least) * 1.5625f + 1e-6f * std::fabs(middle);
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
