// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// frame_decoder: any bytes, both roles. What it tells does not depend on the pieces, and encoding
// what it tells makes the same bytes again.

#include "fuzz.hpp"

#include <framewire/frame_decoder.hpp>
#include <framewire/frame_encoder.hpp>

using namespace framewire;
using namespace framewire::test;

namespace {

class decoding {
public:
    decoding(std::span<const std::byte> input, std::uint8_t allowed_rsv)
        : input_(input), allowed_rsv_(allowed_rsv) {}

    template <role Role> std::string run(cutting cut, bool put_back) {
        frame_decoder<Role> decoder(allowed_rsv_);
        fuzz_dice dice(cut.seed);
        for (const std::span<std::byte> piece : cut(input_)) {
            std::span<std::byte> in = piece;
            for (;;) {
                const std::size_t before = in.size();
                decoded item = put_back ? decoder.next_masked(in) : decoder.next(in);
                require(in.size() <= before, "takes from the front only");
                if (item.kind == decoded_kind::need_data) {
                    require(in.empty(), "need_data when everything is used up");
                    break;
                }
                if (item.kind == decoded_kind::error) {
                    require(item.error != errc::success, "an error has a cause");
                    const decoded again = decoder.next(in);
                    require(again.kind == decoded_kind::error && again.error == item.error,
                            "an error stays");
                    require_prefix();
                    return wire_ + " error " + std::string(message(item.error));
                }
                if (item.kind == decoded_kind::header) {
                    begin(item.header, Role);
                    continue;
                }
                if (put_back) {
                    const std::size_t back = dice.below(item.payload.size() + 1);
                    const std::size_t used = item.payload.size() - back;
                    const masking_key key = rotated(item.header.key, used);
                    if (Role == role::server) {
                        (void)mask_in_place(item.payload.first(used), item.header.key);
                    }
                    if (back != 0) {
                        decoder.put_back(item.header, back, key);
                        in = {item.payload.data() + used, back + in.size()};
                        item.end_of_frame = false;
                        item.payload = item.payload.first(used);
                    }
                }
                add(item);
            }
        }
        require_prefix();
        require(wire_.size() + max_header_size > input_.size(), "holds back at most a header");
        require(decoder.at_frame_boundary() == (left_ == 0 && wire_.size() == input_.size()),
                "at_frame_boundary");
        return wire_;
    }

private:
    void begin(const frame_header& header, role self) {
        require(left_ == 0, "a header stands behind the end of a frame");
        require(header.masked == (self == role::server), "masked as the sender has to");
        require((header.rsv & ~allowed_rsv_) == 0, "no reserved bit that was not allowed");
        require(!is_reserved(header.op), "no reserved opcode");
        require(!is_control(header.op) || (header.fin && header.payload_size <= 125),
                "control frames are short and whole");
        require(header.payload_size < std::uint64_t{1} << 63, "the length has 63 bits");
        header_ = header;
        left_ = header.payload_size;
        const frame_prefix prefix = encode_prefix(header);
        for (const std::byte b : prefix.bytes())
            wire_ += static_cast<char>(b);
        open_ = true;
    }
    // Masks by the octet, as RFC 6455 5.3 says it.
    void add(const decoded& item) {
        require(open_ && item.payload.size() <= left_, "no more payload than the header said");
        for (const std::byte b : item.payload) {
            const std::uint64_t at = header_.payload_size - left_;
            wire_ += static_cast<char>(header_.masked ? b ^ header_.key.octets[at % 4] : b);
            --left_;
        }
        require(item.end_of_frame == (left_ == 0), "end_of_frame with the last piece");
        if (item.end_of_frame) open_ = false;
    }
    void require_prefix() const {
        require(wire_.size() <= input_.size() &&
                    wire_ == fuzz_input::text_of(input_.first(wire_.size())),
                "encoding what was decoded makes the same bytes");
    }

    std::span<const std::byte> input_;
    std::uint8_t allowed_rsv_;
    frame_header header_;
    std::uint64_t left_ = 0;
    bool open_ = false;
    std::string wire_;
};

template <role Role>
void fuzz(std::span<const std::byte> input, std::uint8_t rsv, std::uint32_t seed) {
    const std::string result =
        same_however_cut(seed, "frames do not depend on the pieces",
                         [&](cutting cut) { return decoding(input, rsv).run<Role>(cut, false); });
    require_same(decoding(input, rsv).run<Role>({cutting::kind::random, seed}, true), result,
                 "frames do not depend on what is put back");
    // The short cut for whole messages agrees with the decoder.
    const std::size_t whole = whole_message_size<Role>(input, 1000);
    require(whole <= input.size(), "a whole message is all there");
    if (whole != 0) {
        const std::string same = decoding(input.first(whole), 0).run<Role>({}, false);
        require(same.size() == whole, "a whole message is one that the decoder accepts");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const unsigned setting = input.octet();
    const std::uint32_t seed = input.octet();
    const auto rsv = static_cast<std::uint8_t>((setting >> 1) & 7);
    if ((setting & 1) != 0)
        fuzz<role::client>(input.rest(), rsv, seed);
    else
        fuzz<role::server>(input.rest(), rsv, seed);
    return 0;
}
