// A^T: every tile of the sharp image collects what the blurred pixels scatter into it.
//
// The tile's owner walks over the blurred pixels that can reach it, pose by pose, with the very weights of the
// forward kernel, and drops what falls outside; nobody else writes there, so the sums do not depend on the
// number of threads. Pose by pose, because neighbouring poses hit overlapping unaligned vectors, and a load that
// overlaps a store still in flight stalls the core; rows of one pose never overlap that closely.
#pragma once

#include "forward.h"

namespace {

constexpr int kStride = gyro::kAdjointStride;
constexpr std::size_t kPlane = static_cast<std::size_t>(gyro::kAdjointStride) * gyro::kAdjointRows;
constexpr int kSpillRow = gyro::kAdjointHeight;  // collects contributions to rows of other tiles

struct Target {
    Tile tile;
    float* data;  // [channel][row][column]; column 0 is tile.x0 - kFringe
    int width, height;  // of the image
};

// Blurred pixels whose displacement lies in `d` and that may reach the tile. At the image border a tile also
// owns everything that clamping brings there.
GYRO_INLINE Rect reaching(const Target& t, Range d) {
    const Tile& a = t.tile;
    Rect r;
    r.x0 = a.x0 == 0 ? 0 : imax(0, a.x0 - 3 - floor_int(d.dx_max));
    r.x1 = a.x1 == t.width - 1 ? a.x1 : imin(t.width - 1, a.x1 + 1 - floor_int(d.dx_min));
    r.y0 = a.y0 == 0 ? 0 : imax(0, a.y0 - 3 - floor_int(d.dy_max));
    r.y1 = a.y1 == t.height - 1 ? a.y1 : imin(t.height - 1, a.y1 + 1 - floor_int(d.dy_min));
    return r;
}

GYRO_INLINE bool empty(Rect r) { return r.x0 > r.x1 || r.y0 > r.y1; }

// Start from the pose's overall range and tighten twice with the range found inside the previous answer.
inline Rect blurred_area(const gyro::Field& f, const Target& t, int pose) {
    const float* all = f.limits + 4 * static_cast<std::size_t>(pose);
    Rect r = reaching(t, {all[0], all[1], all[2], all[3]});
    for (int pass = 0; pass < 2 && !empty(r); ++pass)
        r = reaching(t, displacement_range(f, pose, r.y0, r.y1, r.x0 / gyro::kBlock, r.x1 / gyro::kBlock));
    if (empty(r)) return r;
    // Whole blocks, and a vector to the left: the shifted product of a row's first pixel reads pixel -1.
    r.x0 = r.x0 / gyro::kBlock * gyro::kBlock - gyro::kHalf;
    r.x1 = (r.x1 / gyro::kBlock + 1) * gyro::kBlock - 1;
    return r;
}

struct Drops {  // where each half's upper and lower left tap falls in the target
    alignas(64) int upper[2][kSegments];
    alignas(64) int lower[2][kSegments];
    alignas(64) int visible[2][kSegments];
};

GYRO_INLINE int target_row(const Target& t, int y) {
    const int row = clamp(y, 0, t.height - 1) - t.tile.y0;
    return (row >= 0 && row <= t.tile.y1 - t.tile.y0) ? row : kSpillRow;
}

GYRO_INLINE int target_column(const Target& t, int x) {
    return clamp(x, -gyro::kFringe, t.width - 1) - (t.tile.x0 - gyro::kFringe);
}

// Negative and too large columns in one unsigned comparison.
GYRO_INLINE bool column_visible(const Target& t, int column) {
    return static_cast<unsigned>(column) <= static_cast<unsigned>(t.tile.x1 - t.tile.x0 + gyro::kFringe);
}

GYRO_INLINE void place_drops(const Target& t, int x, int y, int count, const Segments& s, Drops& d) {
    for (int half = 0; half < 2; ++half) {
        const int *bx = s.base[0][half], *by = s.base[1][half];
        int *GYRO_RESTRICT upper = d.upper[half], *GYRO_RESTRICT lower = d.lower[half];
        int* GYRO_RESTRICT visible = d.visible[half];
        const int x_half = x + half * gyro::kHalf;
        for (int i = 0; i < count; ++i) {
            const int column = target_column(t, x_half + i * gyro::kBlock + bx[i]);
            const int row0 = target_row(t, y + by[i]), row1 = target_row(t, y + by[i] + 1);
            upper[i] = row0 * kStride + column;
            lower[i] = row1 * kStride + column;
            visible[i] = column_visible(t, column) & (imin(row0, row1) != kSpillRow);
        }
    }
}

struct Weights {  // of the four taps, per pixel of one half
    V w00[kVectors], w01[kVectors], w10[kVectors], w11[kVectors];
};

GYRO_INLINE Weights tap_weights(float weight, const Remainder& r) {
    Weights w;
    GYRO_UNROLL
    for (int v = 0; v < kVectors; ++v) {
        const V low = splat(weight) * r.y[v], high = splat(weight) - low;
        w.w01[v] = high * r.x[v];
        w.w00[v] = high - w.w01[v];
        w.w11[v] = low * r.x[v];
        w.w10[v] = low - w.w11[v];
    }
    return w;
}

// The right taps of a half end one pixel further right. That last product is carried to the next half, which
// usually continues where this one ends, instead of being written on its own.
struct Carry {
    V w01, w11;
    const float* pixel;  // the pixel whose products are pending; null when none are
    int upper, lower;    // where they belong
};

template <int C>
GYRO_INLINE void settle(Carry& carry, const Target& t, std::size_t plane) {
    if (!carry.pixel) return;
    for (int c = 0; c < C; ++c) {
        const float g = carry.pixel[c * plane];
        t.data[c * kPlane + carry.upper] += last_lane(carry.w01) * g;
        t.data[c * kPlane + carry.lower] += last_lane(carry.w11) * g;
    }
    carry.pixel = nullptr;
}

// Adds one half: target[k] += w(left tap)[k] g[k] + w(right tap)[k - 1] g[k - 1], upper row then lower row.
template <int C>
GYRO_INLINE void drop_half(const Weights& w, const float* g, std::size_t plane, int upper, int lower, const Target& t,
                           Carry& carry) {
    if (!(carry.pixel && carry.pixel == g - 1 && carry.upper == upper && carry.lower == lower)) {
        settle<C>(carry, t, plane);
        carry.w01 = carry.w11 = V{};
    }
    GYRO_UNROLL
    for (int v = 0; v < kVectors; ++v) {
        const V s01 = shift_in(v ? w.w01[v ? v - 1 : 0] : carry.w01, w.w01[v]);
        const V s11 = shift_in(v ? w.w11[v ? v - 1 : 0] : carry.w11, w.w11[v]);
        float *up = t.data + upper + v * kLanes, *down = t.data + lower + v * kLanes;
        const float* from = g + v * kLanes;
        GYRO_UNROLL
        for (int c = 0; c < C; ++c, up += kPlane, down += kPlane, from += plane) {
            const V here = load(from), before = load(from - 1);
            store(up, load(up) + w.w00[v] * here + s01 * before);
            store(down, load(down) + w.w10[v] * here + s11 * before);
        }
    }
    carry = {w.w01[kVectors - 1], w.w11[kVectors - 1], g + gyro::kHalf - 1, upper + gyro::kHalf,
             lower + gyro::kHalf};
}

// A half that crosses integers: once per integer offset, with the pixels of other offsets masked out.
template <int C>
inline void drop_crossing(const Segments& s, float weight, int half, int i, int x, int y, const float* g,
                          std::size_t plane, const Target& t, Carry& carry) {
    const Remainder f = remainder_of(s, half, i);
    const int span_x = s.span[0][half][i], span_y = s.span[1][half][i];
    for (int b = 0; b <= span_y; ++b) {
        const int y_tap = y + s.base[1][half][i] + b;
        const int row0 = target_row(t, y_tap), row1 = target_row(t, y_tap + 1);
        if (row0 == kSpillRow && row1 == kSpillRow) continue;
        for (int a = 0; a <= span_x; ++a) {
            const int column = target_column(t, x + s.base[0][half][i] + a);
            if (!column_visible(t, column)) continue;
            Remainder r;
            V chosen[kVectors];
            for (int v = 0; v < kVectors; ++v) {
                r.x[v] = f.x[v] - splat(static_cast<float>(a));
                r.y[v] = f.y[v] - splat(static_cast<float>(b));
                // The outermost offsets also take what rounding put a hair outside the range.
                VI in = (a == 0) | (r.x[v] >= splat(0.0f));
                in &= (a == span_x) | (r.x[v] < splat(1.0f));
                in &= (b == 0) | (r.y[v] >= splat(0.0f));
                in &= (b == span_y) | (r.y[v] < splat(1.0f));
                chosen[v] = select(in, splat(1.0f), splat(0.0f));
            }
            Weights w = tap_weights(weight, r);
            for (int v = 0; v < kVectors; ++v) {
                w.w00[v] *= chosen[v], w.w01[v] *= chosen[v];
                w.w10[v] *= chosen[v], w.w11[v] *= chosen[v];
            }
            drop_half<C>(w, g, plane, row0 * kStride + column, row1 * kStride + column, t, carry);
        }
    }
}

template <int C>
inline void drop_wild(const gyro::Image& image, const Segments& s, float weight, int half, int i, int x, int y,
                      const float* g, std::size_t plane, const Target& t) {
    for (int k = 0; k < gyro::kHalf; ++k) {
        const Corner at = corner_at(s, image, half, i, half * gyro::kHalf + k, x, y);
        const int rows[2] = {target_row(t, at.y0) * kStride, target_row(t, at.y1) * kStride};
        const int columns[2] = {target_column(t, at.x0), target_column(t, at.x1)};
        const float along_y[2] = {weight * (1 - at.fy), weight * at.fy}, along_x[2] = {1 - at.fx, at.fx};
        for (int b = 0; b < 2; ++b)
            for (int a = 0; a < 2; ++a) {
                if (!column_visible(t, columns[a])) continue;
                for (int c = 0; c < C; ++c)
                    t.data[c * kPlane + rows[b] + columns[a]] += along_y[b] * along_x[a] * g[c * plane + k];
            }
    }
}

// Blocks first..first+count-1 of blurred row y under one pose.
template <int C>
inline void scatter_row(const gyro::WarpJob& job, const Window& w, const Target& t, int pose, int y, int first,
                        int count) {
    Segments s;
    Drops d;
    const int padded = (count + 15) & ~15, x = first * gyro::kBlock;
    const float weight = job.field.weights[pose];
    fit_blocks(job.field, y, pose, first, padded, s);
    place_drops(t, x, y, padded, s, d);
    const float* g = w.data + static_cast<std::size_t>(y - w.area.y0) * w.stride + (x - w.area.x0);
    Carry carry{V{}, V{}, nullptr, 0, 0};
    for (int n = 0; n < 2 * count; ++n, g += gyro::kHalf) {
        const int i = n >> 1, half = n & 1, x_block = x + i * gyro::kBlock;
        if (s.kind[half][i] == kSimple) {
            if (d.visible[half][i])
                drop_half<C>(tap_weights(weight, remainder_of(s, half, i)), g, w.plane, d.upper[half][i],
                             d.lower[half][i], t, carry);
        } else if (s.kind[half][i] == kCrossing) {
            drop_crossing<C>(s, weight, half, i, x_block + half * gyro::kHalf, y, g, w.plane, t, carry);
        } else {
            drop_wild<C>(job.image, s, weight, half, i, x_block, y, g, w.plane, t);
        }
    }
    settle<C>(carry, t, w.plane);
}

template <int C>
inline void scatter_area(const gyro::WarpJob& job, const Window& w, const Target& t, int pose, Rect area) {
    const int b0 = (area.x0 + gyro::kHalf) / gyro::kBlock, b1 = area.x1 / gyro::kBlock;
    for (int y = area.y0; y <= area.y1; ++y)
        for (int b = b0; b <= b1; b += kSegments)
            scatter_row<C>(job, w, t, pose, y, b, imin(kSegments, b1 - b + 1));
}

// One pose whose blurred pixels do not fit a window: piece by piece.
template <int C>
inline void scatter_in_pieces(const gyro::WarpJob& job, const Target& t, int pose, Rect area, float* scratch) {
    const int width = kSegments * gyro::kBlock;
    const int height = gyro::kWindowPixels / row_stride(width + gyro::kHalf);
    for (int y = area.y0; y <= area.y1; y += height)
        for (int x = area.x0; x < area.x1; x += width) {
            const Rect piece{x, y, imin(x + width + gyro::kHalf - 1, area.x1), imin(y + height - 1, area.y1)};
            if (piece.width() <= gyro::kHalf) continue;  // only the spare vector is left
            scatter_area<C>(job, open_window<C, false>(job.image, piece, scratch), t, pose, piece);
        }
}

// Contributions clamped to the image's left and right border were collected in the fringe.
template <int C>
inline void fold_fringe(const Target& t) {
    const int rows = t.tile.y1 - t.tile.y0 + 1, left = gyro::kFringe, right = t.width - 1 - t.tile.x0 + left;
    for (int c = 0; c < C; ++c)
        for (int r = 0; r < rows; ++r) {
            float* row = t.data + c * kPlane + static_cast<std::size_t>(r) * kStride;
            if (t.tile.x0 == 0)
                for (int k = 0; k < left; ++k) row[left] += row[k];
            if (t.tile.x1 == t.width - 1)
                for (int k = 1; k <= gyro::kFringe; ++k) row[right] += row[right + k];
        }
}

template <int C>
inline void write_target(const Target& t, float* out) {
    for (int y = t.tile.y0; y <= t.tile.y1; ++y) {
        const float* from = t.data + static_cast<std::size_t>(y - t.tile.y0) * kStride + gyro::kFringe;
        float* GYRO_RESTRICT to = out + (static_cast<std::size_t>(y) * t.width + t.tile.x0) * C;
        for (int x = 0; x <= t.tile.x1 - t.tile.x0; ++x)
            for (int c = 0; c < C; ++c) to[x * C + c] = from[c * kPlane + x];
    }
}

template <int C>
inline void adjoint_tile(const gyro::WarpJob& job, int index, float* scratch) {
    const gyro::Field& f = job.field;
    float* window = scratch + (kPlane * C + 15) / 16 * 16;
    const Target t{tile_at(index, job.image.width, job.image.height, gyro::kAdjointWidth, gyro::kAdjointHeight),
                   scratch, job.image.width, job.image.height};
    std::memset(t.data, 0, sizeof(float) * kPlane * C);
    for (int first = 0, last; first < f.poses; first = last) {
        const Rect alone = blurred_area(f, t, first);
        last = first + 1;
        if (empty(alone)) continue;
        if (!fits(alone)) {
            scatter_in_pieces<C>(job, t, first, alone, window);
            continue;
        }
        Rect area = alone;
        for (; last < f.poses; ++last) {
            const Rect next = blurred_area(f, t, last);
            const Rect wider = empty(next) ? area : join(area, next);
            if (!fits(wider)) break;
            area = wider;
        }
        const Window w = open_window<C, false>(job.image, area, window);
        for (int pose = first; pose < last; ++pose) {
            const Rect own = blurred_area(f, t, pose);
            if (!empty(own)) scatter_area<C>(job, w, t, pose, own);
        }
    }
    fold_fringe<C>(t);
    write_target<C>(t, job.out);
}

}  // namespace
