// Coverage and the per-pixel steps of Richardson-Lucy with total variation, each one pass over memory.
#pragma once

#include "segments.h"

namespace {

struct Rows {
    int first, last;  // inclusive
};

GYRO_INLINE Rows rows_at(int index, int height) {
    return {index * gyro::kRowsPerTask, imin((index + 1) * gyro::kRowsPerTask, height) - 1};
}

// Adds the weight of every pose whose source lies in [0, W-1] x [0, H-1]. Whole and broken part are compared
// separately: their sum would round.
GYRO_INLINE void cover_half(const gyro::WarpJob& job, const Segments& s, int half, int j, float weight, int x, int y,
                            float* sums) {
    const V low_y = splat(static_cast<float>(-(y + s.base[1][half][j])));
    const V high_y = splat(static_cast<float>(job.image.height - 1 - (y + s.base[1][half][j])));
    for (int v = 0; v < kVectors; ++v) {
        const V k = lane_numbers() + splat(static_cast<float>(half * gyro::kHalf + v * kLanes));
        const V dx = ((splat(s.c3[0][j]) * k + splat(s.c2[0][j])) * k + splat(s.c1[0][j])) * k + splat(s.rest[0][half][j]);
        const V dy = ((splat(s.c3[1][j]) * k + splat(s.c2[1][j])) * k + splat(s.c1[1][j])) * k + splat(s.rest[1][half][j]);
        const V whole = k + splat(static_cast<float>(x + s.base[0][half][j]));
        const V high_x = splat(static_cast<float>(job.image.width - 1)) - whole;
        const VI in = (dx >= splat(0.0f) - whole) & (dx <= high_x) & (dy >= low_y) & (dy <= high_y);
        float* at = sums + half * gyro::kHalf + v * kLanes;
        store(at, load(at) + select(in, splat(weight), splat(0.0f)));
    }
}

inline void coverage_rows(const gyro::WarpJob& job, int index, float*) {
    const Rows rows = rows_at(index, job.image.height);
    Segments s;
    for (int y = rows.first; y <= rows.last; ++y)
        for (int x = 0; x < job.image.width; x += gyro::kBlock) {
            alignas(64) float sums[gyro::kBlock] = {};
            for (int first = 0; first < job.field.poses; first += kSegments) {
                const int count = imin(kSegments, job.field.poses - first);
                fit_poses(job.field, y, x / gyro::kBlock, first, (count + 15) & ~15, s);
                for (int j = 0; j < count; ++j)
                    for (int half = 0; half < 2; ++half)
                        cover_half(job, s, half, j, job.field.weights[first + j], x, y, sums);
            }
            float* out = job.out + static_cast<std::size_t>(y) * job.image.width + x;
            std::memcpy(out, sums, sizeof(float) * imin(gyro::kBlock, job.image.width - x));
        }
}

constexpr int kChunk = 512;  // pixels whose per-pixel factor is spread over the channels at once

template <int C>
GYRO_INLINE void spread(const float* GYRO_RESTRICT from, int count, float* GYRO_RESTRICT to) {
    for (int x = 0; x < count; ++x)
        for (int c = 0; c < C; ++c) to[x * C + c] = from[x];
}

// The outputs of the two functions below may be their inputs: each element is read before it is written.
#if defined(__GNUC__)
#define GYRO_INDEPENDENT _Pragma("GCC ivdep")
#else
#define GYRO_INDEPENDENT
#endif

template <int C>
inline void ratio_rows(const gyro::RatioJob& job, int index, float*) {
    const Rows rows = rows_at(index, job.height);
    const std::size_t begin = static_cast<std::size_t>(rows.first) * job.width;
    const std::size_t end = static_cast<std::size_t>(rows.last + 1) * job.width;
    alignas(64) float trust[kChunk * C];
    for (std::size_t at = begin; at < end; at += kChunk) {
        const int pixels = static_cast<int>(end - at < kChunk ? end - at : kChunk), count = pixels * C;
        const float *observed = job.observed + at * C, *predicted = job.predicted + at * C;
        float* out = job.out + at * C;
        spread<C>(job.confidence + at, pixels, trust);
        GYRO_INDEPENDENT
        for (int i = 0; i < count; ++i)
            out[i] = 1.0f + trust[i] * (observed[i] / fmax2(predicted[i], job.floor) - 1.0f);
    }
}

constexpr float kLeastNormaliser = 1e-3f;  // pixels no pose sees: keep the division finite
constexpr float kLeastTvFactor = 0.25f;    // a strong TV term must not turn the update's sign

template <int C>
inline void update_rows(const gyro::UpdateJob& job, int index, float*) {
    const Rows rows = rows_at(index, job.height);
    const std::size_t begin = static_cast<std::size_t>(rows.first) * job.width;
    const std::size_t end = static_cast<std::size_t>(rows.last + 1) * job.width;
    alignas(64) float scale[kChunk], spread_scale[kChunk * C], weight[kChunk * C];
    for (std::size_t at = begin; at < end; at += kChunk) {
        const int pixels = static_cast<int>(end - at < kChunk ? end - at : kChunk), count = pixels * C;
        for (int i = 0; i < pixels; ++i) scale[i] = 1.0f / fmax2(job.normaliser[at + i], kLeastNormaliser);
        spread<C>(scale, pixels, spread_scale);
        if (job.tv) {
            const float* tv = job.tv + at * C;
            spread<C>(job.tv_weight + at, pixels, weight);
            for (int i = 0; i < count; ++i)
                spread_scale[i] /= fmax2(1.0f - weight[i] * tv[i], kLeastTvFactor);
        }
        const float *estimate = job.estimate + at * C, *correction = job.correction + at * C;
        const float* previous = job.previous + at * C;
        float *fresh = job.out_new + at * C, *extrapolated = job.out_extrapolated + at * C;
        GYRO_INDEPENDENT
        for (int i = 0; i < count; ++i) {
            const float before = previous[i];
            const float value = fmax2(estimate[i] * correction[i] * spread_scale[i], 0.0f);
            fresh[i] = value;
            extrapolated[i] = fmax2(value + job.momentum * (value - before), 0.0f);
        }
    }
}

// Normalised gradient of one row: p = grad u / sqrt(|grad u|^2 + epsilon^2), forward differences, zero where
// they would leave the image.
template <int C>
GYRO_INLINE void unit_gradient(const gyro::TvJob& job, int y, int x0, int count, float* GYRO_RESTRICT px,
                               float* GYRO_RESTRICT py) {
    const float* row = job.image + (static_cast<std::size_t>(y) * job.width + x0) * C;
    const float* below = y + 1 < job.height ? row + static_cast<std::size_t>(job.width) * C : row;
    alignas(64) float norm[kChunk], spread_norm[kChunk * C];
    const int last = x0 + count == job.width ? count - 1 : count;  // pixels with a right neighbour
    for (int i = 0; i < last * C; ++i) px[i] = row[i + C] - row[i];
    for (int i = last * C; i < count * C; ++i) px[i] = 0.0f;
    for (int i = 0; i < count * C; ++i) py[i] = below[i] - row[i];
    for (int x = 0; x < count; ++x) {
        float square = job.epsilon * job.epsilon;
        for (int c = 0; c < C; ++c) square += px[x * C + c] * px[x * C + c] + py[x * C + c] * py[x * C + c];
        norm[x] = 1.0f / std::sqrt(square);
    }
    spread<C>(norm, count, spread_norm);
    for (int i = 0; i < count * C; ++i) px[i] *= spread_norm[i];
    for (int i = 0; i < count * C; ++i) py[i] *= spread_norm[i];
}

// div p = px(x, y) - px(x-1, y) + py(x, y) - py(x, y-1), p = 0 outside: the negative adjoint of the gradient.
template <int C>
inline void tv_rows(const gyro::TvJob& job, int index, float*) {
    const Rows rows = rows_at(index, job.height);
    constexpr int kInner = kChunk - 1;  // a chunk starts one pixel early, for the backward difference
    alignas(64) float px[kChunk * C], py[2][kChunk * C];
    for (int x = 0; x < job.width; x += kInner) {
        const int lead = x > 0, count = imin(kInner, job.width - x) + lead;
        if (rows.first > 0)
            unit_gradient<C>(job, rows.first - 1, x - lead, count, px, py[(rows.first - 1) & 1]);
        else
            std::memset(py[1], 0, sizeof py[1]);
        for (int y = rows.first; y <= rows.last; ++y) {
            float *now = py[y & 1], *above = py[(y & 1) ^ 1];
            unit_gradient<C>(job, y, x - lead, count, px, now);
            float* GYRO_RESTRICT out = job.out + (static_cast<std::size_t>(y) * job.width + x - lead) * C;
            for (int i = lead * C; i < C; ++i) out[i] = px[i] + now[i] - above[i];
            for (int i = C; i < count * C; ++i) out[i] = px[i] - px[i - C] + now[i] - above[i];
        }
    }
}

}  // namespace
