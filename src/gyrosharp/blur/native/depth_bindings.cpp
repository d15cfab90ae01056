// Python bindings of the depth-aware blur.
#include <cstring>
#include <functional>

#include "depth_scene.h"
#include "dispatch.h"
#include "parallel.h"

namespace gyro {
namespace {

constexpr int kMaxThreads = 1024;

int tile_count(const DepthField& f) { return depth_tiles_across(f.width) * depth_tiles_down(f.height); }

// Four lanes per pixel, continued beyond the border by its edge pixels.
AlignedFloats padded_lanes(const float* image, int height, int width, int channels, int pad) {
    const int rows = height + 2 * pad, cols = width + 2 * pad;
    AlignedFloats lanes = aligned_floats(static_cast<std::size_t>(rows) * cols * kLanes4);
    float* to = lanes.get();
    for (int r = 0; r < rows; ++r) {
        const float* from = image + static_cast<std::size_t>(std::clamp(r - pad, 0, height - 1)) * width * channels;
        for (int c = 0; c < cols; ++c, to += kLanes4) {
            const float* pixel = from + static_cast<std::size_t>(std::clamp(c - pad, 0, width - 1)) * channels;
            for (int k = 0; k < kLanes4; ++k) to[k] = k < channels ? pixel[k] : 0.0f;
        }
    }
    return lanes;
}

struct Request {
    FloatArray image;
    int threads, channels;
    Output out;
};

Request request(nb::handle image_, const DepthScene& scene, nb::handle threads_, nb::handle out_) {
    const FloatArray image(image_, "image", 3);
    require_image(image, "image");
    const DepthField& f = scene.field();
    require_shape(image, "image",
                  {static_cast<std::size_t>(f.height), static_cast<std::size_t>(f.width), image.size(2)});
    const int threads = integer(threads_, "threads", 1, kMaxThreads);
    return {image, threads, static_cast<int>(image.size(2)), output_array(out_, "out", image.shape())};
}

nb::object forward(nb::handle image, const DepthScene& scene, nb::handle threads, nb::handle out) {
    const Request r = request(image, scene, threads, out);
    const DepthField& f = scene.field();
    {
        nb::gil_scoped_release release;
        const AlignedFloats pixels = padded_lanes(r.image.data(), f.height, f.width, r.channels, f.pad);
        const DepthJob job{f, pixels.get(), r.out.data, r.channels, nullptr, nullptr};
        const auto run = kernels().depth_forward;
        parallel_for(tile_count(f), r.threads, depth_floats(f.cols, scene.largest_halo()),
                     [&](int index, float* scratch) { run(job, index, scratch); });
    }
    return r.out.object;
}

// Adds what the tiles spread, tile by tile in their order, to some rows of the image; light that went beyond the
// border belongs to its edge pixels.
void collect(const DepthJob& job, const std::vector<Region>& areas, int first, int last) {
    const DepthField& f = job.field;
    const std::size_t pitch = static_cast<std::size_t>(f.width) * job.channels;
    std::memset(job.out + first * pitch, 0, sizeof(float) * pitch * (last - first + 1));
    for (std::size_t tile = 0; tile < areas.size(); ++tile) {
        const Region& a = areas[tile];
        const float* from = job.spread[tile];
        for (int r = a.y0; r <= a.y1; ++r) {
            const int y = std::clamp(r - f.pad, 0, f.height - 1);
            if (y < first || y > last) {
                from += static_cast<std::size_t>(a.x1 - a.x0 + 1) * kLanes4;
                continue;
            }
            for (int c = a.x0; c <= a.x1; ++c, from += kLanes4) {
                float* to = job.out + y * pitch + std::clamp(c - f.pad, 0, f.width - 1) * job.channels;
                for (int k = 0; k < job.channels; ++k) to[k] += from[k];
            }
        }
    }
}

nb::object adjoint(nb::handle image, const DepthScene& scene, nb::handle threads, nb::handle out) {
    const Request r = request(image, scene, threads, out);
    const DepthField& f = scene.field();
    {
        nb::gil_scoped_release release;
        const AlignedFloats pixels = padded_lanes(r.image.data(), f.height, f.width, r.channels, 0);
        std::vector<Region> areas;
        std::vector<AlignedFloats> memory;
        std::vector<float*> spread;
        for (int tile = 0; tile < tile_count(f); ++tile) {
            const Region a = kernels().depth_sources(f, tile);
            areas.push_back(a);
            memory.push_back(aligned_floats(static_cast<std::size_t>(a.x1 - a.x0 + 1) * (a.y1 - a.y0 + 1) * kLanes4));
            spread.push_back(memory.back().get());
        }
        const DepthJob job{f, pixels.get(), r.out.data, r.channels, spread.data(), areas.data()};
        const auto run = kernels().depth_adjoint;
        parallel_for(tile_count(f), r.threads, depth_floats(f.cols, scene.largest_halo()),
                     [&](int index, float* scratch) { run(job, index, scratch); });
        const int bands = (f.height + kRowsPerTask - 1) / kRowsPerTask;
        parallel_for(bands, r.threads, 0, [&](int band, float*) {
            collect(job, areas, band * kRowsPerTask, std::min((band + 1) * kRowsPerTask, f.height) - 1);
        });
    }
    return r.out.object;
}

nb::object coverage(const DepthScene& scene, nb::handle threads_) {
    const int threads = integer(threads_, "threads", 1, kMaxThreads);
    const DepthField& f = scene.field();
    const Output out = output_array(nb::none(), "out",
                                    {static_cast<std::size_t>(f.height), static_cast<std::size_t>(f.width)});
    {
        nb::gil_scoped_release release;
        const DepthJob job{f, nullptr, out.data, 1, nullptr, nullptr};
        const auto run = kernels().depth_coverage;
        parallel_for(tile_count(f), threads, depth_floats(f.cols, scene.largest_halo()),
                     [&](int index, float* scratch) { run(job, index, scratch); });
    }
    return out.object;
}

}  // namespace

void bind_depth(nb::module_& m) {
    nb::class_<DepthScene>(m, "DepthScene")
        .def(nb::init<nb::handle, nb::handle, nb::handle, nb::handle, nb::handle, nb::handle, nb::handle, nb::handle,
                      nb::handle, nb::handle>(),
             nb::arg("rays").none(), nb::arg("pad").none(), nb::arg("poses").none(), nb::arg("weights").none(),
             nb::arg("halo").none(), nb::arg("same").none(), nb::arg("lens").none(), nb::arg("lens_frame").none(),
             nb::arg("fill").none(), nb::arg("threads").none());
    m.def("depth_forward", &forward, nb::arg("image").none(), nb::arg("scene"), nb::arg("threads").none(),
          nb::arg("out") = nb::none());
    m.def("depth_adjoint", &adjoint, nb::arg("image").none(), nb::arg("scene"), nb::arg("threads").none(),
          nb::arg("out") = nb::none());
    m.def("depth_coverage", &coverage, nb::arg("scene"), nb::arg("threads").none());
}

}  // namespace gyro
