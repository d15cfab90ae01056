// The node grid in the two memory orders the kernels read.
#pragma once

#include "buffers.h"
#include "problem.h"

namespace gyro {

// Displacements beyond this are refused: it keeps every source coordinate well inside the int range.
constexpr float kMaxDisplacement = 1.0e6f;

// Owns the arrays behind a Field. Throws std::bad_alloc.
class NodeStore {
public:
    // `nodes` is (poses, rows, cols, 2) as Python passes it. Check `ok()` before use.
    NodeStore(const float* nodes, const float* weights, int poses, int rows, int cols, int step_y);

    bool ok() const { return ok_; }  // every displacement finite and within kMaxDisplacement
    const Field& field() const { return field_; }

private:
    void copy_pose(const float* nodes, int pose);

    bool ok_ = true;
    Field field_{};
    AlignedFloats by_node_, by_pose_, weights_, limits_, lagrange_;
};

}  // namespace gyro
