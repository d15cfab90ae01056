// Which variants this build and this processor offer, and which one is in use.
#pragma once

#include <string>
#include <vector>

#include "problem.h"

namespace gyro {

const Kernels& kernels();                        // the selected variant
std::vector<std::string> supported_variants();   // best first
bool select_variant(const std::string& name);    // false if not supported here

}  // namespace gyro
