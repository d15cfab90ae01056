// What to do with a filled z-buffer: fill its holes from the background, and sample.
#pragma once

#include "depth_splat.h"

namespace {

// Four channels at once; unused ones are zero.
#if defined(__GNUC__)
typedef float F4 __attribute__((vector_size(16), may_alias));
GYRO_INLINE F4 splat4(float value) { return F4{value, value, value, value}; }
#else
struct F4 {
    float c[4];
};
GYRO_INLINE F4 splat4(float value) { return {{value, value, value, value}}; }
GYRO_INLINE F4 operator+(F4 a, F4 b) { return {{a.c[0] + b.c[0], a.c[1] + b.c[1], a.c[2] + b.c[2], a.c[3] + b.c[3]}}; }
GYRO_INLINE F4 operator*(F4 a, F4 b) { return {{a.c[0] * b.c[0], a.c[1] * b.c[1], a.c[2] * b.c[2], a.c[3] * b.c[3]}}; }
#endif

// A source on the very border counts as inside, whatever rounding does to it.
constexpr float kGrazePx = 1e-3f;

// A reference pixel and its neighbours towards the exact place: offsets in pixels and bilinear weights. Neighbours on
// another surface are left out and the others scaled up, so that nothing bleeds across an occlusion border.
struct SurfaceTaps {
    int offset[4];
    float weight[4];
};

GYRO_INLINE void keep_surface(int bits, int ox, int oy, SurfaceTaps& t) {
    const int beside = ox < 0 ? kLeft : kRight, along = oy < 0 ? kUp : kDown;
    const int corner = oy < 0 ? (ox < 0 ? kUpLeft : kUpRight) : (ox < 0 ? kDownLeft : kDownRight);
    const int needed[4] = {0, beside, along, corner};
    float sum = 0.0f;
    for (int k = 0; k < 4; ++k) {
        if (needed[k] && !(bits & needed[k])) t.offset[k] = 0, t.weight[k] = 0.0f;
        sum += t.weight[k];
    }
    if (sum < 1e-6f) t.weight[0] = sum = 1.0f;
    for (float& w : t.weight) w /= sum;
}

// `stride`: pixels per row of the array that the offsets are for.
GYRO_INLINE SurfaceTaps taps_of(const gyro::DepthField& f, const gyro::Cell& c, int stride) {
    const int ox = (c.ex > 0.0f) - (c.ex < 0.0f), oy = (c.ey > 0.0f) - (c.ey < 0.0f);
    const float ax = std::fabs(c.ex), ay = std::fabs(c.ey);
    SurfaceTaps t{{0, ox, oy * stride, oy * stride + ox}, {(1 - ax) * (1 - ay), ax * (1 - ay), (1 - ax) * ay, ax * ay}};
    const int bits = f.same[c.source];
    if (bits != 255) keep_surface(bits, ox, oy, t);
    return t;
}

GYRO_INLINE bool clearly_farther(const gyro::DepthField& f, float a, float b) {
    return a < b - f.same_abs - f.same_rel * b;
}

struct Seen {  // a covered target near a hole
    const gyro::Cell* cell;
    int distance;
    int dx, dy;  // where it lies
};

GYRO_INLINE const gyro::Cell* cell_at(const ZBuffer& z, int x, int y) {
    const gyro::Region& a = z.area;
    return x < a.x0 || x > a.x1 || y < a.y0 || y > a.y1 ? nullptr : z.row(y) + x;
}

GYRO_INLINE Seen look(const ZBuffer& z, int x, int y, int dx, int dy) {
    for (int k = 1;; ++k) {
        const gyro::Cell* c = cell_at(z, x + k * dx, y + k * dy);
        if (!c || c->key >= 0.0f) return {c, k, dx, dy};
    }
}

// The farthest surface around, and of that the nearest target. Right at an occlusion border a pixel holds light of
// both surfaces: where there is one, the next target further on is taken.
inline gyro::Cell background(const gyro::DepthField& f, const ZBuffer& z, int x, int y) {
    const Seen around[4] = {look(z, x, y, -1, 0), look(z, x, y, 1, 0), look(z, x, y, 0, -1), look(z, x, y, 0, 1)};
    const Seen* best = nullptr;
    for (const Seen& s : around) {
        if (!s.cell) continue;
        if (!best || clearly_farther(f, s.cell->key, best->cell->key) ||
            (s.distance < best->distance && !clearly_farther(f, best->cell->key, s.cell->key)))
            best = &s;
    }
    if (!best) return {0.0f, (y + f.pad) * f.cols + x + f.pad, 0.0f, 0.0f};
    bool border = false;
    for (const Seen& s : around) border |= s.cell && clearly_farther(f, best->cell->key, s.cell->key);
    const int step = best->distance + 1;
    const gyro::Cell* next = border ? cell_at(z, x + step * best->dx, y + step * best->dy) : nullptr;
    return next && next->key >= 0.0f && !clearly_farther(f, best->cell->key, next->key) ? *next : *best->cell;
}

// Calls sink(x, y, cell, seen) for every target of a tile: seen, or filled from the background.
template <class Sink>
GYRO_INLINE void resolve(const gyro::DepthField& f, const ZBuffer& z, const gyro::Region& tile, const Sink& sink) {
    for (int y = tile.y0; y <= tile.y1; ++y) {
        const gyro::Cell* row = z.row(y);
        for (int x = tile.x0; x <= tile.x1; ++x) {
            if (row[x].key >= 0.0f)
                sink(x, y, row[x], true);
            else if (f.fill)
                sink(x, y, background(f, z, x, y), false);
        }
    }
}

GYRO_INLINE gyro::Region depth_tile(const gyro::DepthField& f, int index) {
    const int across = gyro::depth_tiles_across(f.width), down = gyro::depth_tiles_down(f.height);
    const int i = index % across, j = index / across;
    // Even shares rather than full tiles and a remainder.
    return {f.width * i / across, f.height * j / down, f.width * (i + 1) / across - 1,
            f.height * (j + 1) / down - 1};
}

GYRO_INLINE gyro::Region window_of(const gyro::DepthField& f, const gyro::Region& tile, int pose) {
    const int m = f.halo[pose];
    return {imax(tile.x0 - m, 0), imax(tile.y0 - m, 0), imin(tile.x1 + m, f.width - 1), imin(tile.y1 + m, f.height - 1)};
}

template <class Sink>
GYRO_INLINE void for_each_pose(const gyro::DepthField& f, const gyro::Region& tile, float* scratch, const Sink& sink) {
    const RowScratch rows = row_scratch(scratch, f.cols);
    float* cells = scratch + gyro::kDepthRowArrays * (static_cast<std::size_t>(f.cols) + 64);
    for (int pose = 0; pose < f.poses; ++pose) {
        const gyro::Region area = window_of(f, tile, pose);
        const ZBuffer z{area, area.x1 - area.x0 + 1, reinterpret_cast<gyro::Cell*>(cells)};
        splat_pose(f, pose, z, rows);
        resolve(f, z, tile, [&](int x, int y, const gyro::Cell& c, bool seen) { sink(pose, x, y, c, seen); });
    }
}

inline void depth_forward_tile(const gyro::DepthJob& job, int index, float* scratch) {
    const gyro::DepthField& f = job.field;
    const gyro::Region tile = depth_tile(f, index);
    const int width = tile.x1 - tile.x0 + 1, height = tile.y1 - tile.y0 + 1;
    float* sums = scratch;
    for (int i = 0; i < width * height * gyro::kLanes4; ++i) sums[i] = 0.0f;
    const F4* pixels = reinterpret_cast<const F4*>(job.pixels);
    float* work = scratch + static_cast<std::size_t>(gyro::kDepthTileWidth) * gyro::kDepthTileHeight * gyro::kLanes4;
    for_each_pose(f, tile, work, [&](int pose, int x, int y, const gyro::Cell& c, bool) {
        const SurfaceTaps t = taps_of(f, c, f.cols);
        const F4* p = pixels + c.source;
        const F4 value = splat4(t.weight[0]) * p[0] + splat4(t.weight[1]) * p[t.offset[1]] +
                         splat4(t.weight[2]) * p[t.offset[2]] + splat4(t.weight[3]) * p[t.offset[3]];
        F4* sum = reinterpret_cast<F4*>(sums) + (y - tile.y0) * width + (x - tile.x0);
        *sum = *sum + splat4(f.weights[pose]) * value;
    });
    for (int y = tile.y0; y <= tile.y1; ++y)
        for (int x = tile.x0; x <= tile.x1; ++x)
            for (int k = 0; k < job.channels; ++k)
                job.out[(static_cast<std::size_t>(y) * f.width + x) * job.channels + k] =
                    sums[(static_cast<std::size_t>(y - tile.y0) * width + (x - tile.x0)) * gyro::kLanes4 + k];
}

inline void depth_adjoint_tile(const gyro::DepthJob& job, int index, float* scratch) {
    const gyro::DepthField& f = job.field;
    const gyro::Region area = job.spread_area[index];
    const int stride = area.x1 - area.x0 + 1;
    F4* out = reinterpret_cast<F4*>(job.spread[index]);
    const F4* blurred = reinterpret_cast<const F4*>(job.pixels);
    for (int i = 0; i < stride * (area.y1 - area.y0 + 1); ++i) out[i] = splat4(0.0f);
    for_each_pose(f, depth_tile(f, index), scratch, [&](int pose, int x, int y, const gyro::Cell& c, bool) {
        const SurfaceTaps t = taps_of(f, c, stride);
        const F4 g = splat4(f.weights[pose]) * blurred[static_cast<std::size_t>(y) * f.width + x];
        const int row = c.source / f.cols, col = c.source - row * f.cols;
        F4* p = out + static_cast<std::ptrdiff_t>(row - area.y0) * stride + (col - area.x0);
        for (int k = 0; k < 4; ++k) p[t.offset[k]] = p[t.offset[k]] + splat4(t.weight[k]) * g;
    });
}

inline void depth_coverage_tile(const gyro::DepthJob& job, int index, float* scratch) {
    const gyro::DepthField& f = job.field;
    const gyro::Region tile = depth_tile(f, index);
    for (int y = tile.y0; y <= tile.y1; ++y)
        for (int x = tile.x0; x <= tile.x1; ++x) job.out[static_cast<std::size_t>(y) * f.width + x] = 0.0f;
    for_each_pose(f, tile, scratch, [&](int pose, int x, int y, const gyro::Cell& c, bool seen) {
        const float sx = static_cast<float>(c.source % f.cols - f.pad) + c.ex;
        const float sy = static_cast<float>(c.source / f.cols - f.pad) + c.ey;
        const bool inside = sx >= -kGrazePx && sy >= -kGrazePx && sx <= static_cast<float>(f.width - 1) + kGrazePx &&
                            sy <= static_cast<float>(f.height - 1) + kGrazePx;
        if (seen && inside) job.out[static_cast<std::size_t>(y) * f.width + x] += f.weights[pose];
    });
}

// Reference pixels that a tile may take light from, under any pose: what its adjoint writes to.
inline gyro::Region depth_sources(const gyro::DepthField& f, int index) {
    const gyro::Region tile = depth_tile(f, index);
    // Where nothing at all is near, a target takes the pixel at its own place.
    gyro::Region all{tile.x0 + f.pad, tile.y0 + f.pad, tile.x1 + f.pad, tile.y1 + f.pad};
    for (int pose = 0; pose < f.poses; ++pose) {
        const gyro::Region s = sources_of(f, pose, window_of(f, tile, pose));
        if (s.x0 > s.x1) continue;
        all = {imin(all.x0, s.x0), imin(all.y0, s.y0), imax(all.x1, s.x1), imax(all.y1, s.y1)};
    }
    return {imax(all.x0 - 1, 0), imax(all.y0 - 1, 0), imin(all.x1 + 1, f.cols - 1), imin(all.y1 + 1, f.rows - 1)};
}

}  // namespace
