// Plain data shared by the bindings and by every instruction-set variant of the kernel.
//
// Nothing here may contain code that is compiled into an object: the variants are built with different
// instruction sets, and a function emitted by two of them could be merged by the linker into the wrong one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "depth.h"

namespace gyro {

constexpr int kBlock = 32;  // pixels between node columns (STEP_X)
constexpr int kHalf = 16;   // pixels that share one integer offset on the fast path
constexpr int kAlign = 64;  // bytes; one AVX-512 register, one cache line

// Source coordinates beyond the image are clamped. A half block whose taps all lie beyond a border reads one
// constant, so it may as well sit right at the border: 16 replicated columns per side serve every displacement.
constexpr int kFringe = kHalf;

// Forward: output tile, and the largest planar copy of its source (pixels) a worker holds.
constexpr int kForwardWidth = 256;
constexpr int kForwardHeight = 64;
constexpr int kWindowPixels = 384 * 1024;

// Adjoint: tile of gathered pixels; 14 blocks plus the two it straddles fill one vector of segments.
constexpr int kAdjointWidth = 448;
constexpr int kAdjointHeight = 96;
constexpr int kAdjointStride = kAdjointWidth + 80;  // fringe on both sides, room for a whole vector, odd in vectors
constexpr int kAdjointRows = kAdjointHeight + 1;    // + one row that swallows what belongs to other tiles

constexpr int kRowsPerTask = 16;  // coverage and the elementwise functions

struct Image {
    const float* data;  // (height, width, channels), C-contiguous
    int height, width, channels;
};

// Displacement nodes in the two orders the kernels read, padded so that whole vectors may be loaded.
struct Field {
    int poses, rows, cols, step_y;
    int pose_pad, col_pad;
    const float* by_node;  // [rows][cols][axis][pose_pad]
    const float* by_pose;  // [pose][axis][rows][col_pad]
    const float* weights;  // [poses]
    const float* limits;   // [pose][dx_min, dx_max, dy_min, dy_max] over all nodes
    const float* lagrange; // [step_y][4]: vertical weights of the four nodes around a row
};

struct WarpJob {
    Image image;
    Field field;
    float* out;
};

struct RatioJob {
    const float* observed;
    const float* predicted;
    const float* confidence;
    float floor;
    float* out;
    int height, width, channels;
};

struct TvJob {
    const float* image;
    float epsilon;
    float* out;
    int height, width, channels;
};

struct UpdateJob {
    const float* estimate;
    const float* correction;
    const float* normaliser;
    const float* tv;         // may be null
    const float* tv_weight;  // per pixel; null with tv
    const float* previous;
    float momentum;
    float* out_new;
    float* out_extrapolated;
    int height, width, channels;
};

// One entry per function and instruction set. `index` numbers tiles or bands of rows; `scratch` is private to
// the calling thread and at least as large as the matching *_scratch value below.
struct Kernels {
    const char* name;
    void (*forward)(const WarpJob&, int index, float* scratch);
    void (*adjoint)(const WarpJob&, int index, float* scratch);
    void (*coverage)(const WarpJob&, int index, float* scratch);
    void (*ratio)(const RatioJob&, int index, float* scratch);
    void (*tv)(const TvJob&, int index, float* scratch);
    void (*update)(const UpdateJob&, int index, float* scratch);
    void (*depth_boxes)(const DepthField&, int pose, Box* boxes);
    Region (*depth_sources)(const DepthField&, int index);
    void (*depth_forward)(const DepthJob&, int index, float* scratch);
    void (*depth_adjoint)(const DepthJob&, int index, float* scratch);
    void (*depth_coverage)(const DepthJob&, int index, float* scratch);
};

constexpr std::size_t window_floats(int channels) {
    return static_cast<std::size_t>(kWindowPixels) * channels + 2 * kAlign;
}
constexpr std::size_t adjoint_floats(int channels) {
    return window_floats(channels) + static_cast<std::size_t>(kAdjointStride) * kAdjointRows * channels + kAlign;
}

}  // namespace gyro
