// Checks on what Python passes. Every failure is a ValueError of one line that names the argument.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <string>
#include <vector>

namespace gyro {

namespace nb = nanobind;

using Shape = std::vector<std::size_t>;

// A float32, C-contiguous, CPU array. Holds a reference to the caller's object.
class FloatArray {
public:
    // `dims` is the expected number of axes.
    FloatArray(nb::handle value, const char* name, std::size_t dims);

    const float* data() const { return static_cast<const float*>(array_.data()); }
    std::size_t size(std::size_t axis) const { return array_.shape(axis); }
    Shape shape() const;

private:
    nb::ndarray<nb::ro> array_;
};

std::string text(const Shape& shape);
void require(bool condition, const std::string& message);  // throws nb::value_error

// An integer in [low, high]; a bool or a float is refused.
int integer(nb::handle value, const char* name, int low, int high);
// A finite float.
float real(nb::handle value, const char* name);

// (H, W, C) with 1 <= H, W <= 2^22 and 1 <= C <= 4.
void require_image(const FloatArray& image, const char* name);
void require_shape(const FloatArray& array, const char* name, const Shape& expected);

// The array results go to: `given` if not None (checked, writable), else a new one from NumPy, whose allocator asks
// for huge pages (page faults would otherwise cost as much as the work).
struct Output {
    nb::object object;
    float* data;
};
Output output_array(nb::handle given, const char* name, const Shape& shape);

}  // namespace gyro
