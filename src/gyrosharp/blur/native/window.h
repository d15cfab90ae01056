// A window: the planar copy of a rectangle of an interleaved image, small enough for the second-level cache.
#pragma once

#include "segments.h"

namespace {

struct Rect {  // inclusive on all sides
    int x0, y0, x1, y1;
    GYRO_INLINE int width() const { return x1 - x0 + 1; }
    GYRO_INLINE int height() const { return y1 - y0 + 1; }
};

GYRO_INLINE Rect join(Rect a, Rect b) {
    return {imin(a.x0, b.x0), imin(a.y0, b.y0), imax(a.x1, b.x1), imax(a.y1, b.y1)};
}

// Row pitch: whole vectors, and an odd number of them, so that equal columns of many rows spread over the cache.
GYRO_INLINE int row_stride(int width) { return (((width + 15) / 16) | 1) * 16; }

GYRO_INLINE bool fits(Rect r) {
    return static_cast<long long>(row_stride(r.width())) * r.height() <= gyro::kWindowPixels;
}

struct Window {
    Rect area;
    int stride;
    std::size_t plane;
    float* data;
};

template <int C>
GYRO_INLINE void split_pixels(const float* GYRO_RESTRICT from, int count, float* GYRO_RESTRICT to,
                              std::size_t plane) {
    for (int x = 0; x < count; ++x)
        for (int c = 0; c < C; ++c) to[c * plane + x] = from[x * C + c];
}

// Copies `area`; columns outside the image repeat the border pixel (Replicate) or are zero.
template <int C, bool Replicate>
inline Window open_window(const gyro::Image& image, Rect area, float* data) {
    Window w{area, row_stride(area.width()), 0, data};
    w.plane = static_cast<std::size_t>(w.stride) * area.height();
    const int inside0 = clamp(area.x0, 0, image.width - 1), inside1 = clamp(area.x1, 0, image.width - 1);
    for (int y = area.y0; y <= area.y1; ++y) {
        float* row = data + static_cast<std::size_t>(y - area.y0) * w.stride - area.x0;
        const float* from = image.data + static_cast<std::size_t>(y) * image.width * C;
        split_pixels<C>(from + static_cast<std::size_t>(inside0) * C, inside1 - inside0 + 1, row + inside0, w.plane);
        for (int c = 0; c < C; ++c) {
            float* plane = row + c * w.plane;
            for (int x = area.x0; x < inside0; ++x) plane[x] = Replicate ? from[inside0 * C + c] : 0.0f;
            for (int x = inside1 + 1; x <= area.x1; ++x)
                plane[x] = Replicate ? from[static_cast<std::size_t>(inside1) * C + c] : 0.0f;
        }
    }
    return w;
}

}  // namespace
