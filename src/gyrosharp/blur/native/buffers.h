// Aligned work memory that outlives a call.
#pragma once

#include <cstddef>
#include <memory>

namespace gyro {

struct ReturnBuffer {
    std::size_t bytes = 0;
    void operator()(float* buffer) const;
};
using AlignedFloats = std::unique_ptr<float[], ReturnBuffer>;

// At least `count` floats, aligned to kAlign, with undefined contents. Throws std::bad_alloc. Buffers go back to a
// small pool: a solver calls the kernels dozens of times, and fresh pages would cost up to a fifth of each call.
AlignedFloats aligned_floats(std::size_t count);

}  // namespace gyro
