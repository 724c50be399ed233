// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the machine allows: the C library's memcpy, and for x86-64 with AVX2 the least that a parser
// and an encoder have to do. These are no library: they trust their input, read and write beyond a
// payload's end, and know whole frames only.

#include "codec.hpp"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#define CODEC_HAS_AVX2 1
#define CODEC_AVX2 __attribute__((target("avx2,bmi2")))
#endif

namespace codec {

namespace {

struct copying_parser {
    void operator()(const std::uint8_t* data, std::size_t size, sink& out) {
        std::memcpy(copy.data(), data, size);
        keep(copy.data());
        // The sink is spared the rest: nothing was parsed.
        (void)out;
    }
    buffer copy = buffer(2 * run_size);
};

struct copying_encoder {
    void operator()(const frames& wanted, output& out) {
        std::memcpy(out.data(), wanted.original(), wanted.size());
        out.set_size(wanted.size());
    }
};

#ifdef CODEC_HAS_AVX2

std::size_t big_endian(const std::uint8_t* from, std::size_t size) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, size);
    return static_cast<std::size_t>(__builtin_bswap64(word) >> (64 - 8 * size));
}

__m256i* vector_at(std::uint8_t* at) { return reinterpret_cast<__m256i*>(at); }
const __m256i* vector_at(const std::uint8_t* at) { return reinterpret_cast<const __m256i*>(at); }

// 32 octets set, then 32 that are not: loaded at 32 - n it selects the first n.
alignas(64) constexpr auto selection = [] {
    std::array<std::uint8_t, 64> result{};
    for (std::size_t i = 0; i < 32; ++i)
        result[i] = 0xFF;
    return result;
}();

CODEC_AVX2 inline __m128i* half_at(std::uint8_t* at) { return reinterpret_cast<__m128i*>(at); }

// Unmasks in place. The end is loaded before anything is stored, so that it may overlap; nothing
// behind the payload is stored to, where the next header would have to wait for it.
// \return the OR of all octets: its high bits tell whether it is ASCII.
CODEC_AVX2 inline __m256i unmask(std::uint8_t* p, std::size_t size, std::uint32_t key) {
    const __m256i keys = _mm256_set1_epi32(static_cast<int>(key));
    // The key's phase at the end is that of the size.
    const unsigned turn = static_cast<unsigned>(size % 4) * 8;
    const int end_key = static_cast<int>(key >> turn | key << (32 - turn) % 32);
    if (size >= 32) {
        std::uint8_t* const end = p + size - 32;
        const __m256i last =
            _mm256_xor_si256(_mm256_loadu_si256(vector_at(end)), _mm256_set1_epi32(end_key));
        __m256i seen = last;
        for (; p + 128 <= end + 32; p += 128) {
            const __m256i a = _mm256_xor_si256(_mm256_loadu_si256(vector_at(p)), keys);
            const __m256i b = _mm256_xor_si256(_mm256_loadu_si256(vector_at(p + 32)), keys);
            const __m256i c = _mm256_xor_si256(_mm256_loadu_si256(vector_at(p + 64)), keys);
            const __m256i d = _mm256_xor_si256(_mm256_loadu_si256(vector_at(p + 96)), keys);
            _mm256_storeu_si256(vector_at(p), a);
            _mm256_storeu_si256(vector_at(p + 32), b);
            _mm256_storeu_si256(vector_at(p + 64), c);
            _mm256_storeu_si256(vector_at(p + 96), d);
            seen = _mm256_or_si256(seen,
                                   _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d)));
        }
        for (; p < end; p += 32) {
            const __m256i a = _mm256_xor_si256(_mm256_loadu_si256(vector_at(p)), keys);
            _mm256_storeu_si256(vector_at(p), a);
            seen = _mm256_or_si256(seen, a);
        }
        _mm256_storeu_si256(vector_at(end), last);
        return seen;
    }
    if (size >= 16) {
        std::uint8_t* const end = p + size - 16;
        const __m128i first =
            _mm_xor_si128(_mm_loadu_si128(half_at(p)), _mm256_castsi256_si128(keys));
        const __m128i last = _mm_xor_si128(_mm_loadu_si128(half_at(end)), _mm_set1_epi32(end_key));
        _mm_storeu_si128(half_at(p), first);
        _mm_storeu_si128(half_at(end), last);
        return _mm256_zextsi128_si256(_mm_or_si128(first, last));
    }
    const __m256i those = _mm256_loadu_si256(vector_at(selection.data() + 32 - size));
    const __m256i all =
        _mm256_xor_si256(_mm256_loadu_si256(vector_at(p)), _mm256_and_si256(keys, those));
    _mm256_storeu_si256(vector_at(p), all);
    return _mm256_and_si256(all, those);
}

CODEC_AVX2 inline __m256i look_at(const std::uint8_t* p, std::size_t size) {
    __m256i seen = _mm256_setzero_si256();
    std::size_t i = 0;
    for (; i + 128 <= size; i += 128) {
        const __m256i a = _mm256_loadu_si256(vector_at(p + i));
        const __m256i b = _mm256_loadu_si256(vector_at(p + i + 32));
        const __m256i c = _mm256_loadu_si256(vector_at(p + i + 64));
        const __m256i d = _mm256_loadu_si256(vector_at(p + i + 96));
        seen = _mm256_or_si256(seen, _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d)));
    }
    for (; i + 32 <= size; i += 32)
        seen = _mm256_or_si256(seen, _mm256_loadu_si256(vector_at(p + i)));
    if (i < size) {
        const __m256i those = _mm256_loadu_si256(vector_at(selection.data() + 32 - (size - i)));
        seen = _mm256_or_si256(seen, _mm256_and_si256(_mm256_loadu_si256(vector_at(p + i)), those));
    }
    return seen;
}

// Finds each frame, unmasks it and looks for what is no ASCII, in one pass.
template <bool Masked> struct reference_parser {
    CODEC_AVX2 void operator()(std::uint8_t* data, std::size_t size, sink& out) {
        std::uint8_t* p = data;
        const std::uint8_t* const end = data + size;
        while (p < end) {
            const bool text = p[0] == 0x81;
            std::size_t length = p[1] & 0x7Fu;
            p += 2;
            if (length == 126) {
                length = big_endian(p, 2);
                p += 2;
            } else if (length == 127) {
                length = big_endian(p, 8);
                p += 8;
            }
            __m256i seen;
            if constexpr (Masked) {
                std::uint32_t key = 0;
                std::memcpy(&key, p, 4);
                p += 4;
                seen = unmask(p, length, key);
            } else if (text) {
                seen = look_at(p, length);
            } else {
                seen = _mm256_setzero_si256();
            }
            if (text && _mm256_movemask_epi8(seen) != 0) return;
            out.take(p, length);
            p += length;
        }
    }
};

template <bool Masked> struct reference_encoder {
    CODEC_AVX2 void operator()(const frames& wanted, output& out) {
        std::uint8_t* p = out.data();
        const std::size_t size = wanted.kind().size;
        const std::uint8_t first = wanted.kind().text ? 0x81 : 0x82;
        for (std::size_t i = 0; i < wanted.count(); ++i) {
            p[0] = first;
            const int mask_bit = Masked ? 0x80 : 0;
            if (size < 126) {
                p[1] = static_cast<std::uint8_t>(mask_bit | static_cast<int>(size));
                p += 2;
            } else if (size < 65536) {
                p[1] = static_cast<std::uint8_t>(mask_bit | 126);
                const std::uint16_t length = __builtin_bswap16(static_cast<std::uint16_t>(size));
                std::memcpy(p + 2, &length, 2);
                p += 4;
            } else {
                p[1] = static_cast<std::uint8_t>(mask_bit | 127);
                const std::uint64_t length = __builtin_bswap64(size);
                std::memcpy(p + 2, &length, 8);
                p += 10;
            }
            __m256i key = _mm256_setzero_si256();
            if constexpr (Masked) {
                // Any number will do for a limit. It is no key: those cannot be predicted.
                number = number * 1664525 + 1013904223;
                std::memcpy(p, &number, 4);
                key = _mm256_set1_epi32(static_cast<int>(number));
                p += 4;
            }
            copy(p, wanted.payload(i), size, key);
            p += size;
        }
        out.set_size(static_cast<std::size_t>(p - out.data()));
    }

    // Writes up to 31 octets more than asked for, which the next frame overwrites.
    CODEC_AVX2 static void copy(std::uint8_t* to, const std::uint8_t* from, std::size_t size,
                                __m256i key) {
        if (!Masked && size >= 256) {
            std::memcpy(to, from, size);
            return;
        }
        std::size_t i = 0;
        for (; i + 32 <= size; i += 32) {
            _mm256_storeu_si256(vector_at(to + i),
                                _mm256_xor_si256(_mm256_loadu_si256(vector_at(from + i)), key));
        }
        if (i < size) {
            // From the end of the payload: nothing is read behind it.
            std::array<std::uint8_t, 32> rest{};
            if (size >= 32) {
                i = size - 32;
                // The key's phase at that place.
                const auto word = static_cast<std::uint32_t>(_mm256_extract_epi32(key, 0));
                const unsigned turn = static_cast<unsigned>(i % 4) * 8;
                const std::uint32_t turned = turn == 0 ? word : word >> turn | word << (32 - turn);
                _mm256_storeu_si256(vector_at(to + i),
                                    _mm256_xor_si256(_mm256_loadu_si256(vector_at(from + i)),
                                                     _mm256_set1_epi32(static_cast<int>(turned))));
            } else if (size == 16) {
                const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
                _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                                 _mm_xor_si128(half, _mm256_castsi256_si128(key)));
            } else {
                std::memcpy(rest.data(), from + i, size - i);
                _mm256_storeu_si256(
                    vector_at(to + i),
                    _mm256_xor_si256(_mm256_loadu_si256(vector_at(rest.data())), key));
            }
        }
    }

    std::uint32_t number = 1;
};

CODEC_AVX2 void xor_in_place(std::uint8_t* data, std::size_t size) {
    std::uint32_t key = 0;
    std::memcpy(&key, mask_octets.data(), 4);
    keep(_mm256_movemask_epi8(unmask(data, size, key)));
}

CODEC_AVX2 bool is_ascii(const std::uint8_t* data, std::size_t size) {
    return _mm256_movemask_epi8(look_at(data, size)) == 0;
}

#endif

} // namespace

void add_limits(works& all) {
    for (const bool server : {true, false}) {
        add_parser<copying_parser>(all, server, "memcpy");
        add_encoder<copying_encoder>(all, server, "memcpy");
    }
    // Nothing is parsed by copying.
    for (work& each : all) {
        if (each.who == "memcpy" && each.operation.compare(0, 5, "parse") == 0)
            each.check = nullptr;
    }
    add_mask(
        all, "memcpy",
        [copy = std::make_shared<buffer>(1 << 20)](const std::uint8_t* data, std::size_t size) {
            std::memcpy(copy->data(), data, size);
            keep(copy->data());
        },
        false);
#ifdef CODEC_HAS_AVX2
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2")) return;
    add_parser<reference_parser<true>>(all, true, "reference");
    add_parser<reference_parser<false>>(all, false, "reference");
    add_encoder<reference_encoder<false>>(all, true, "reference");
    add_encoder<reference_encoder<true>>(all, false, "reference");
    add_mask(all, "AVX2 XOR", xor_in_place);
    add_utf8(all, "ASCII scan", is_ascii, true);
#endif
}

} // namespace codec
