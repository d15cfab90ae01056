// Python bindings: check arguments, release the GIL, spread tiles over threads.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <functional>

#include "arguments.h"
#include "depth_scene.h"
#include "dispatch.h"
#include "nodes.h"
#include "parallel.h"

namespace gyro {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kMaxStep = 1 << 20;

int tiles(int size, int tile) { return (size + tile - 1) / tile; }
int row_tasks(int height) { return tiles(height, kRowsPerTask); }

// Contents that overlap would be read after they were overwritten.
void require_apart(const FloatArray& input, const char* name, const Output& out, std::size_t count) {
    const std::less<const float*> before;
    std::size_t size = 1;
    for (std::size_t s : input.shape()) size *= s;
    require(!before(input.data(), out.data + count) || !before(out.data, input.data() + size),
            std::string("out must not share memory with ") + name);
}

// Shapes and step of a node grid against the image size, then the kernels' own copy of it.
NodeStore load_nodes(const FloatArray& nodes, int step_y, const FloatArray& weights, int height, int width) {
    require(nodes.size(3) == 2, "nodes must have 2 components (dx, dy), got shape " + text(nodes.shape()));
    require(nodes.size(0) >= 1, "nodes must hold at least one pose, got shape " + text(nodes.shape()));
    const std::size_t rows = (height - 1) / step_y + 4, cols = (width - 1) / kBlock + 4;
    require(nodes.size(1) >= rows && nodes.size(2) >= cols,
            "nodes must have at least " + std::to_string(rows) + " rows and " + std::to_string(cols) +
                " columns for this image, got shape " + text(nodes.shape()));
    require_shape(weights, "weights", {nodes.size(0)});
    for (std::size_t i = 0; i < weights.size(0); ++i)
        require(std::isfinite(weights.data()[i]), "weights must be finite");
    require(nodes.size(0) <= 65536 && nodes.size(1) <= (1u << 23) && nodes.size(2) <= (1u << 23),
            "nodes must have at most 65536 poses and 8388608 rows and columns, got shape " + text(nodes.shape()));
    NodeStore store(nodes.data(), weights.data(), static_cast<int>(nodes.size(0)), static_cast<int>(nodes.size(1)),
                    static_cast<int>(nodes.size(2)), step_y);
    require(store.ok(), "nodes must be finite and at most 1e6 px in magnitude");
    return store;
}

enum class Direction { kForward, kAdjoint };

nb::object warp(Direction direction, nb::handle image_, nb::handle nodes_, nb::handle step_, nb::handle weights_,
                nb::handle threads_, nb::handle out_) {
    const FloatArray image(image_, "image", 3), nodes(nodes_, "nodes", 4), weights(weights_, "weights", 1);
    require_image(image, "image");
    const int step_y = integer(step_, "step_y", 1, kMaxStep), threads = integer(threads_, "threads", 1, kMaxThreads);
    const int height = static_cast<int>(image.size(0)), width = static_cast<int>(image.size(1));
    const int channels = static_cast<int>(image.size(2));
    const NodeStore store = load_nodes(nodes, step_y, weights, height, width);
    const Output out = output_array(out_, "out", image.shape());
    require_apart(image, "image", out, image.size(0) * image.size(1) * image.size(2));
    const WarpJob job{{image.data(), height, width, channels}, store.field(), out.data};
    {
        nb::gil_scoped_release release;
        const Kernels& k = kernels();
        const bool forward = direction == Direction::kForward;
        const auto run = forward ? k.forward : k.adjoint;
        const int count = forward ? tiles(width, kForwardWidth) * tiles(height, kForwardHeight)
                                  : tiles(width, kAdjointWidth) * tiles(height, kAdjointHeight);
        parallel_for(count, threads, forward ? window_floats(channels) : adjoint_floats(channels),
                     [&](int index, float* scratch) { run(job, index, scratch); });
    }
    return out.object;
}

nb::object forward(nb::handle image, nb::handle nodes, nb::handle step_y, nb::handle weights, nb::handle threads,
                   nb::handle out) {
    return warp(Direction::kForward, image, nodes, step_y, weights, threads, out);
}

nb::object adjoint(nb::handle image, nb::handle nodes, nb::handle step_y, nb::handle weights, nb::handle threads,
                   nb::handle out) {
    return warp(Direction::kAdjoint, image, nodes, step_y, weights, threads, out);
}

nb::object coverage(nb::handle nodes_, nb::handle step_, nb::handle weights_, nb::handle height_, nb::handle width_,
                    nb::handle threads_) {
    const FloatArray nodes(nodes_, "nodes", 4), weights(weights_, "weights", 1);
    const int step_y = integer(step_, "step_y", 1, kMaxStep), threads = integer(threads_, "threads", 1, kMaxThreads);
    const int height = integer(height_, "height", 1, 1 << 22), width = integer(width_, "width", 1, 1 << 22);
    const NodeStore store = load_nodes(nodes, step_y, weights, height, width);
    const Output out =
        output_array(nb::none(), "out", {static_cast<std::size_t>(height), static_cast<std::size_t>(width)});
    const WarpJob job{{nullptr, height, width, 1}, store.field(), out.data};
    {
        nb::gil_scoped_release release;
        const auto run = kernels().coverage;
        parallel_for(row_tasks(height), threads, 0, [&](int index, float* s) { run(job, index, s); });
    }
    return out.object;
}

Shape plane_of(const FloatArray& image) { return {image.size(0), image.size(1)}; }

nb::object rl_ratio(nb::handle observed_, nb::handle predicted_, nb::handle confidence_, nb::handle floor_,
                    nb::handle threads_, nb::handle out_) {
    const FloatArray observed(observed_, "observed", 3), predicted(predicted_, "predicted", 3);
    const FloatArray confidence(confidence_, "confidence", 2);
    require_image(observed, "observed");
    require_shape(predicted, "predicted", observed.shape());
    require_shape(confidence, "confidence", plane_of(observed));
    const float floor = real(floor_, "floor");
    require(floor > 0, "floor must be positive");
    const int threads = integer(threads_, "threads", 1, kMaxThreads);
    const Output out = output_array(out_, "out", observed.shape());
    const RatioJob job{observed.data(), predicted.data(), confidence.data(), floor, out.data,
                       static_cast<int>(observed.size(0)), static_cast<int>(observed.size(1)),
                       static_cast<int>(observed.size(2))};
    {
        nb::gil_scoped_release release;
        const auto run = kernels().ratio;
        parallel_for(row_tasks(job.height), threads, 0, [&](int index, float* s) { run(job, index, s); });
    }
    return out.object;
}

nb::object tv_divergence(nb::handle image_, nb::handle epsilon_, nb::handle threads_, nb::handle out_) {
    const FloatArray image(image_, "u", 3);
    require_image(image, "u");
    const float epsilon = real(epsilon_, "epsilon");
    require(epsilon > 0 && epsilon * epsilon > 0, "epsilon must be positive, at least 1e-18");
    const int threads = integer(threads_, "threads", 1, kMaxThreads);
    const Output out = output_array(out_, "out", image.shape());
    require_apart(image, "u", out, image.size(0) * image.size(1) * image.size(2));
    const TvJob job{image.data(), epsilon, out.data, static_cast<int>(image.size(0)),
                    static_cast<int>(image.size(1)), static_cast<int>(image.size(2))};
    {
        nb::gil_scoped_release release;
        const auto run = kernels().tv;
        parallel_for(row_tasks(job.height), threads, 0, [&](int index, float* s) { run(job, index, s); });
    }
    return out.object;
}

nb::object rl_update(nb::handle estimate_, nb::handle correction_, nb::handle normaliser_, nb::handle tv_,
                     nb::handle tv_weight_, nb::handle previous_, nb::handle momentum_, nb::handle threads_,
                     nb::handle out_new_, nb::handle out_extrapolated_) {
    const FloatArray estimate(estimate_, "estimate", 3), correction(correction_, "correction", 3);
    const FloatArray normaliser(normaliser_, "normaliser", 2), previous(previous_, "previous", 3);
    require_image(estimate, "estimate");
    require_shape(correction, "correction", estimate.shape());
    require_shape(normaliser, "normaliser", plane_of(estimate));
    require_shape(previous, "previous", estimate.shape());
    const bool smooth = !tv_.is_none();
    const FloatArray tv(smooth ? tv_ : estimate_, "tv", 3), tv_weight(smooth ? tv_weight_ : normaliser_, "tv_weight", 2);
    require_shape(tv, "tv", estimate.shape());
    require_shape(tv_weight, "tv_weight", plane_of(estimate));
    const float momentum = real(momentum_, "momentum");
    const int threads = integer(threads_, "threads", 1, kMaxThreads);
    const Output fresh = output_array(out_new_, "out_new", estimate.shape());
    const Output extrapolated = output_array(out_extrapolated_, "out_extrapolated", estimate.shape());
    require(fresh.data != extrapolated.data, "out_new and out_extrapolated must be different arrays");
    const UpdateJob job{estimate.data(), correction.data(), normaliser.data(), smooth ? tv.data() : nullptr,
                        smooth ? tv_weight.data() : nullptr, previous.data(), momentum, fresh.data, extrapolated.data,
                        static_cast<int>(estimate.size(0)), static_cast<int>(estimate.size(1)),
                        static_cast<int>(estimate.size(2))};
    {
        nb::gil_scoped_release release;
        const auto run = kernels().update;
        parallel_for(row_tasks(job.height), threads, 0, [&](int index, float* s) { run(job, index, s); });
    }
    return nb::make_tuple(fresh.object, extrapolated.object);
}

std::string cpu_features() { return kernels().name; }

void set_variant(const std::string& name) {
    if (select_variant(name)) return;
    std::string all;
    for (const std::string& v : supported_variants()) all += (all.empty() ? "" : ", ") + v;
    require(false, "variant " + name + " is not supported here; supported: " + all);
}

}  // namespace
}  // namespace gyro

NB_MODULE(_kernel, m) {
    using namespace gyro;
    m.attr("STEP_X") = kBlock;
    m.def("forward", &forward, nb::arg("image").none(), nb::arg("nodes").none(), nb::arg("step_y").none(),
          nb::arg("weights").none(), nb::arg("threads").none(), nb::arg("out") = nb::none());
    m.def("adjoint", &adjoint, nb::arg("image").none(), nb::arg("nodes").none(), nb::arg("step_y").none(),
          nb::arg("weights").none(), nb::arg("threads").none(), nb::arg("out") = nb::none());
    m.def("coverage", &coverage, nb::arg("nodes").none(), nb::arg("step_y").none(), nb::arg("weights").none(),
          nb::arg("height").none(), nb::arg("width").none(), nb::arg("threads").none());
    m.def("rl_ratio", &rl_ratio, nb::arg("observed").none(), nb::arg("predicted").none(),
          nb::arg("confidence").none(), nb::arg("floor").none(), nb::arg("threads").none(),
          nb::arg("out") = nb::none());
    m.def("tv_divergence", &tv_divergence, nb::arg("u").none(), nb::arg("epsilon").none(), nb::arg("threads").none(),
          nb::arg("out") = nb::none());
    m.def("rl_update", &rl_update, nb::arg("estimate").none(), nb::arg("correction").none(),
          nb::arg("normaliser").none(), nb::arg("tv").none(), nb::arg("tv_weight").none(),
          nb::arg("previous").none(), nb::arg("momentum").none(), nb::arg("threads").none(),
          nb::arg("out_new") = nb::none(), nb::arg("out_extrapolated") = nb::none());
    bind_depth(m);
    m.def("cpu_features", &cpu_features);
    m.def("supported_variants", &supported_variants);
    m.def("set_variant", &set_variant, nb::arg("name"));
}
