// The z-buffer of one pose: every target of a window learns which reference pixel it sees, and where within it.
//
// A reference pixel covers the targets whose preimage may lie within half a pixel of it: under the local linear map J
// that is |x - w| <= (|J_xx| + |J_xy|) / 2 and likewise in y. J comes from differences to the neighbours on the same
// surface, so that slanted surfaces, turns, zooms, lenses and the shutter's stretch are all in it.
#pragma once

#include "depth_project.h"

namespace {

constexpr float kSeam = 0.02f;  // px added towards neighbours on the surface: differences miss what is not linear
constexpr float kTie = 1e-4f;   // px taken off where a surface ends on the right or below, so that ties count once
constexpr float kLeastDeterminant = 0.05f;  // of J; a surface seen edge-on or from behind is taken as a shift
constexpr float kMostStretch = 4.0f;      // px a pixel may grow to on one side

enum Neighbour { kLeft = 1, kRight = 2, kUp = 4, kDown = 8, kUpLeft = 16, kUpRight = 32, kDownLeft = 64, kDownRight = 128 };

struct ZBuffer {
    gyro::Region area;
    int stride;
    gyro::Cell* cells;
    GYRO_INLINE gyro::Cell* row(int y) const {  // indexed by x of the image
        return cells + static_cast<std::ptrdiff_t>(y - area.y0) * stride - area.x0;
    }
};

struct Spread {  // what one reference row covers, indexed by column
    int *x0, *x1, *y0, *y1;
    float *xx, *xy, *yx, *yy;  // inverse of J
};

#if defined(__GNUC__)
GYRO_INLINE VI floor_of(V v) { const VI i = truncate(v); return i + (v < to_float(i)); }  // true is -1
GYRO_INLINE VI load_int(const int* p) { VI v; std::memcpy(&v, p, sizeof v); return v; }
#else
GYRO_INLINE VI floor_of(V v) { return floor_int(v); }
GYRO_INLINE VI load_int(const int* p) { return *p; }
#endif
GYRO_INLINE void store_int(int* p, VI v) { std::memcpy(p, &v, sizeof v); }
GYRO_INLINE VI larger(VI a, int b) { const VI bb = splat_int(b); return a > bb ? a : bb; }
GYRO_INLINE VI smaller(VI a, int b) { const VI bb = splat_int(b); return a < bb ? a : bb; }

// How far a pixel reaches along one axis because of the steps to its two neighbours along another.
GYRO_INLINE V stretch(V back, V ahead) {
    const V a = magnitude(back), b = magnitude(ahead), most = select(a > b, a, b);
    return select(most < splat(kMostStretch), most, splat(kMostStretch));
}

// Columns c0..c1 of one row (and the rest of the last vector); `above` and `below` are the neighbouring rows, or the
// row itself at the domain's edge.
inline void measure_row(const gyro::DepthField& f, int row, int c0, int c1, const gyro::Region& area,
                        const TargetRow& above, const TargetRow& here, const TargetRow& below, const Spread& s) {
    const int* same = f.same + static_cast<std::size_t>(row) * f.cols;
    const V zero = splat(0.0f), one = splat(1.0f), half = splat(0.5f), seam = splat(kSeam), tie = splat(-kTie);
    for (int c = c0; c <= c1; c += kLanes) {
        const VI bits = load_int(same + c), none = splat_int(0);
        const VI l = (bits & splat_int(kLeft)) != none, r = (bits & splat_int(kRight)) != none;
        const VI u = (bits & splat_int(kUp)) != none, d = (bits & splat_int(kDown)) != none;
        const V x = load(here.x + c), y = load(here.y + c);
        // A pixel without neighbours on its surface shifts without changing its shape.
        const V lone_x = select(l | r, zero, one), lone_y = select(u | d, zero, one);
        const V lx = select(l, x - load(here.x + c - 1), lone_x), ly = select(l, y - load(here.y + c - 1), zero);
        const V rx = select(r, load(here.x + c + 1) - x, lone_x), ry = select(r, load(here.y + c + 1) - y, zero);
        const V tx = select(u, x - load(above.x + c), zero), ty = select(u, y - load(above.y + c), lone_y);
        const V bx = select(d, load(below.x + c) - x, zero), by = select(d, load(below.y + c) - y, lone_y);
        // One neighbour: its step. Two: their mean. None: both "steps" are 1, so the mean again.
        const V across = select((l & r) | (lone_x > zero), half, one), down = select((u & d) | (lone_y > zero), half, one);
        const V jxx = (lx + rx) * across, jyx = (ly + ry) * across;
        const V jxy = (tx + bx) * down, jyy = (ty + by) * down;
        const V hx = half * (stretch(lx, rx) + stretch(tx, bx));
        const V hy = half * (stretch(ly, ry) + stretch(ty, by));
        store_int(s.x0 + c, larger(splat_int(0) - floor_of(hx + select(l, seam, zero) - x), area.x0));
        store_int(s.x1 + c, smaller(floor_of(x + hx + select(r, seam, tie)), area.x1));
        store_int(s.y0 + c, larger(splat_int(0) - floor_of(hy + select(u, seam, zero) - y), area.y0));
        store_int(s.y1 + c, smaller(floor_of(y + hy + select(d, seam, tie)), area.y1));
        const V det = jxx * jyy - jxy * jyx;
        const VI sound = det > splat(kLeastDeterminant);
        const V scale = one / select(sound, det, one);
        store(s.xx + c, select(sound, jyy * scale, one));
        store(s.xy + c, select(sound, -jxy * scale, zero));
        store(s.yx + c, select(sound, -jyx * scale, zero));
        store(s.yy + c, select(sound, jxx * scale, one));
    }
}

GYRO_INLINE float within_one(float e) { return fmin2(fmax2(e, -1.0f), 1.0f); }

GYRO_INLINE void drop(gyro::Cell& cell, float key, int source, float dx, float dy, const Spread& s, int c) {
    if (!(key > cell.key)) return;
    cell = {key, source, within_one(s.xx[c] * dx + s.xy[c] * dy), within_one(s.yx[c] * dx + s.yy[c] * dy)};
}

inline void drop_row(const ZBuffer& z, int first_source, int c0, int c1, const TargetRow& at, const Spread& s) {
    for (int c = c0; c <= c1; ++c) {
        const int x0 = s.x0[c], x1 = s.x1[c], y0 = s.y0[c], y1 = s.y1[c];
        const float key = at.key[c];
        for (int y = y0; y <= y1; ++y)
            for (int x = x0; x <= x1; ++x)
                drop(z.row(y)[x], key, first_source + c, static_cast<float>(x) - at.x[c],
                     static_cast<float>(y) - at.y[c], s, c);
    }
}

struct RowScratch {
    TargetRow ring[3];
    Spread spread;
};

inline RowScratch row_scratch(float* memory, int cols) {
    const std::size_t pitch = static_cast<std::size_t>(cols) + 64;
    float* next = memory + 32;  // reading column -1 stays inside
    const auto take = [&] { float* p = next; next += pitch; return p; };
    const auto take_int = [&] { return reinterpret_cast<int*>(take()); };
    RowScratch s;
    for (TargetRow& r : s.ring) r = {take(), take(), take()};
    s.spread = {take_int(), take_int(), take_int(), take_int(), take(), take(), take(), take()};
    return s;
}

// Fills the z-buffer of a window under one pose.
inline void splat_pose(const gyro::DepthField& f, int pose, const ZBuffer& z, const RowScratch& scratch) {
    const gyro::Cell nothing{-1.0f, 0, 0.0f, 0.0f};
    const int count = (z.area.y1 - z.area.y0 + 1) * z.stride;
    for (int i = 0; i < count; ++i) z.cells[i] = nothing;
    const gyro::Region s = sources_of(f, pose, z.area);
    if (s.x0 > s.x1) return;
    const int c0 = imax(s.x0 - 1, 0), c1 = imin(s.x1 + 1, f.cols - 1), last = imin(s.y1 + 1, f.rows - 1);
    int projected = imax(s.y0 - 1, 0) - 1;
    for (int row = s.y0; row <= s.y1; ++row) {
        for (const int wanted = imin(row + 1, last); projected < wanted;) {
            ++projected;
            project_row(f, pose, projected, c0, c1, scratch.ring[projected % 3]);
        }
        const TargetRow &here = scratch.ring[row % 3], &above = row > 0 ? scratch.ring[(row - 1) % 3] : here;
        const TargetRow& below = row + 1 < f.rows ? scratch.ring[(row + 1) % 3] : here;
        measure_row(f, row, s.x0, s.x1, z.area, above, here, below, scratch.spread);
        drop_row(z, row * f.cols, s.x0, s.x1, here, scratch.spread);
    }
}

}  // namespace
