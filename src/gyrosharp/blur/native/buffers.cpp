#include "buffers.h"

#include <mutex>
#include <new>
#include <vector>

#include "problem.h"

namespace gyro {

namespace {

constexpr std::size_t kPooledBytes = std::size_t{64} << 20;  // what the pool may keep between calls

struct Buffer {
    float* data;
    std::size_t bytes;
};

void release(float* data) { ::operator delete[](data, std::align_val_t(kAlign)); }

class Pool {
public:
    // The smallest kept buffer that is large enough, but not wastefully so; data is null if there is none.
    Buffer take(std::size_t bytes) {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::size_t best = free_.size();
        for (std::size_t i = 0; i < free_.size(); ++i)
            if (free_[i].bytes >= bytes && free_[i].bytes / 2 <= bytes &&
                (best == free_.size() || free_[i].bytes < free_[best].bytes))
                best = i;
        if (best == free_.size()) return {nullptr, 0};
        const Buffer found = free_[best];
        free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(best));
        kept_ -= found.bytes;
        return found;
    }

    // Runs in destructors: keeps the buffer or frees it, and never throws.
    void give(Buffer buffer) noexcept {
        try {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (buffer.bytes <= kPooledBytes) {
                free_.push_back(buffer);
                kept_ += buffer.bytes;
                buffer.data = nullptr;
            }
            while (kept_ > kPooledBytes) {  // the oldest make room
                kept_ -= free_.front().bytes;
                release(free_.front().data);
                free_.erase(free_.begin());
            }
        } catch (...) {
            // Could not note it down: buffer.data is still ours to free.
        }
        if (buffer.data) release(buffer.data);
    }

private:
    std::mutex mutex_;
    std::vector<Buffer> free_;
    std::size_t kept_ = 0;
};

Pool& pool() {
    static Pool* shared = new Pool;  // never destroyed: a daemon thread may return a buffer while Python exits
    return *shared;
}

}  // namespace

void ReturnBuffer::operator()(float* buffer) const {
    if (buffer) pool().give({buffer, bytes});
}

AlignedFloats aligned_floats(std::size_t count) {
    const std::size_t bytes = (count * sizeof(float) + kAlign - 1) / kAlign * kAlign + kAlign;
    Buffer b = pool().take(bytes);
    if (!b.data) b = {static_cast<float*>(::operator new[](bytes, std::align_val_t(kAlign))), bytes};
    return AlignedFloats(b.data, ReturnBuffer{b.bytes});
}

}  // namespace gyro
