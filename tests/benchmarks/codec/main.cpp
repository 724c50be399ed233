// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The codec's benchmark: what each library makes of the same bytes in memory. By itself a program
// of Google Benchmark, with its options; with --instructions FILTER, to be run by callgrind, it
// does once what the filter finds in the names, has callgrind write down what that took, and prints
// how many messages it was.

#include "codec.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <regex>
#include <string_view>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif

namespace {

using codec::work;
using codec::works;
using watch = std::chrono::steady_clock;

works all_works() {
    works all;
    codec::add_framewire(all);
#ifdef CODEC_WITH_BEAST
    codec::add_beast(all);
#endif
#ifdef CODEC_WITH_WEBSOCKETPP
    codec::add_websocketpp(all);
#endif
#ifdef CODEC_WITH_WSLAY
    codec::add_wslay(all);
#endif
    codec::add_limits(all);
    return all;
}

std::string name_of(const work& each) { return each.operation + '/' + each.of + '/' + each.who; }

/// Runs each once. \return whether all results were right.
bool check(const works& all) {
    bool ok = true;
    for (const work& each : all) {
        if (each.restore) each.restore();
        each.run();
        if (each.check && !each.check()) {
            std::fprintf(stderr, "%s: the result is wrong\n", name_of(each).c_str());
            ok = false;
        }
    }
    return ok;
}

double seconds(watch::duration time) { return std::chrono::duration<double>(time).count(); }

/// What it costs to look at the watch twice.
double watch_cost() {
    std::array<double, 1001> costs;
    for (double& cost : costs) {
        const watch::time_point begin = watch::now();
        cost = seconds(watch::now() - begin);
    }
    std::nth_element(costs.begin(), costs.begin() + costs.size() / 2, costs.end());
    return costs[costs.size() / 2];
}

/// What has to be restored is so before each run, outside of the time that counts. For all others
/// the CPU time counts.
void measure(benchmark::State& state, const work& each, double watch_cost) {
    double least = 1;
    for (auto _ : state) {
        if (each.restore) {
            each.restore();
            const watch::time_point begin = watch::now();
            each.run();
            const double time = std::max(seconds(watch::now() - begin) - watch_cost, 1e-9);
            least = std::min(least, time);
            // Microseconds that became milliseconds: another process had the core.
            state.SetIterationTime(time > 4 * least ? least : time);
        } else {
            each.run();
        }
    }
    state.counters["messages"] = static_cast<double>(each.messages);
    state.counters["bytes"] = static_cast<double>(each.bytes);
}

int count_instructions(const works& all, const char* filter) {
#ifdef CALLGRIND_TOGGLE_COLLECT
    const std::regex wanted(filter);
    for (const work& each : all) {
        const std::string name = name_of(each);
        if (!std::regex_search(name, wanted)) continue;
        if (each.restore) each.restore();
        CALLGRIND_ZERO_STATS;
        CALLGRIND_TOGGLE_COLLECT;
        each.run();
        CALLGRIND_TOGGLE_COLLECT;
        CALLGRIND_DUMP_STATS;
        std::printf("%zu\t%s\n", each.messages, name.c_str());
    }
    return 0;
#else
    (void)all, (void)filter;
    std::fputs("built without valgrind/callgrind.h\n", stderr);
    return 1;
#endif
}

} // namespace

int main(int argc, char** argv) {
    const works all = all_works();
    if (!check(all)) return 1;
    if (argc == 3 && argv[1] == std::string_view("--instructions")) {
        return count_instructions(all, argv[2]);
    }
    const double cost = watch_cost();
    for (const work& each : all) {
        auto* const made = benchmark::RegisterBenchmark(
            name_of(each).c_str(),
            [&each, cost](benchmark::State& state) { measure(state, each, cost); });
        if (each.restore) made->UseManualTime();
    }
    benchmark::AddCustomContext("connection_bytes",
                                std::to_string(codec::framewire_connection_size()));
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
}
