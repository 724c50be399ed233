// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Collects the body of a refusal, as far as it is worth showing to a person.

#ifndef FRAMEWIRE_QT_DETAIL_HTTP_BODY_HPP
#define FRAMEWIRE_QT_DETAIL_HTTP_BODY_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/http_fields.hpp>

#include <QByteArray>
#include <QByteArrayView>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace framewire::qt::detail {

class http_body {
public:
    // RFC 9112 6.3: where the body ends. A length that is no number counts as none, and then the
    // end of the connection is the end of the body.
    http_body(int status, http_fields fields, qsizetype limit) : left_(limit) {
        chunked_ = fields.list_contains("Transfer-Encoding", "chunked");
        const std::optional<std::string_view> length = fields.find("Content-Length");
        if (!chunked_ && length) {
            qsizetype value = 0;
            const auto [end, error] =
                std::from_chars(length->data(), length->data() + length->size(), value);
            if (error == std::errc() && end == length->data() + length->size() && value >= 0) {
                left_ = std::min(left_, value);
            }
        }
        if (status == 204 || status == 304 || left_ <= 0) done_ = true;
    }

    // True when nothing more is wanted.
    bool feed(QByteArrayView in) {
        if (!chunked_) return append(in);
        while (!done_ && !in.isEmpty()) {
            if (in_chunk_ > 0) {
                const qsizetype count = std::min(in.size(), in_chunk_);
                append(in.first(count));
                in_chunk_ -= count;
                in = in.sliced(count);
            } else {
                take_line(in.front());
                in = in.sliced(1);
            }
        }
        return done_;
    }

    [[nodiscard]] bool done() const noexcept { return done_; }
    [[nodiscard]] const QByteArray& bytes() const noexcept { return bytes_; }

private:
    bool append(QByteArrayView in) {
        const qsizetype count = std::min(in.size(), left_);
        bytes_.append(in.first(count));
        left_ -= count;
        if (left_ == 0) done_ = true;
        return done_;
    }

    // RFC 9112 7.1: chunk-size in hexadecimal, perhaps an extension, CR LF; an empty line ends the
    // chunk before it.
    void take_line(char c) {
        if (c != '\n') {
            if (line_.size() < 16 && c != '\r') line_.append(c);
            return;
        }
        if (!line_.isEmpty()) {
            const auto* const end = line_.constData() + line_.size();
            const auto [stop, error] = std::from_chars(line_.constData(), end, in_chunk_, 16);
            const bool usable = error == std::errc() && in_chunk_ > 0 &&
                                (stop == end || *stop == ';' || *stop == ' ');
            if (!usable) done_ = true; // the last chunk, or no chunk at all
        }
        line_.clear();
    }

    QByteArray bytes_;
    QByteArray line_;
    qsizetype left_;
    qsizetype in_chunk_ = 0;
    bool chunked_ = false;
    bool done_ = false;
};

} // namespace framewire::qt::detail

#endif
