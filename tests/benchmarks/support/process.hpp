// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What Linux tells about a running process, and what this one asks of it.

#ifndef FRAMEWIRE_BENCHMARKS_PROCESS_HPP
#define FRAMEWIRE_BENCHMARKS_PROCESS_HPP

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>

namespace benchmarks {

/// Says what went wrong, with the system's reason when there is one, and ends the program with 1.
[[noreturn]] inline void die(const std::string& what, int error = 0) {
    if (error != 0) {
        std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(error));
    } else {
        std::fprintf(stderr, "%s\n", what.c_str());
    }
    std::exit(1);
}

/// Nanoseconds.
[[nodiscard]] inline std::int64_t read_clock(clockid_t clock) {
    timespec now{};
    if (::clock_gettime(clock, &now) != 0) die("cannot read the clock", errno);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Nanoseconds since some moment.
[[nodiscard]] inline std::int64_t now() { return read_clock(CLOCK_MONOTONIC); }

/// The CPU time of all threads of a process, user's and system's, up to this moment. What
/// /proc/PID/schedstat tells is late by up to a tick when the process is running.
class cpu_clock {
public:
    /// \param process 0 for this one.
    explicit cpu_clock(pid_t process) {
        const int error = ::clock_getcpuclockid(process, &clock_);
        if (error != 0) die("no process " + std::to_string(process), error);
    }
    /// Nanoseconds.
    [[nodiscard]] std::int64_t read() const { return read_clock(clock_); }

private:
    clockid_t clock_{};
};

/// Bytes of the process that are in memory: heap, stacks, code. What its sockets hold is the
/// kernel's, and not among them. VmRSS is the same number, off by up to 32 pages a core.
[[nodiscard]] inline std::int64_t resident_bytes(pid_t process) {
    const std::string name = "/proc/" + std::to_string(process) + "/smaps_rollup";
    std::FILE* file = std::fopen(name.c_str(), "r");
    if (file == nullptr) die("cannot open " + name, errno);
    char line[256];
    std::int64_t kib = -1;
    while (kib < 0 && std::fgets(line, sizeof line, file) != nullptr) {
        if (std::sscanf(line, "Rss: %" SCNd64, &kib) != 1) kib = -1;
    }
    std::fclose(file);
    if (kib < 0) die("the process has ended: " + name);
    return kib * 1024;
}

/// Waits until a process rests: next to no CPU time in 100 ms. For 10 s at most.
inline void settle(pid_t process) {
    const cpu_clock clock(process);
    for (int i = 0; i < 100; ++i) {
        const std::int64_t before = clock.read();
        const timespec pause{0, 100'000'000};
        ::nanosleep(&pause, nullptr);
        if (clock.read() - before < 1'000'000) return;
    }
}

/// What a process has in memory once it rests.
[[nodiscard]] inline std::int64_t memory_at_rest(pid_t process) {
    settle(process);
    return resident_bytes(process);
}

/// Allows as many descriptors as the hard limit does.
inline void raise_descriptor_limit(rlim_t needed) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) die("getrlimit", errno);
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) die("setrlimit", errno);
    if (limit.rlim_cur < needed) {
        die("needs " + std::to_string(needed) + " descriptors, and may have " +
            std::to_string(limit.rlim_cur) + ": raise the hard limit (ulimit -Hn)");
    }
}

/// Keeps this process on one core. Negative: does not.
inline void pin_to_core(int core) {
    if (core < 0) return;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(static_cast<std::size_t>(core), &cores);
    if (::sched_setaffinity(0, sizeof cores, &cores) != 0) die("cannot use that core", errno);
}

} // namespace benchmarks

#endif
