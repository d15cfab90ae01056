// One instruction-set variant of every kernel. The build compiles this file once per variant, with the matching
// flags and GYRO_VARIANT naming it; all code below sits in anonymous namespaces, so nothing is shared or merged.
#include "adjoint.h"
#include "depth_resolve.h"
#include "elementwise.h"

#define GYRO_JOIN_(a, b) a##b
#define GYRO_JOIN(a, b) GYRO_JOIN_(a, b)
#define GYRO_TEXT_(a) #a
#define GYRO_TEXT(a) GYRO_TEXT_(a)

namespace {

// Calls function<C> for the job's number of channels, 1 to 4.
#define GYRO_BY_CHANNELS(function, channels, ...) \
    switch (channels) {                           \
        case 1: return function<1>(__VA_ARGS__);  \
        case 2: return function<2>(__VA_ARGS__);  \
        case 3: return function<3>(__VA_ARGS__);  \
        default: return function<4>(__VA_ARGS__); \
    }

void forward(const gyro::WarpJob& job, int index, float* scratch) {
    GYRO_BY_CHANNELS(forward_tile, job.image.channels, job, index, scratch)
}
void adjoint(const gyro::WarpJob& job, int index, float* scratch) {
    GYRO_BY_CHANNELS(adjoint_tile, job.image.channels, job, index, scratch)
}
void ratio(const gyro::RatioJob& job, int index, float* scratch) {
    GYRO_BY_CHANNELS(ratio_rows, job.channels, job, index, scratch)
}
void tv(const gyro::TvJob& job, int index, float* scratch) {
    GYRO_BY_CHANNELS(tv_rows, job.channels, job, index, scratch)
}
void update(const gyro::UpdateJob& job, int index, float* scratch) {
    GYRO_BY_CHANNELS(update_rows, job.channels, job, index, scratch)
}

}  // namespace

namespace gyro {

extern const Kernels GYRO_JOIN(kernels_, GYRO_VARIANT);
const Kernels GYRO_JOIN(kernels_, GYRO_VARIANT) = {
    GYRO_TEXT(GYRO_VARIANT), forward, adjoint, coverage_rows, ratio, tv, update,
    depth_boxes, depth_sources, depth_forward_tile, depth_adjoint_tile, depth_coverage_tile,
};

}  // namespace gyro
