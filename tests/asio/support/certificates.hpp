// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A certificate authority of the tests' own, made by openssl when it is first needed.

#ifndef FRAMEWIRE_TESTS_ASIO_SUPPORT_CERTIFICATES_HPP
#define FRAMEWIRE_TESTS_ASIO_SUPPORT_CERTIFICATES_HPP

#include <framewire/asio/tls.hpp>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include <stdlib.h>

namespace framewire::test {

class certificate_folder {
public:
    certificate_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "framewire-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        folder_ = name;
        const std::string script = FRAMEWIRE_PEERS "/make_certificates.sh";
        if (std::system(("'" + script + "' '" + name + "'").c_str()) != 0) {
            throw std::runtime_error("make_certificates.sh failed: is openssl installed?");
        }
    }
    certificate_folder(const certificate_folder&) = delete;
    certificate_folder& operator=(const certificate_folder&) = delete;
    ~certificate_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    [[nodiscard]] std::string path(const std::string& name) const {
        return (folder_ / name).string();
    }

    /// For a server that shows the certificate of that name: see make_certificates.sh.
    [[nodiscard]] std::shared_ptr<net::io::ssl::context> of_server(const std::string& name) const {
        const net::tls_setup setup = net::make_server_tls(path(name + ".pem"), path(name + ".key"));
        if (!setup) throw std::runtime_error(setup.error_text);
        return setup.context;
    }
    /// For a client that trusts the authority.
    [[nodiscard]] std::shared_ptr<net::io::ssl::context> of_client() const {
        const net::tls_setup setup = net::make_client_tls(path("ca.pem"));
        if (!setup) throw std::runtime_error(setup.error_text);
        return setup.context;
    }

private:
    std::filesystem::path folder_;
};

inline const certificate_folder& certificates() {
    static const certificate_folder folder;
    return folder;
}

} // namespace framewire::test

#endif
