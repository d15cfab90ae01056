#include "arguments.h"

#include <cmath>

namespace gyro {

namespace {

constexpr std::size_t kMaxSide = std::size_t{1} << 22;  // float32 still resolves coordinates to half a pixel

template <class Array>
void require_layout(const Array& array, const char* name, std::size_t dims) {
    const std::string who = name;
    require(array.dtype() == nb::dtype<float>(), who + " must be float32");
    require(array.ndim() == dims, who + " must have " + std::to_string(dims) + " axes, got " +
                                      std::to_string(array.ndim()));
    long long expected = 1;
    for (std::size_t axis = dims; axis-- > 0;) {
        require(array.shape(axis) <= 1 || array.stride(axis) == expected, who + " must be C-contiguous");
        expected *= static_cast<long long>(array.shape(axis));
    }
}

template <class Array>
Array as_array(nb::handle value, const char* name) {
    Array array;
    require(nb::try_cast<Array>(value, array, false), std::string(name) + " must be a NumPy array in CPU memory" +
                                                   (std::is_same_v<Array, nb::ndarray<nb::ro>> ? "" : ", writable"));
    return array;
}

}  // namespace

void require(bool condition, const std::string& message) {
    if (!condition) throw nb::value_error(message.c_str());
}

std::string text(const Shape& shape) {
    std::string s = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) s += (i ? ", " : "") + std::to_string(shape[i]);
    return s + (shape.size() == 1 ? ",)" : ")");
}

FloatArray::FloatArray(nb::handle value, const char* name, std::size_t dims)
    : array_(as_array<nb::ndarray<nb::ro>>(value, name)) {
    require(array_.device_type() == nb::device::cpu::value,
            std::string(name) + " must be a NumPy array in CPU memory");
    require_layout(array_, name, dims);
}

Shape FloatArray::shape() const {
    Shape s;
    for (std::size_t i = 0; i < array_.ndim(); ++i) s.push_back(array_.shape(i));
    return s;
}

int integer(nb::handle value, const char* name, int low, int high) {
    const std::string range = std::string(name) + " must be an integer from " + std::to_string(low) + " to " +
                              std::to_string(high);
    require(!PyBool_Check(value.ptr()) && PyIndex_Check(value.ptr()), range);
    int overflow = 0;
    const nb::object index = nb::steal(PyNumber_Index(value.ptr()));
    if (!index.is_valid()) throw nb::python_error();
    const long long v = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
    require(!overflow && v >= low && v <= high, range + ", got " + nb::str(value).c_str());
    return static_cast<int>(v);
}

float real(nb::handle value, const char* name) {
    const double v = PyFloat_AsDouble(value.ptr());
    if (PyErr_Occurred()) {
        PyErr_Clear();
        require(false, std::string(name) + " must be a finite number");
    }
    require(std::isfinite(static_cast<float>(v)), std::string(name) + " must be a finite number");
    return static_cast<float>(v);
}

void require_image(const FloatArray& image, const char* name) {
    const std::string got = std::string(", got shape ") + text(image.shape());
    require(image.size(0) >= 1 && image.size(1) >= 1, std::string(name) + " must not be empty" + got);
    require(image.size(0) <= kMaxSide && image.size(1) <= kMaxSide,
            std::string(name) + " must have sides of at most 4194304 px" + got);
    require(image.size(2) >= 1 && image.size(2) <= 4, std::string(name) + " must have 1 to 4 channels" + got);
}

void require_shape(const FloatArray& array, const char* name, const Shape& expected) {
    require(array.shape() == expected,
            std::string(name) + " must have shape " + text(expected) + ", got " + text(array.shape()));
}

Output output_array(nb::handle given, const char* name, const Shape& shape) {
    if (given.is_none()) {
        nb::list sizes;
        for (std::size_t s : shape) sizes.append(s);
        nb::object fresh = nb::module_::import_("numpy").attr("empty")(nb::tuple(sizes), nb::arg("dtype") = "float32");
        return {fresh, static_cast<float*>(nb::cast<nb::ndarray<>>(fresh).data())};
    }
    const auto array = as_array<nb::ndarray<>>(given, name);
    require(array.device_type() == nb::device::cpu::value, std::string(name) + " must be a NumPy array in CPU memory");
    require_layout(array, name, shape.size());
    Shape got;
    for (std::size_t i = 0; i < array.ndim(); ++i) got.push_back(array.shape(i));
    require(got == shape, std::string(name) + " must have shape " + text(shape) + ", got " + text(got));
    return {nb::borrow(given), static_cast<float*>(array.data())};
}

}  // namespace gyro
