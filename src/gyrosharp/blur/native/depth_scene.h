// A depth-aware blur as Python hands it over, checked, with what the kernels derive from it once.
#pragma once

#include <vector>

#include "arguments.h"
#include "buffers.h"
#include "problem.h"

namespace gyro {

class DepthScene {
public:
    DepthScene(nb::handle rays, nb::handle pad, nb::handle poses, nb::handle weights, nb::handle halo,
               nb::handle same, nb::handle lens, nb::handle lens_frame, nb::handle fill, nb::handle threads);

    const DepthField& field() const { return field_; }
    int largest_halo() const { return largest_halo_; }

private:
    void take_rays(nb::handle rays, nb::handle pad, bool lens);
    void take_poses(nb::handle poses, nb::handle weights, nb::handle halo);
    void take_lens(nb::handle lens, nb::handle frame);
    void connect();
    void bound(int threads);

    DepthField field_{};
    int largest_halo_ = 0;
    std::vector<float> rays_, tables_, weights_, lens_;
    std::vector<int> halo_;
    std::vector<int> same_;
    std::vector<DepthRange> depths_;
    std::vector<Box> boxes_;
};

// Adds DepthScene, depth_forward, depth_adjoint and depth_coverage to the module.
void bind_depth(nb::module_& m);

}  // namespace gyro
