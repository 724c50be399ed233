// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// framewire::errc as the error code that completion handlers are given. `ec == errc::not_open`,
// `ec == condition::timeout` and `error_code ec = errc::not_open` work with either Asio.

#ifndef FRAMEWIRE_ASIO_ERROR_HPP
#define FRAMEWIRE_ASIO_ERROR_HPP

#include <framewire/asio/config.hpp>
#include <framewire/error.hpp>

#include <string>
#include <system_error>
#include <type_traits>

#if FRAMEWIRE_BOOST_ASIO

template <> struct boost::system::is_error_code_enum<framewire::errc> : std::true_type {};

// From Boost 1.77 on, Boost's error code holds a std::error_code as it is. Before, a cause needs a
// category of Boost's own, and all that goes with it.
#if BOOST_VERSION < 107700
#define FRAMEWIRE_OWN_BOOST_CATEGORY

namespace framewire::net::detail {

class boost_category_impl final : public ::boost::system::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "framewire"; }
    [[nodiscard]] std::string message(int value) const override {
        return std::string(framewire::message(static_cast<errc>(value)));
    }
};

[[nodiscard]] inline const ::boost::system::error_category& boost_category() noexcept {
    static const boost_category_impl instance;
    return instance;
}

} // namespace framewire::net::detail

// Boost's own versions of these two call make_error_code(errc), which gives a std::error_code.
template <> inline boost::system::error_code::error_code(framewire::errc error, void*) noexcept
    : error_code(static_cast<int>(error), framewire::net::detail::boost_category()) {}

template <> inline boost::system::error_code&
boost::system::error_code::operator=(framewire::errc error) noexcept {
    return *this = error_code(error);
}

#endif
#endif

namespace framewire::net {

/// The error code for a cause. `success` becomes `error_code{}`, as Asio says it.
[[nodiscard]] inline error_code make_error(errc error) noexcept {
    return error == errc::success ? error_code{} : error_code(error);
}

/// The same error as std::error_code. Boost's own conversion does that too, but only from 1.77 on.
[[nodiscard]] inline std::error_code to_std(const error_code& error) noexcept {
#ifdef FRAMEWIRE_OWN_BOOST_CATEGORY
    if (error.category() == detail::boost_category()) return static_cast<errc>(error.value());
#endif
    return error;
}

} // namespace framewire::net

#ifdef FRAMEWIRE_OWN_BOOST_CATEGORY

namespace framewire {

// Found by argument-dependent lookup through errc and condition.
[[nodiscard]] inline bool operator==(const ::boost::system::error_code& left, errc right) noexcept {
    return net::to_std(left) == make_error_code(right);
}

[[nodiscard]] inline bool operator==(const ::boost::system::error_code& left,
                                     condition right) noexcept {
    return net::to_std(left) == make_error_condition(right);
}

} // namespace framewire

#undef FRAMEWIRE_OWN_BOOST_CATEGORY
#endif

#endif
