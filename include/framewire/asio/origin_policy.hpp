// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Which web pages may open connections to a server.

#ifndef FRAMEWIRE_ASIO_ORIGIN_POLICY_HPP
#define FRAMEWIRE_ASIO_ORIGIN_POLICY_HPP

#include <framewire/handshake/origin.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace framewire::net {

/// Which web pages may open connections. A browser connects on behalf of any page whatever, with
/// the cookies of its user, and names the page in the Origin field (RFC 6455 10.2). So a server has
/// to decide, and there is no default. Requests without the field come from programs, which could
/// name any origin they like; they are let through. Cheap to copy.
class origin_policy {
public:
    /// Every page may connect. Right when nothing of value can be had or done without further
    /// authentication than a cookie, or when the application looks at `upgrade_request::origin`.
    [[nodiscard]] static origin_policy any() { return origin_policy(true, {}); }
    /// No page may connect: programs only.
    [[nodiscard]] static origin_policy none() { return origin_policy(false, {}); }
    /// Pages of these origins may connect, "https://example.org" or "http://localhost:8080". There
    /// are no wildcards: see `origin_allowed`.
    [[nodiscard]] static origin_policy list(std::vector<std::string> origins) {
        return origin_policy(false, std::move(origins));
    }

    /// \param origin the Origin field; empty when there is none.
    [[nodiscard]] bool allows(std::string_view origin) const noexcept {
        return any_ || origin.empty() || (origins_ && origin_allowed(origin, *origins_));
    }

private:
    origin_policy(bool any, std::vector<std::string> origins) : any_(any) {
        if (origins.empty()) return;
        origins_ = std::make_shared<const std::vector<std::string>>(std::move(origins));
    }

    bool any_;
    std::shared_ptr<const std::vector<std::string>> origins_;
};

} // namespace framewire::net

#endif
