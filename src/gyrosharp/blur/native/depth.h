// Plain data of the depth-aware blur, shared by the bindings and by every instruction-set variant (see problem.h).
//
// A pose sends the reference pixel with ideal centred coordinates (u, v) and inverse depth q to
//
//   (X, Y, Z) = A (u, v, 1) + q b,   (x, y) = (X / Z, Y / Z),   inverse depth there: q / Z,
//
// with A and b of the line that the target lies on. "Ideal" is without lens distortion, "centred" relative to the
// image's middle, where float32 resolves best.
#pragma once

#include <cstddef>

namespace gyro {

constexpr int kDepthTileWidth = 256;  // targets resolved at once: z-buffer and sums stay in the second-level cache
constexpr int kDepthTileHeight = 96;
constexpr int kDepthBlockWidth = 32;  // reference pixels that share one bounding box
constexpr int kDepthBlockHeight = 16;
constexpr int kPoseFloats = 12;  // A row by row, then b
constexpr int kLanes4 = 4;       // channels of the padded image

// What a target sees: the nearest surface so far, the reference pixel it belongs to, and the exact place relative to
// that pixel. `key` is the inverse depth in the target's view, negative where nothing was seen.
struct Cell {
    float key;
    int source;
    float ex, ey;
};

struct Box {  // of targets, in px
    float x0, x1, y0, y1;
};

struct DepthRange {  // of inverse depths
    float low, high;
};

// From ideal to real pixels: (x, y) + grid, bilinear between nodes `step` px apart; null without distortion.
struct Lens {
    const float* grid;  // [rows][cols][2]
    int rows, cols;
    float x0, y0, step;  // ideal centred coordinates of the first node
    const float* rest_x;  // [reference rows][cols]: makes a still camera the identity, whatever the grid's error
    const float* rest_y;
};

struct DepthField {
    int width, height;  // of the blurred image
    int pad, cols, rows;  // the reference continues `pad` pixels beyond each border
    const float* u;       // [rows][cols], readable a vector beyond the end, like v, q and same
    const float* v;
    const float* q;
    const int* same;  // bit k: neighbour k (left, right, up, down, then the diagonals) is the same surface
    int poses, lines;           // lines: 1 (global shutter) or `height`
    const float* tables;        // [poses][lines][kPoseFloats]
    const float* weights;       // [poses]
    const int* halo;            // [poses]: how far a hole may reach, px
    const DepthRange* depths;   // [block]
    const Box* boxes;           // [poses][block]
    int block_cols, block_rows;
    float same_abs, same_rel;   // inverse depths closer than this are one surface
    bool fill;
    Lens lens;
};

struct Region {  // inclusive
    int x0, y0, x1, y1;
};

struct DepthJob {
    DepthField field;
    const float* pixels;  // forward: reference, padded, 4 lanes; adjoint: blurred image, 4 lanes
    float* out;           // forward: (height, width, channels); coverage: (height, width)
    int channels;
    // adjoint only: what each tile spreads, added up afterwards in a fixed order
    float* const* spread;
    const Region* spread_area;
};

constexpr int depth_tiles_across(int width) { return (width + kDepthTileWidth - 1) / kDepthTileWidth; }
constexpr int depth_tiles_down(int height) { return (height + kDepthTileHeight - 1) / kDepthTileHeight; }
constexpr int kDepthRowArrays = 20;  // per-row scratch arrays

// Floats of scratch per worker.
constexpr std::size_t depth_floats(int cols, int largest_halo) {
    const std::size_t side_x = kDepthTileWidth + 2 * static_cast<std::size_t>(largest_halo);
    const std::size_t side_y = kDepthTileHeight + 2 * static_cast<std::size_t>(largest_halo);
    return side_x * side_y * 4 + static_cast<std::size_t>(kDepthTileWidth) * kDepthTileHeight * kLanes4 +
           kDepthRowArrays * (static_cast<std::size_t>(cols) + 64) + 256;
}

}  // namespace gyro
