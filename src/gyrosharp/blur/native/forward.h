// B(x) = sum_j w_j I(x + d_j(x)): one output tile at a time, all poses per 32-pixel block in registers.
#pragma once

#include "window.h"

namespace {

struct Tile {
    int x0, y0, x1, y1;  // inclusive
};

GYRO_INLINE Tile tile_at(int index, int width, int height, int tile_width, int tile_height) {
    const int across = (width + tile_width - 1) / tile_width;
    const int x0 = index % across * tile_width, y0 = index / across * tile_height;
    return {x0, y0, imin(x0 + tile_width, width) - 1, imin(y0 + tile_height, height) - 1};
}

// What a tile reads of the source under one pose, with clamping applied; one pixel of slack for rounding.
inline Rect source_area(const gyro::Field& f, const gyro::Image& image, Tile t, int pose) {
    const int b0 = t.x0 / gyro::kBlock, b1 = t.x1 / gyro::kBlock;
    const Range d = displacement_range(f, pose, t.y0, t.y1, b0, b1);
    const int right = (b1 + 1) * gyro::kBlock - 1;
    Rect r;
    r.x0 = clamp(t.x0 + floor_int(d.dx_min) - 1, -gyro::kFringe, image.width - 1);
    r.x1 = clamp(right + floor_int(d.dx_max) + 2, r.x0 + gyro::kHalf, image.width + gyro::kFringe - 1);
    r.x1 = imax(r.x1, r.x0 + gyro::kHalf);
    r.y0 = clamp(t.y0 + floor_int(d.dy_min) - 1, 0, image.height - 1);
    r.y1 = clamp(t.y1 + floor_int(d.dy_max) + 2, 0, image.height - 1);
    return r;
}

struct Taps {  // window offsets of the upper and lower left tap of every segment's half
    alignas(64) int upper[2][kSegments];
    alignas(64) int lower[2][kSegments];
};

// Clamping to the window is the border rule (the window ends at the image's fringe) and the memory guard in one.
GYRO_INLINE void place_taps(const Window& w, int x, int y, int count, const Segments& s, Taps& taps) {
    const int last_x = w.area.x1 - gyro::kHalf;
    for (int half = 0; half < 2; ++half) {
        const int *bx = s.base[0][half], *by = s.base[1][half];
        int *GYRO_RESTRICT upper = taps.upper[half], *GYRO_RESTRICT lower = taps.lower[half];
        const int x_half = x + half * gyro::kHalf;
        for (int i = 0; i < count; ++i) {
            const int column = clamp(x_half + bx[i], w.area.x0, last_x) - w.area.x0;
            const int row0 = clamp(y + by[i], w.area.y0, w.area.y1) - w.area.y0;
            const int row1 = clamp(y + by[i] + 1, w.area.y0, w.area.y1) - w.area.y0;
            upper[i] = row0 * w.stride + column;
            lower[i] = row1 * w.stride + column;
        }
    }
}

template <int C>
struct Sums {  // one block of output
    alignas(64) float value[C][gyro::kBlock];
};

// Poses of `list` whose halves First..First+Halves-1 each have one integer offset: four contiguous taps.
template <int C, int First, int Halves>
inline void add_simple(const Window& w, const Segments& s, const Taps& taps, const float* weights, const int* list,
                       int count, Sums<C>& sums) {
    constexpr int kAll = Halves * kVectors;
    V acc[kAll][C], k[kAll];
    GYRO_UNROLL
    for (int v = 0; v < kAll; ++v) {
        k[v] = lane_numbers() + splat(static_cast<float>(First * gyro::kHalf + v * kLanes));
        for (int c = 0; c < C; ++c) acc[v][c] = load(&sums.value[c][First * gyro::kHalf + v * kLanes]);
    }
    for (int n = 0; n < count; ++n) {
        const int j = list[n];
        const V x1 = splat(s.c1[0][j]), x2 = splat(s.c2[0][j]), x3 = splat(s.c3[0][j]);
        const V y1 = splat(s.c1[1][j]), y2 = splat(s.c2[1][j]), y3 = splat(s.c3[1][j]);
        const V weight = splat(weights[j]);
        GYRO_UNROLL
        for (int v = 0; v < kAll; ++v) {
            const int half = First + v / kVectors, lane = v % kVectors * kLanes;
            const V fx = ((x3 * k[v] + x2) * k[v] + x1) * k[v] + splat(s.rest[0][half][j]);
            const V fy = ((y3 * k[v] + y2) * k[v] + y1) * k[v] + splat(s.rest[1][half][j]);
            const V low = weight * fy, high = weight - low;
            const V w01 = high * fx, w00 = high - w01, w11 = low * fx, w10 = low - w11;
            const float* p = w.data + taps.upper[half][j] + lane;
            const float* q = w.data + taps.lower[half][j] + lane;
            GYRO_UNROLL
            for (int c = 0; c < C; ++c, p += w.plane, q += w.plane)  // summed as a tree: a chain of four is 5 % slower
                acc[v][c] += w00 * load(p) + w01 * load(p + 1) + (w10 * load(q) + w11 * load(q + 1));
        }
    }
    GYRO_UNROLL
    for (int v = 0; v < kAll; ++v)
        for (int c = 0; c < C; ++c) store(&sums.value[c][First * gyro::kHalf + v * kLanes], acc[v][c]);
}

struct Remainder {  // displacement minus `base` over one half
    V x[kVectors], y[kVectors];
};

GYRO_INLINE Remainder remainder_of(const Segments& s, int half, int j) {
    Remainder r;
    GYRO_UNROLL
    for (int v = 0; v < kVectors; ++v) {
        const V k = lane_numbers() + splat(static_cast<float>(half * gyro::kHalf + v * kLanes));
        r.x[v] = ((splat(s.c3[0][j]) * k + splat(s.c2[0][j])) * k + splat(s.c1[0][j])) * k + splat(s.rest[0][half][j]);
        r.y[v] = ((splat(s.c3[1][j]) * k + splat(s.c2[1][j])) * k + splat(s.c1[1][j])) * k + splat(s.rest[1][half][j]);
    }
    return r;
}

// A half that crosses integers (span_x and span_y of them): every candidate offset, weighted by the product of tents.
template <int C>
GYRO_INLINE void add_tents(const Window& w, const Segments& s, float weight, int half, int j, int x, int y,
                           int span_x, int span_y, Sums<C>& sums) {
    const Remainder f = remainder_of(s, half, j);
    V acc[kVectors][C];
    for (int v = 0; v < kVectors; ++v)
        for (int c = 0; c < C; ++c) acc[v][c] = load(&sums.value[c][half * gyro::kHalf + v * kLanes]);
    const int x_first = x + half * gyro::kHalf + s.base[0][half][j], y_first = y + s.base[1][half][j];
    GYRO_UNROLL
    for (int b = 0; b <= span_y + 1; ++b) {
        const int row = clamp(y_first + b, w.area.y0, w.area.y1) - w.area.y0;
        const float* from = w.data + static_cast<std::size_t>(row) * w.stride;
        GYRO_UNROLL
        for (int a = 0; a <= span_x + 1; ++a) {
            const float* p = from + (clamp(x_first + a, w.area.x0, w.area.x1 - gyro::kHalf) - w.area.x0);
            for (int v = 0; v < kVectors; ++v) {
                const V both = splat(weight) * tent(f.y[v] - splat(static_cast<float>(b))) *
                               tent(f.x[v] - splat(static_cast<float>(a)));
                for (int c = 0; c < C; ++c) acc[v][c] += both * load(p + c * w.plane + v * kLanes);
            }
        }
    }
    for (int v = 0; v < kVectors; ++v)
        for (int c = 0; c < C; ++c) store(&sums.value[c][half * gyro::kHalf + v * kLanes], acc[v][c]);
}

// Nearly all crossings are of one integer on one axis: with constant spans the loops unroll.
template <int C>
inline void add_crossing(const Window& w, const Segments& s, float weight, int half, int j, int x, int y,
                         Sums<C>& sums) {
    const int span_x = s.span[0][half][j], span_y = s.span[1][half][j];
    if (span_x == 0 && span_y == 1) return add_tents<C>(w, s, weight, half, j, x, y, 0, 1, sums);
    if (span_x == 1 && span_y == 0) return add_tents<C>(w, s, weight, half, j, x, y, 1, 0, sums);
    add_tents<C>(w, s, weight, half, j, x, y, span_x, span_y, sums);
}

struct Corner {  // the four clamped taps of one pixel
    int x0, x1, y0, y1;
    float fx, fy;
};

// Whole part and rest are split exactly as `base` and `rest` are, so far displacements keep their accuracy.
GYRO_INLINE Corner corner_at(const Segments& s, const gyro::Image& image, int half, int j, int k, int x, int y) {
    const float t = static_cast<float>(k);
    const float dx = ((s.c3[0][j] * t + s.c2[0][j]) * t + s.c1[0][j]) * t + s.rest[0][half][j];
    const float dy = ((s.c3[1][j] * t + s.c2[1][j]) * t + s.c1[1][j]) * t + s.rest[1][half][j];
    const int ix = floor_int(dx), iy = floor_int(dy);
    const int sx = x + k + s.base[0][half][j] + ix, sy = y + s.base[1][half][j] + iy;
    return {clamp(sx, 0, image.width - 1),  clamp(sx + 1, 0, image.width - 1),
            clamp(sy, 0, image.height - 1), clamp(sy + 1, 0, image.height - 1),
            dx - static_cast<float>(ix),    dy - static_cast<float>(iy)};
}

// A half with a field too rough for vectors (or too far apart for a window): pixel by pixel from the image.
template <int C>
inline void add_wild(const gyro::Image& image, const Segments& s, float weight, int half, int j, int x, int y,
                     Sums<C>& sums) {
    for (int k = half * gyro::kHalf; k < (half + 1) * gyro::kHalf; ++k) {
        const Corner at = corner_at(s, image, half, j, k, x, y);
        const float* upper = image.data + static_cast<std::size_t>(at.y0) * image.width * C;
        const float* lower = image.data + static_cast<std::size_t>(at.y1) * image.width * C;
        const std::size_t left = static_cast<std::size_t>(at.x0) * C, right = static_cast<std::size_t>(at.x1) * C;
        for (int c = 0; c < C; ++c) {
            const float top = upper[left + c] + at.fx * (upper[right + c] - upper[left + c]);
            const float bottom = lower[left + c] + at.fx * (lower[right + c] - lower[left + c]);
            sums.value[c][k] += weight * (top + at.fy * (bottom - top));
        }
    }
}

struct Lists {
    int both[kSegments], single[2][kSegments], other[2][kSegments];
    int both_count, single_count[2], other_count[2];
};

// Sorts poses by path: both halves simple, one half simple, else. Appending is unconditional and only the counter
// decides: no mispredicted branches.
GYRO_INLINE void sort_poses(const Segments& s, int first, int last, bool pairs, Lists& l) {
    int rest[kSegments], rest_count = 0;
    l.both_count = 0;
    for (int j = first; j < last; ++j) {
        const bool both = pairs && (s.kind[0][j] | s.kind[1][j]) == kSimple;
        l.both[l.both_count] = rest[rest_count] = j;
        l.both_count += both;
        rest_count += !both;
    }
    for (int half = 0; half < 2; ++half) {
        l.single_count[half] = l.other_count[half] = 0;
        for (int n = 0; n < rest_count; ++n) {
            const bool simple = s.kind[half][rest[n]] == kSimple;
            l.single[half][l.single_count[half]] = l.other[half][l.other_count[half]] = rest[n];
            l.single_count[half] += simple;
            l.other_count[half] += !simple;
        }
    }
}

// With 32 registers both halves go side by side (the coefficients are loaded once); with 16 they would spill.
constexpr bool kPairs = kLanes == 16;

template <int C>
inline void add_block(const gyro::WarpJob& job, const Window& w, const Segments& s, int first, int last, int origin,
                      int x, int y, Sums<C>& sums) {
    Taps taps;
    Lists l;
    const float* weights = job.field.weights + origin;
    place_taps(w, x, y, (last + 15) & ~15, s, taps);
    sort_poses(s, first, last, kPairs, l);
    if (l.both_count) add_simple<C, 0, 2>(w, s, taps, weights, l.both, l.both_count, sums);
    if (l.single_count[0]) add_simple<C, 0, 1>(w, s, taps, weights, l.single[0], l.single_count[0], sums);
    if (l.single_count[1]) add_simple<C, 1, 1>(w, s, taps, weights, l.single[1], l.single_count[1], sums);
    for (int half = 0; half < 2; ++half)
        for (int n = 0; n < l.other_count[half]; ++n) {
            const int j = l.other[half][n];
            if (s.kind[half][j] == kCrossing)
                add_crossing<C>(w, s, weights[j], half, j, x, y, sums);
            else
                add_wild<C>(job.image, s, weights[j], half, j, x, y, sums);
        }
}

template <int C>
GYRO_INLINE void clear_sums(Sums<C>& sums) {
    for (int c = 0; c < C; ++c)
        for (int k = 0; k < gyro::kBlock; k += kLanes) store(&sums.value[c][k], V{});
}

template <int C>
GYRO_INLINE void read_sums(const float* out, int count, Sums<C>& sums) {
    for (int c = 0; c < C; ++c)
        for (int k = 0; k < gyro::kBlock; ++k) sums.value[c][k] = k < count ? out[k * C + c] : 0.0f;
}

template <int C>
GYRO_INLINE void write_sums(const Sums<C>& sums, int count, float* GYRO_RESTRICT out) {
    if (count == gyro::kBlock) {
        for (int k = 0; k < gyro::kBlock; ++k)
            for (int c = 0; c < C; ++c) out[k * C + c] = sums.value[c][k];
        return;
    }
    for (int k = 0; k < count; ++k)
        for (int c = 0; c < C; ++c) out[k * C + c] = sums.value[c][k];
}

// Poses first..last-1 over the tile; block columns outermost, so that a block's source stays in the first cache.
template <int C>
inline void add_poses(const gyro::WarpJob& job, Tile t, const Window& w, bool wild, int first, int last) {
    const int origin = first & ~15, count = (last - origin + 15) & ~15;
    Segments s;
    Sums<C> sums;
    for (int x = t.x0; x <= t.x1; x += gyro::kBlock) {
        const int visible = imin(gyro::kBlock, t.x1 - x + 1);
        for (int y = t.y0; y <= t.y1; ++y) {
            float* out = job.out + (static_cast<std::size_t>(y) * job.image.width + x) * C;
            fit_poses(job.field, y, x / gyro::kBlock, origin, count, s);
            if (wild)
                for (int i = 0; i < count; ++i) s.kind[0][i] = s.kind[1][i] = kWild;
            if (first > 0)
                read_sums<C>(out, visible, sums);
            else
                clear_sums(sums);
            add_block<C>(job, w, s, first - origin, last - origin, origin, x, y, sums);
            write_sums<C>(sums, visible, out);
        }
    }
}

// Poses are taken in order, as many at a time as share one window.
template <int C>
inline void forward_tile(const gyro::WarpJob& job, int index, float* scratch) {
    const Tile t = tile_at(index, job.image.width, job.image.height, gyro::kForwardWidth, gyro::kForwardHeight);
    for (int first = 0, last; first < job.field.poses; first = last) {
        Rect area = source_area(job.field, job.image, t, first);
        const bool wild = !fits(area);
        const int limit = imin(job.field.poses, (first & ~15) + kSegments);
        for (last = first + 1; !wild && last < limit; ++last) {
            const Rect wider = join(area, source_area(job.field, job.image, t, last));
            if (!fits(wider)) break;
            area = wider;
        }
        // A wild pose reads the image itself; its window only has to hold the offsets' clamping range.
        if (wild) area = {0, 0, gyro::kHalf, 0};
        const Window w = wild ? Window{area, 32, 32, scratch} : open_window<C, true>(job.image, area, scratch);
        add_poses<C>(job, t, w, wild, first, last);
    }
}

}  // namespace
