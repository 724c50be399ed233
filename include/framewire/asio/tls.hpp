// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// TLS as it should be: contexts with safe defaults, clients that check whom they talk to, words for
// what a certificate lacks, and how a stream over TLS ends.

#ifndef FRAMEWIRE_ASIO_TLS_HPP
#define FRAMEWIRE_ASIO_TLS_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/transport.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#else
#include <asio/ssl/context.hpp>
#include <asio/ssl/error.hpp>
#include <asio/ssl/stream.hpp>
#endif

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace framewire::net {

/// A TLS context, or why there is none.
struct [[nodiscard]] tls_setup {
    std::shared_ptr<io::ssl::context> context; ///< Null when it could not be made.
    error_code error;
    std::string error_text; ///< One sentence that names the file and what is wrong with it.

    explicit operator bool() const noexcept { return context != nullptr; }
};

namespace detail {

template <auto Free> struct tls_deleter {
    template <typename T> void operator()(T* object) const noexcept { Free(object); }
};
using bio_ptr = std::unique_ptr<BIO, tls_deleter<BIO_free_all>>;

// The oldest error in OpenSSL's queue, which is emptied.
[[nodiscard]] inline error_code take_tls_error() noexcept {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return io::error::invalid_argument;
    if (ERR_GET_LIB(code) == ERR_LIB_SYS) {
        return {ERR_GET_REASON(code), io::error::get_system_category()};
    }
    return {static_cast<int>(code), io::error::get_ssl_category()};
}

[[nodiscard]] inline tls_setup tls_failed(std::string text, const error_code& error) {
    return {nullptr, error, std::move(text)};
}
[[nodiscard]] inline tls_setup tls_failed_by_file(const char* what, const std::string& file,
                                                  const error_code& error) {
    return tls_failed("cannot read the " + (what + (" " + file)) + ": " + error.message(), error);
}

// The file cannot be read: an error of the system.
[[nodiscard]] inline error_code unreadable(const std::string& file) {
    ERR_clear_error();
    const bio_ptr in(BIO_new_file(file.c_str(), "r"));
    char first = 0;
    // A folder can be opened, and not read.
    if (in && (BIO_read(in.get(), &first, 1) == 1 || ERR_peek_error() == 0)) return {};
    return take_tls_error();
}

// RFC 9325 3.1.1: TLS 1.2 at least.
[[nodiscard]] inline tls_setup new_tls_context(const SSL_METHOD* method) {
    ERR_clear_error();
    std::unique_ptr<SSL_CTX, tls_deleter<SSL_CTX_free>> made(SSL_CTX_new(method));
    if (!made) return tls_failed("OpenSSL made no TLS context", take_tls_error());
    SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(made.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    // Without it OpenSSL asks at the terminal.
    SSL_CTX_set_default_passwd_cb(made.get(), [](char*, int, int, void*) { return -1; });
    tls_setup result;
    result.context = std::make_shared<io::ssl::context>(made.get());
    (void)made.release(); // it is the context's now
    return result;
}

} // namespace detail

/// A context for clients: TLS 1.2 or newer, the peer has to have a certificate that is valid.
/// \param ca_file PEM file with the authorities to trust, and no others; empty: those that the
/// system trusts.
[[nodiscard]] inline tls_setup make_client_tls(const std::string& ca_file = {}) {
    tls_setup result = detail::new_tls_context(TLS_client_method());
    if (!result) return result;
    SSL_CTX* const context = result.context->native_handle();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (ca_file.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) == 1) return result;
        return detail::tls_failed("cannot load the certificates that the system trusts",
                                  detail::take_tls_error());
    }
    if (const error_code error = detail::unreadable(ca_file)) {
        return detail::tls_failed_by_file("authorities in", ca_file, error);
    }
    if (SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) == 1) return result;
    return detail::tls_failed("there is no certificate in PEM form in " + ca_file,
                              detail::take_tls_error());
}

/// The context of `make_client_tls()`, made once in a program: reading what the system trusts takes
/// its time.
[[nodiscard]] inline const tls_setup& default_client_tls() {
    static const tls_setup setup = make_client_tls();
    return setup;
}

/// A context for servers: TLS 1.2 or newer.
/// \param chain_file PEM file with the certificate, then those of the intermediate authorities.
/// \param key_file PEM file with the private key, without a passphrase.
[[nodiscard]] inline tls_setup make_server_tls(const std::string& chain_file,
                                               const std::string& key_file) {
    tls_setup result = detail::new_tls_context(TLS_server_method());
    if (!result) return result;
    SSL_CTX* const context = result.context->native_handle();
    if (const error_code error = detail::unreadable(chain_file)) {
        return detail::tls_failed_by_file("certificate", chain_file, error);
    }
    if (SSL_CTX_use_certificate_chain_file(context, chain_file.c_str()) != 1) {
        return detail::tls_failed("there is no certificate in PEM form in " + chain_file,
                                  detail::take_tls_error());
    }
    if (const error_code error = detail::unreadable(key_file)) {
        return detail::tls_failed_by_file("private key", key_file, error);
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        const unsigned long last = ERR_peek_last_error();
        const bool other =
            ERR_GET_LIB(last) == ERR_LIB_X509 && ERR_GET_REASON(last) == X509_R_KEY_VALUES_MISMATCH;
        return detail::tls_failed(
            other ? "the private key in " + key_file + " is not the one of the certificate in " +
                        chain_file
                  : "there is no private key in PEM form and without a passphrase in " + key_file,
            detail::take_tls_error());
    }
    if (SSL_CTX_check_private_key(context) == 1) return result;
    return detail::tls_failed("the private key in " + key_file +
                                  " is not the one of the certificate in " + chain_file,
                              detail::take_tls_error());
}

namespace detail {

// Kept with the SSL object: what its user wants to know about certificates, and what was wrong with
// one.
struct certificate_check {
    SSL_verify_cb before = nullptr; // what the context's owner set
    std::string problem;
};

[[nodiscard]] inline int certificate_check_index() noexcept {
    static const int index = SSL_get_ex_new_index(
        0, nullptr, nullptr, nullptr, [](void*, void* check, CRYPTO_EX_DATA*, int, long, void*) {
            delete static_cast<certificate_check*>(check);
        });
    return index;
}

[[nodiscard]] inline certificate_check* certificate_check_of(const SSL* ssl) noexcept {
    return static_cast<certificate_check*>(SSL_get_ex_data(ssl, certificate_check_index()));
}

// Like all that a peer says: ASCII without control characters, and not without end.
[[nodiscard]] inline std::string subject_of(X509* certificate) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    if (!out ||
        X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) {
        return {};
    }
    std::array<char, 200> text{};
    const int size = BIO_read(out.get(), text.data(), static_cast<int>(text.size()));
    return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

[[nodiscard]] inline std::string alternative_name(const GENERAL_NAME& name) {
    const auto octets = [](const ASN1_STRING* from) {
        return std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(from)),
                                static_cast<std::size_t>(ASN1_STRING_length(from)));
    };
    if (name.type == GEN_DNS) {
        std::string text;
        for (const char c : octets(name.d.dNSName).substr(0, 100))
            text += c > ' ' && c <= '~' ? c : '?';
        return text;
    }
    if (name.type != GEN_IPADD) return {};
    const std::string_view bytes = octets(name.d.iPAddress);
    const auto copy = [&](auto into) {
        for (std::size_t i = 0; i < into.size(); ++i)
            into[i] = static_cast<unsigned char>(bytes[i]);
        return into;
    };
    using v4 = io::ip::address_v4;
    using v6 = io::ip::address_v6;
    if (bytes.size() == 4) return v4(copy(v4::bytes_type{})).to_string();
    if (bytes.size() == 16) return v6(copy(v6::bytes_type{})).to_string();
    return {};
}

// The first few names that the certificate is for (RFC 9525 3): "example.org, 192.0.2.1".
[[nodiscard]] inline std::string names_of(X509* certificate) {
    const std::unique_ptr<GENERAL_NAMES, tls_deleter<GENERAL_NAMES_free>> names(
        static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::string text;
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    constexpr int most = 4;
    for (int i = 0; i < count; ++i) {
        if (!text.empty()) text += ", ";
        if (i == most) return text + "...";
        text += alternative_name(*sk_GENERAL_NAME_value(names.get(), i));
    }
    return text;
}

[[nodiscard]] inline std::string describe_problem(X509_STORE_CTX* store) {
    const int error = X509_STORE_CTX_get_error(store);
    std::string text = X509_verify_cert_error_string(error);
    X509* const certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate == nullptr) return text;
    const std::string subject = subject_of(certificate);
    text += " (the certificate";
    if (!subject.empty()) text += " of " + subject;
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        const std::string names = names_of(certificate);
        text += names.empty() ? " is for no host" : " is for " + names;
    } else if (subject.empty()) {
        text += " has no subject";
    }
    return text + ')';
}

inline int check_certificate(int valid, X509_STORE_CTX* store) {
    auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    certificate_check* const check = ssl != nullptr ? certificate_check_of(ssl) : nullptr;
    if (check == nullptr) return 0;
    if (check->before != nullptr) valid = check->before(valid, store);
    if (valid == 1 || !check->problem.empty()) return valid;
    try {
        check->problem = describe_problem(store);
    } catch (...) { // no memory for words; OpenSSL is C
    }
    return valid;
}

// RFC 6066 3: a name for SNI has no trailing dot, and is not an address.
[[nodiscard]] inline std::string without_dot(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    return std::string(host);
}

[[nodiscard]] inline bool is_address(const std::string& host) {
    error_code error;
    (void)io::ip::make_address(host, error);
    return !error;
}

[[nodiscard]] inline error_code name_tls_host(SSL* ssl, const std::string& host) {
    ERR_clear_error();
    if (is_address(host)) return {};
    const std::string name = without_dot(host);
    // A name that begins with a dot would stand for all names below it; an empty one for any.
    if (name.empty() || name.front() == '.' || name.find('\0') != std::string::npos) {
        return io::error::invalid_argument;
    }
    // SSL_set_tlsext_host_name is a macro with a cast of C's.
    const long set = SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                              const_cast<char*>(name.c_str()));
    return set == 1 ? error_code() : take_tls_error();
}

[[nodiscard]] inline error_code verify_tls_host(SSL* ssl, const std::string& host) {
    X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
    error_code none;
    const auto address = io::ip::make_address(host, none);
    int set = 0;
    if (none) {
        // RFC 9525 6.3 and 6.4: only subjectAltName counts, and "*" stands for a whole label.
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        set = SSL_set1_host(ssl, without_dot(host).c_str());
    } else if (address.is_v4()) {
        set = X509_VERIFY_PARAM_set1_ip(parameters, address.to_v4().to_bytes().data(), 4);
    } else {
        set = X509_VERIFY_PARAM_set1_ip(parameters, address.to_v6().to_bytes().data(), 16);
    }
    if (set != 1) return take_tls_error();
    if (certificate_check_of(ssl) == nullptr) {
        auto check = std::make_unique<certificate_check>();
        check->before = SSL_get_verify_callback(ssl);
        if (SSL_set_ex_data(ssl, certificate_check_index(), check.get()) != 1) {
            return take_tls_error();
        }
        (void)check.release(); // it is the SSL object's now
    }
    SSL_set_verify(ssl, SSL_get_verify_mode(ssl) | SSL_VERIFY_PEER, check_certificate);
    return {};
}

} // namespace detail

/// Has a client's TLS handshake go on only with a server that has a valid certificate for `host`:
/// call it before `async_handshake(stream_base::client)`.
///
/// A name is told to the server (SNI, RFC 6066 3), and the certificate has to be for it: by
/// subjectAltName alone, in which "*" stands for a whole label (RFC 9525 6). An IP address has to
/// be in the certificate as such. A context that verifies nothing is overruled; a callback that it
/// has (`set_verify_callback`) is asked as well, and has the last word.
///
/// \param host as in a URI, an IPv6 address without brackets. A name in its IDNA form.
/// Errors: `invalid_argument` for what is not a host; what OpenSSL says.
template <typename Next>
[[nodiscard]] error_code prepare_tls(io::ssl::stream<Next>& stream, const std::string& host) {
    const error_code error = detail::name_tls_host(stream.native_handle(), host);
    return error ? error : detail::verify_tls_host(stream.native_handle(), host);
}

/// Has a client's TLS handshake go on with anybody: whoever sits in between can read and change
/// everything. For tests, and for devices whose certificate proves nothing.
template <typename Next> [[nodiscard]] error_code
prepare_tls_trusting_anyone_insecurely(io::ssl::stream<Next>& stream, const std::string& host) {
    SSL_set_verify(stream.native_handle(), SSL_VERIFY_NONE, nullptr);
    return detail::name_tls_host(stream.native_handle(), host);
}

/// Why the certificate was not accepted, after a handshake that `prepare_tls` prepared has failed:
/// "certificate has expired (the certificate of CN=example.org)". Empty when that is not why.
template <typename Next>
[[nodiscard]] std::string certificate_problem(io::ssl::stream<Next>& stream) {
    const auto* const check = detail::certificate_check_of(stream.native_handle());
    return check != nullptr ? check->problem : std::string();
}

namespace detail {

template <typename Socket>
concept half_closable = requires(Socket& socket, error_code error) {
    socket.shutdown(io::socket_base::shutdown_send, error);
};

// Reads and throws away until the peer ends or the socket is closed. When a socket is closed with
// bytes unread, its peer may lose what it has not read yet.
template <typename Socket, typename Handler> class drain_op {
public:
    drain_op(Socket& socket, Handler handler)
        : socket_(&socket), handler_(std::move(handler)), room_(new room_type) {}

    void start() {
        Socket& socket = *socket_;
        const auto room = io::buffer(*room_);
        socket.async_read_some(room, std::move(*this));
    }
    void operator()(const error_code& error, std::size_t /*size*/) {
        if (!error) return start();
        handler_(error == io::error::eof ? error_code() : error);
    }

private:
    using room_type = std::array<char, 4096>;
    Socket* socket_;
    Handler handler_;
    std::unique_ptr<room_type> room_;
};

// Ends the sending half, and waits for the peer's end.
template <half_closable Socket, typename Handler>
void shut_down_and_drain(Socket& socket, Handler handler) {
    error_code ignored;
    (void)socket.shutdown(io::socket_base::shutdown_send, ignored);
    drain_op<Socket, Handler>(socket, std::move(handler)).start();
}

} // namespace detail

/// TLS ends by close_notify (RFC 8446 6.1). Waiting for the peer's is bounded by `timeouts::close`.
template <typename Next> struct transport_traits<io::ssl::stream<Next>> {
    static constexpr bool shutdown_is_the_end = true;

    static void close(io::ssl::stream<Next>& transport) noexcept {
        error_code ignored;
        (void)transport.lowest_layer().close(ignored);
    }

    template <typename Handler>
    static void async_shutdown(io::ssl::stream<Next>& transport, Handler handler) {
        transport.async_shutdown([&next = transport.next_layer(),
                                  handler = std::move(handler)](const error_code& error) mutable {
            // TLS fails when the peer has not seen our end yet and goes on sending.
            if constexpr (detail::half_closable<std::remove_reference_t<Next>>) {
                if (error.category() == io::error::get_ssl_category()) {
                    return detail::shut_down_and_drain(next, std::move(handler));
                }
            }
            handler(error);
        });
    }
};

} // namespace framewire::net

#endif
