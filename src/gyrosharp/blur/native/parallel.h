// Numbered tasks on a few threads, each with private scratch memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "buffers.h"

namespace gyro {

// Runs task(index, scratch) for 0 <= index < count, in any order. Tasks write disjoint output and must not throw.
template <class Task>
void parallel_for(int count, int threads, std::size_t scratch_floats, const Task& task) {
    const int workers = std::max(1, std::min(threads, count));
    std::vector<AlignedFloats> scratch;
    for (int i = 0; i < workers; ++i) scratch.push_back(aligned_floats(scratch_floats));
    std::atomic<int> next{0};
    const auto work = [&](int worker) {
        for (int index; (index = next.fetch_add(1)) < count;) task(index, scratch[worker].get());
    };
    std::vector<std::thread> others;
    others.reserve(workers - 1);
    for (int i = 1; i < workers; ++i) {
        try {
            others.emplace_back(work, i);
        } catch (const std::system_error&) {
            break;  // no more threads to be had: the others do the work
        }
    }
    work(0);
    for (std::thread& t : others) t.join();
}

}  // namespace gyro
