// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Masking and UTF-8 in vectors of any width. Included once a level, in the namespace of its vector,
// with FRAMEWIRE_LEVEL_TARGET defined: a template cannot carry the target of its argument. This is
// why there is no include guard.
//
// Loads and stores overlap at the ends instead of going byte by byte; in place, all that overlaps
// is loaded before it is stored. Nothing outside the span is touched.

#ifdef FRAMEWIRE_LEVEL_TARGET

// XORs `from` into `to`; the two are the same place or do not overlap. `size` is at least `width`.
FRAMEWIRE_LEVEL_TARGET inline void mask(std::byte* to, const std::byte* from, std::size_t size,
                                        std::uint32_t key) noexcept {
    const vector first = differ(load(from), repeat(key));
    const vector last = differ(load(from + size - width), repeat(rotated_key(key, size - width)));
    // A payload seldom begins where a vector should be stored.
    std::size_t i = width - (reinterpret_cast<std::uintptr_t>(to) & (width - 1));
    const vector keys = repeat(rotated_key(key, i));
    for (; size - i > 4 * width; i += 4 * width) {
        const vector a = differ(load(from + i), keys);
        const vector b = differ(load(from + i + width), keys);
        const vector c = differ(load(from + i + 2 * width), keys);
        const vector d = differ(load(from + i + 3 * width), keys);
        store(to + i, a);
        store(to + i + width, b);
        store(to + i + 2 * width, c);
        store(to + i + 3 * width, d);
    }
    for (; size - i > width; i += width)
        store(to + i, differ(load(from + i), keys));
    store(to, first);
    store(to + size - width, last);
}

// Goes over a text vector by vector. What it is asked for is inlined into one loop.
struct utf8_check {
    vector first_high;
    vector first_low;
    vector second_high;
    vector finished;   // see utf8_tables.finished
    vector previous;   // what the text had before
    vector unfinished; // not zero: the text so far ends inside a code point

    FRAMEWIRE_LEVEL_INLINE utf8_check() noexcept
        : first_high(table(utf8_tables.first_high)), first_low(table(utf8_tables.first_low)),
          second_high(table(utf8_tables.second_high)),
          finished(load(utf8_tables.finished + 64 - width)), previous(splat(0)),
          unfinished(splat(0)) {}

    // Not zero where the two bytes, or the three or four, that end there cannot be.
    [[nodiscard]] FRAMEWIRE_LEVEL_INLINE vector mistakes(vector third, vector second, vector first,
                                                         vector current) const noexcept {
        const vector found = both(
            both(lookup(first_high, high_half(first)), lookup(first_low, both(first, splat(0x0F)))),
            lookup(second_high, high_half(current)));
        // From E0 on a first byte asks for a third one, from F0 on for a fourth one.
        const vector expected = either(subtract(second, splat(0xE0 - two_continuations)),
                                       subtract(third, splat(0xF0 - two_continuations)));
        return differ(found, both(expected, splat(two_continuations)));
    }

    [[nodiscard]] FRAMEWIRE_LEVEL_INLINE vector mistakes(vector before,
                                                         vector current) const noexcept {
        const vector joint = join(before, current);
        return mistakes(shifted<3>(joint, current), shifted<2>(joint, current),
                        shifted<1>(joint, current), current);
    }

    // \returns whether the text can go on like this.
    // The last `fresh` bytes of the vector follow on `previous`; those before them, of which only
    // the end of a text has any, are the last of `previous`.
    [[nodiscard]] FRAMEWIRE_LEVEL_INLINE bool take(vector a, std::size_t fresh) noexcept {
        vector before = previous;
        previous = a;
        if (!any_high_bit(a)) return !any(unfinished);
        unfinished = subtract(a, finished);
        vector counted = splat(0xFF);
        if (fresh <= width - 3) {
            // All that the fresh bytes depend on is there.
            before = splat(0);
            counted = load(utf8_tables.behind_three);
        } else if (fresh < width) {
            const vector joint = join(splat(0), before);
            before = fresh == width - 1 ? shifted<1>(joint, before) : shifted<2>(joint, before);
        }
        return !any(both(mistakes(before, a), counted));
    }
};

// Goes on from `i`, before which all is ASCII, and unmasks into `to` unless that is null. `key` is
// that of byte `i`, `last` the unmasked vector that ends the text. One function for both, since the
// checks take compilers the most time of all.
FRAMEWIRE_LEVEL_TARGET inline std::size_t check_utf8(std::byte* to, const std::byte* text,
                                                     std::size_t size, std::size_t i,
                                                     std::uint32_t key, vector last) noexcept {
    const vector keys = repeat(key);
    utf8_check check;
    while (i != size) {
        const std::size_t fresh = size - i < width ? size - i : width;
        const vector a = fresh < width ? last : differ(load(text + i), keys);
        if (to != nullptr) store(to + i + fresh - width, a);
        if (!check.take(a, fresh)) return whole_code_points(text, i);
        i += fresh;
    }
    return any(check.unfinished) ? whole_code_points(text, size) : size;
}

// See portable::valid_utf8. When there is a mistake, no more than the steps before it are counted.
FRAMEWIRE_LEVEL_TARGET inline std::size_t valid_utf8(const std::byte* text,
                                                     std::size_t size) noexcept {
    if (size < width) return narrower::valid_utf8(text, size);
    std::size_t i = 0;
    // Most texts are ASCII from beginning to end.
    while (size - i >= 2 * width && !any_high_bit(either(load(text + i), load(text + i + width))))
        i += 2 * width;
    const vector last = load(text + size - width);
    if (size - i < 2 * width) {
        const vector a = size - i > width ? load(text + i) : last;
        if (!any_high_bit(either(a, last))) return size;
    }
    return check_utf8(nullptr, text, size, i, 0, last);
}

// See portable::unmask_utf8. When there is a mistake, what lies behind its step stays masked. What
// is checked stays in registers: to load bytes just behind a store of others costs much.
FRAMEWIRE_LEVEL_TARGET inline std::size_t unmask_utf8(std::byte* text, std::size_t size,
                                                      std::uint32_t key) noexcept {
    if (size < width) return narrower::unmask_utf8(text, size, key);
    const vector last = differ(load(text + size - width), repeat(rotated_key(key, size)));
    std::size_t i = 0;
    // As in mask: the first vector and the next one, which is aligned, overlap.
    if (size >= 8 * width) {
        const std::size_t aligned = width - (reinterpret_cast<std::uintptr_t>(text) & (width - 1));
        const vector first = differ(load(text), repeat(key));
        const vector next = differ(load(text + aligned), repeat(rotated_key(key, aligned)));
        if (!any_high_bit(either(first, next))) {
            store(text, first);
            store(text + aligned, next);
            key = rotated_key(key, aligned);
            i = aligned + width;
        }
    }
    const vector keys = repeat(key);
    for (; size - i >= 2 * width; i += 2 * width) {
        const vector a = differ(load(text + i), keys);
        const vector b = differ(load(text + i + width), keys);
        if (any_high_bit(either(a, b))) return check_utf8(text, text, size, i, key, last);
        store(text + i, a);
        store(text + i + width, b);
    }
    const bool two = size - i > width;
    const vector a = two ? differ(load(text + i), keys) : last;
    if (any_high_bit(either(a, last))) return check_utf8(text, text, size, i, key, last);
    if (two) store(text + i, a);
    store(text + size - width, last);
    return size;
}

#endif
