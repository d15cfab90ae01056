#include "dispatch.h"

#include <atomic>
#include <cstdlib>

namespace gyro {

extern const Kernels kernels_baseline;
#ifdef GYRO_X86_VARIANTS
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

namespace {

std::vector<const Kernels*> supported() {
    std::vector<const Kernels*> all;
#ifdef GYRO_X86_VARIANTS
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (avx2 && avx512) all.push_back(&kernels_avx512);
    if (avx2) all.push_back(&kernels_avx2);
#endif
    all.push_back(&kernels_baseline);
    return all;
}

const Kernels* find(const std::string& name) {
    for (const Kernels* k : supported())
        if (name == k->name) return k;
    return nullptr;
}

// GYROSHARP_KERNEL forces a variant for tests and measurements; an unsupported name is ignored here, because an
// import must not fail for it. set_variant() is the strict way.
const Kernels* initial() {
    const char* wanted = std::getenv("GYROSHARP_KERNEL");
    const Kernels* forced = wanted ? find(wanted) : nullptr;
    return forced ? forced : supported().front();
}

std::atomic<const Kernels*>& current() {
    static std::atomic<const Kernels*> chosen{initial()};
    return chosen;
}

}  // namespace

const Kernels& kernels() { return *current().load(); }

std::vector<std::string> supported_variants() {
    std::vector<std::string> names;
    for (const Kernels* k : supported()) names.emplace_back(k->name);
    return names;
}

bool select_variant(const std::string& name) {
    const Kernels* k = find(name);
    if (k) current().store(k);
    return k != nullptr;
}

}  // namespace gyro
