// The smallest vector type the kernels need: GCC/Clang vector extensions, or one lane for other compilers.
#pragma once

#include <cmath>
#include <cstring>

#include "problem.h"

namespace {  // internal linkage: each variant must keep its own copy

#if defined(__GNUC__)
#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float V __attribute__((vector_size(kLanes * 4)));
typedef int VI __attribute__((vector_size(kLanes * 4)));
#define GYRO_INLINE inline __attribute__((always_inline))
#define GYRO_RESTRICT __restrict__
#define GYRO_UNROLL _Pragma("GCC unroll 16")

// x - 0 == x for every float, so this folds to a broadcast (0 + x would not: it turns -0 into 0).
GYRO_INLINE V splat(float value) { return value - V{}; }
GYRO_INLINE VI splat_int(int value) { return value - VI{}; }
GYRO_INLINE V to_float(VI v) { return __builtin_convertvector(v, V); }
GYRO_INLINE VI truncate(V v) { return __builtin_convertvector(v, VI); }
GYRO_INLINE V select(VI mask, V yes, V no) { return mask ? yes : no; }
GYRO_INLINE V magnitude(V v) { return (V)((VI)v & 0x7fffffff); }

// Lanes of `current` moved up by one; the last lane of `previous` enters at the bottom.
GYRO_INLINE V shift_in(V previous, V current) {
#if defined(__AVX512F__)
    return __builtin_shufflevector(previous, current, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
#elif defined(__AVX2__)
    return __builtin_shufflevector(previous, current, 7, 8, 9, 10, 11, 12, 13, 14);
#else
    return __builtin_shufflevector(previous, current, 3, 4, 5, 6);
#endif
}
GYRO_INLINE float last_lane(V v) { return v[kLanes - 1]; }
GYRO_INLINE V lane_numbers() {
    V v;
    for (int i = 0; i < kLanes; ++i) v[i] = static_cast<float>(i);
    return v;
}
#else
constexpr int kLanes = 1;
typedef float V;
typedef int VI;
#define GYRO_INLINE inline
#define GYRO_RESTRICT __restrict
#define GYRO_UNROLL

GYRO_INLINE V splat(float value) { return value; }
GYRO_INLINE VI splat_int(int value) { return value; }
GYRO_INLINE V to_float(VI v) { return static_cast<float>(v); }
GYRO_INLINE VI truncate(V v) { return static_cast<int>(v); }
GYRO_INLINE V select(VI mask, V yes, V no) { return mask ? yes : no; }
GYRO_INLINE V magnitude(V v) { return v < 0 ? -v : v; }
GYRO_INLINE V shift_in(V previous, V) { return previous; }
GYRO_INLINE float last_lane(V v) { return v; }
GYRO_INLINE V lane_numbers() { return 0.0f; }
#endif

constexpr int kVectors = gyro::kHalf / kLanes;  // vectors per half block

GYRO_INLINE V load(const float* p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
GYRO_INLINE void store(float* p, V v) { std::memcpy(p, &v, sizeof v); }

// max(0, 1 - |t|): the bilinear weight of a pixel at signed distance t.
GYRO_INLINE V tent(V t) {
    const V w = splat(1.0f) - magnitude(t);
    return select(w > splat(0.0f), w, splat(0.0f));
}

// Own min/max: std templates have external linkage and could be merged across variants.
GYRO_INLINE int imin(int a, int b) { return a < b ? a : b; }
GYRO_INLINE int imax(int a, int b) { return a > b ? a : b; }
GYRO_INLINE int clamp(int v, int lo, int hi) { return v < lo ? lo : v > hi ? hi : v; }
GYRO_INLINE float fmin2(float a, float b) { return a < b ? a : b; }
GYRO_INLINE float fmax2(float a, float b) { return a > b ? a : b; }
GYRO_INLINE int floor_int(float v) {  // |v| < 2^31; vectorises without SSE4.1
    const int i = static_cast<int>(v);
    return i - (v < static_cast<float>(i));
}
GYRO_INLINE int floor_div(int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

}  // namespace
